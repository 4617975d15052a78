"""The deployed binaries speak to the region through a proxy that somebody else wrote to break AWS's protocols: microburst.

    function's process ──▶ microburst (faults) ──▶ a relay of this file ──▶ the region of one rehearsal

A rehearsal opens its region at a port of its own; each function's script tells it to the relay, and starts the binary with microburst as its endpoint. microburst answers for the
service, in the service's protocol: throttles, 5xx, 504 after a while; or it resets the connection, is slow, or spoils the real answer: half a body, an end in the middle.

Whatever it does, the rehearsal must end as it does without: outcome, state of the application, lost records, and each change sent exactly as often. Every fault must have struck,
or the story proves nothing. A sabotage puts a rollback into the place of the real one that sends again what had no readable answer; it must be found.
"""

import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from clients import pinned
from moto_server import free_port
from region import FUNCTIONS, rehearsed, sandbox
from tools import HERE, TOOLS, Engine, Outcome, venv

START_SECS = 60
NO_REGION = b"HTTP/1.1 503 No region yet\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

# What microburst does, in its own words; `times` is how often it strikes a verb before the verb works again. A read is tried three times by the SDK, a change once.
FAULTS = {
    "throttled": {"error": {"code": "ThrottlingException", "status": 400}, "times": 2},
    "throttled for long": {"error": {"code": "ThrottlingException", "status": 400}, "times": 5},
    "500": {"error": {"code": "InternalFailure", "status": 500}, "times": 2},
    "503": {"error": {"code": "ServiceUnavailable", "status": 503}, "times": 2},
    "504 after a while": {"timeout_ms": 700, "times": 1},
    "reset": {"reset": True, "times": 2},
    "slow": {"latency": 1200, "times": 2},
    "half a body": {"response": {"truncate_frac": 0.5}, "times": 1},
    "an end in the middle": {"response": {"abort_frac": 0.5}, "times": 1},
    "another content type": {"response": {"set_headers": {"Content-Type": "text/html"}}, "times": 1},
}
# As botocore names the services, and as requests to them are signed.
FLINK, EXECUTIONS, ALARMS = "kinesisanalyticsv2", "stepfunctions", "cloudwatch"
SIGNED = ("kinesisanalytics", "states", "monitoring")
READS = [(FLINK, verb) for verb in ("DescribeApplication", "ListTagsForResource", "ListApplicationOperations", "ListApplicationSnapshots", "CreateApplicationPresignedUrl")]
STEPS = [(FLINK, verb) for verb in ("StopApplication", "UpdateApplication", "StartApplication")]
# What is struck: a scenario, its verbs, and the faults of a quick run.
TARGETS = {
    "every read": ("bad-deployment", READS, ["throttled", "half a body"]),
    "the rollback": ("bad-deployment", [(FLINK, "RollbackApplication")], ["throttled for long", "504 after a while", "reset", "half a body"]),
    "the start": ("bad-deployment", [(EXECUTIONS, "StartExecution")], ["throttled for long", "reset", "half a body", "another content type"]),
    "the alarms": ("bad-deployment", [(ALARMS, "DescribeAlarms"), (ALARMS, "PutMetricAlarm")], ["503"]),
    "every step": ("rollback-refused", STEPS, ["throttled for long", "504 after a while", "an end in the middle"]),
    "the snapshot": ("snapshots-stale", [(FLINK, "CreateApplicationSnapshot")], ["503", "half a body"]),
    "the deletions": ("snapshots-stale", [(FLINK, "DeleteApplicationSnapshot")], ["reset"]),
}
# Not to be expected there, and why.
LEFT_OUT = {
    ("the alarms", "throttled for long"): "a rehearsal begins with one run of alarm-keeper, and Lambda's second try is not part of it",
    ("the alarms", "half a body"): "the same: the SDK does not try again what it cannot read",
    ("the snapshot", "throttled for long"): "what could not be taken is left to the next check",
    ("the deletions", "throttled for long"): "what could not be deleted is left to the next check",
}
# Fault and place that show a function which repeats a change.
SABOTAGE = ("the rollback", "half a body")


class Relay:
    """Passes connections on to the region whose endpoint stands in a file."""

    def __init__(self, told):
        self.told, self.port = told, free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                port = int(self.told.read_text(encoding="utf8").strip().rsplit(":", 1)[1])
                region = socket.create_connection(("127.0.0.1", port))
            except (OSError, ValueError, IndexError):
                self.refuse(client)
                continue
            for one, other in ((client, region), (region, client)):
                threading.Thread(target=self.pass_on, args=(one, other), daemon=True).start()

    @staticmethod
    def refuse(client):
        with client:
            try:
                client.recv(65536)
                client.sendall(NO_REGION)
            except OSError:
                pass

    @staticmethod
    def pass_on(one, other):
        try:
            while part := one.recv(65536):
                other.sendall(part)
        except OSError:
            pass
        for side in (one, other):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Proxy:
    """microburst, and a folder of scripts that start the binaries behind it."""

    def __init__(self, folder, binaries):
        self.folder, self.port = folder, free_port()
        # By a host name of several parts microburst would read the models of all services at its first request: ten seconds of computing.
        self.address = f"http://localhost:{self.port}"
        self.relay = Relay(folder / "endpoint")
        self.scripts(binaries)
        command = [venv("microburst").parent / "microburst", "--port", str(self.port), "--upstream", f"http://127.0.0.1:{self.relay.port}"]
        self.log = open(folder / "log", "w", encoding="utf8")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)

    def scripts(self, binaries, **others):
        """One for each function; `others` start something else instead."""
        for name in FUNCTIONS:
            starts = others.get(name.replace("-", "_"), binaries / name)
            script = self.folder / name
            lines = ["#!/bin/sh", f'echo "$AWS_ENDPOINT_URL" > "{self.folder}/endpoint"', f"export AWS_ENDPOINT_URL={self.address}", f"exec {starts}"]
            script.write_text("\n".join(lines) + "\n", encoding="utf8")
            script.chmod(0o755)

    def control(self, method, path, told=None):
        asked = urllib.request.Request(f"{self.address}/_microburst/{path}", method=method, data=json.dumps(told).encode() if told is not None else None)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.load(answer)

    def wait(self):
        until = time.monotonic() + START_SECS
        while self.process.poll() is None and time.monotonic() < until:
            try:
                return self.control("GET", "health")
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"microburst did not start: {(self.folder / 'log').read_text(encoding='utf8')[-500:]}")

    def warm(self):
        """microburst reads a service's model when it first meets the service, and answers nobody meanwhile."""
        for service in SIGNED:
            key = f"Credential=operator/20260101/us-east-1/{service}/aws4_request"
            headers = {"Authorization": f"AWS4-HMAC-SHA256 {key}, SignedHeaders=host, Signature=0", "X-Amz-Target": "Any.Verb"}
            asked = urllib.request.Request(f"{self.address}/", method="POST", data=b"{}", headers=headers)
            try:
                urllib.request.urlopen(asked, timeout=START_SECS)
            except urllib.error.HTTPError as answer:
                answer.close()

    def strike(self, verbs, fault):
        """From now on, each of these verbs is struck."""
        self.control("DELETE", "fired")
        self.control("POST", "rules", [{"service": service, "operation": verb, **FAULTS[fault]} for service, verb in verbs])

    def struck(self):
        """How often, by verb."""
        fired = self.control("GET", "fired?limit=2000")
        return {verb: sum(one["operation"] == verb for one in fired) for verb in {one["operation"] for one in fired}}


@contextmanager
def proxy(binaries):
    with tempfile.TemporaryDirectory(dir=TOOLS) as folder:
        one = Proxy(Path(folder), binaries)
        try:
            one.wait()
            one.warm()
            yield one
        finally:
            # Asked to end, it would wait for connections that functions keep open.
            one.process.kill()
            one.process.wait()
            one.relay.listener.close()
            one.log.close()


def told(rehearsal):
    """What no fault on the way may change."""
    return {
        "outcome": rehearsal["outcome"],
        "complaints": rehearsal["complaints"],
        "application": rehearsal["application"],
        "changes": [(one["action"], one["by"], one["outcome"], one["changed"]) for one in rehearsal["actions"]],
        "failed executions": [one["status"] for one in rehearsal["executions"] if one["status"] != "SUCCEEDED"],
        "lost records": rehearsal["records"]["lost"],
    }


def held(one, binary, expected, target, fault):
    """What differs, how many points agree, how often microburst struck."""
    scenario, verbs, _ = TARGETS[target]
    name = f"{scenario}, {target}: {fault}"
    one.strike(verbs, fault)
    try:
        found, struck = told(rehearsed(binary, scenario, "--functions", one.folder)), one.struck()
    except RuntimeError as error:
        return [f"{name}: {error}"], 0, 0
    complaints = [f"{name}: {point} {found[point]}, and {expected[scenario][point]} without the proxy" for point in found if found[point] != expected[scenario][point]]
    complaints += [f"{name}: {verb} was never struck" for _, verb in verbs if not struck.get(verb)]
    return complaints, len(found) + len(verbs) - len(complaints), sum(struck.values())


def sabotaged(one, binary, expected):
    """A complaint where nobody notices a function that repeats a change."""
    one.scripts(binary.parent, rollback=f"{sys.executable} -B {HERE / 'blind_rollback.py'}")
    complaints, _, _ = held(one, binary, expected, *SABOTAGE)
    one.scripts(binary.parent)
    if not any(": changes " in complaint for complaint in complaints):
        return [f"sabotage not found: a rollback that repeats blindly; found {complaints}"]
    return []


def run(stories):
    """Every story, two at a time."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    binary, outcome = sandbox(), Outcome(version=pinned("microburst", "microburst"))
    venv("microburst")
    expected = {scenario: told(rehearsed(binary, scenario)) for scenario in sorted({scenario for scenario, _, _ in TARGETS.values()})}
    lock, struck = threading.Lock(), []

    def lane(mine, sabotage):
        with proxy(binary.parent) as one:
            for target, fault in mine:
                complaints, agreements, times = held(one, binary, expected, target, fault)
                with lock:
                    outcome.complaints += complaints
                    outcome.agreements += agreements
                    struck.append(times)
            return sabotaged(one, binary, expected) if sabotage else []

    with ThreadPoolExecutor(2) as lanes:
        for complaints in lanes.map(lane, (stories[::2], stories[1::2]), (False, True)):
            outcome.complaints += complaints
    outcome.scenarios = len(stories) + 1
    print(f"  {len(stories)} stories, struck {sum(struck)} times")
    return outcome


QUICK = [(target, fault) for target, (_, _, faults) in TARGETS.items() for fault in faults]
ALL = [(target, fault) for target in TARGETS for fault in FAULTS if (target, fault) not in LEFT_OUT]

ENGINES = {
    "microburst": Engine("the functions' binaries through a proxy that breaks AWS's protocols: each rehearsal ends as without, each change is sent as often", lambda: run(QUICK)),
    "microburst-all": Engine("the same, every fault at every place", lambda: run(ALL), slow=True),
}
