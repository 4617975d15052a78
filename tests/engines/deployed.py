"""What is deployed, and where it is deployed to: cargo-lambda's release build and cargo-lambda's own emulator of Lambda."""

import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import processes
from region import FUNCTIONS, person, sandbox, served, target
from tools import ROOT, Engine, Outcome, venv

# Amazon Linux 2023, which `provided.al2023` is.
GLIBC = (2, 34)
# A Lambda pays for every megabyte at each cold start; the binaries are well below.
MOST_MEGABYTES = 10
FIXTURES = ROOT / "functions" / "alarm-handler" / "tests" / "fixtures"
# Events that end in an execution, in nothing, in a refusal, and in an error.
EVENTS = ["eventbridge-metric-math", "lambda-metric-math", "sns-two-records", "eventbridge-ok", "eventbridge-start-application", "rubbish-null", "eventbridge-other-namespace", "execution-input-left-out"]
# Where the fixtures are from, and where the sandbox is: events from elsewhere are refused.
MOVED = [("111122223333", "123456789012"), ("eu-central-1", "us-east-1"), ("EU (Frankfurt)", "US East (N. Virginia)"), (":remediate", ":lifeguard-remediate")]
STACK = {"AWS_REGION": "us-east-1", "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:lifeguard-remediate", "ALARM_APPLICATIONS": "",
         "OWN_ROLES": "arn:aws:iam::123456789012:role/lifeguard-RollbackRole", "LEDGER_TABLE": "lifeguard-LedgerTable"}


def tools(*more):
    """cargo-lambda, and the variables with which it finds what more it needs: its zig is large, and only a build needs it."""
    folder = venv("lambda").parent
    path = [str(venv(name).parent) for name in more] + [str(folder), os.environ["PATH"]]
    return str(folder / "cargo-lambda"), {**os.environ, "PATH": ":".join(path)}


def newest_glibc(binary):
    """Of the versions that a binary's dynamic symbols ask for."""
    versions = {tuple(map(int, found.split(b"."))) for found in re.findall(rb"GLIBC_(\d+\.\d+(?:\.\d+)?)", binary.read_bytes())}
    return max(versions, default=(0,))


def release():
    cargo_lambda, variables = tools("zig")
    # Each in its own folder, as `sam build` does it: built together, one would have the features of another.
    for name in FUNCTIONS:
        asked = [cargo_lambda, "lambda", "build", "--release", "--bin", name]
        done = subprocess.run(asked, cwd=ROOT / "functions" / name, capture_output=True, text=True, check=False, env=variables)
        if done.returncode:
            raise RuntimeError(f"cargo lambda build of {name}: {done.stderr.strip()[-2000:]}")
    folder = target() / "lambda"
    outcome = processes.in_processes(sandbox(), folder)
    binaries = [folder / name / "bootstrap" for name in FUNCTIONS]
    sizes = [binary.stat().st_size / 1e6 for binary in binaries]
    glibc = max(map(newest_glibc, binaries))
    outcome.scenarios += len(binaries)
    if glibc > GLIBC:
        outcome.complaints.append(f"the binaries need glibc {glibc}, and Amazon Linux 2023 has {GLIBC}")
    if max(sizes) > MOST_MEGABYTES:
        outcome.complaints.append(f"a binary has {max(sizes):.1f} MB")
    outcome.agreements += 2 * len(binaries) * (not outcome.complaints)
    outcome.version = f"{min(sizes):.1f}-{max(sizes):.1f} MB, glibc {'.'.join(map(str, glibc))}"
    return outcome


@contextmanager
def emulated(binary, region):
    """A function's binary under cargo-lambda's emulator, its calls going to a served region; the emulator's address."""
    cargo_lambda, variables = tools()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    watch = [cargo_lambda, "lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1", "--invoke-port", str(port)]
    emulator = subprocess.Popen(watch, cwd=ROOT, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    function = None
    try:
        until_it_listens(emulator, port)
        # As the emulator tells those to set who start the function themselves.
        own = {"AWS_LAMBDA_RUNTIME_API": f"http://127.0.0.1:{port}/.rt", "AWS_LAMBDA_FUNCTION_NAME": "_", "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"}
        function = subprocess.Popen([binary], env={**person(region), **STACK, **own}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        yield f"http://127.0.0.1:{port}"
    finally:
        for process in filter(None, (function, emulator)):
            process.terminate()
            process.wait(timeout=20)


def until_it_listens(process, port):
    while process.poll() is None:
        with socket.socket() as trial:
            trial.settimeout(0.2)
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        try:
            process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            pass
    raise RuntimeError("cargo lambda watch ended")


def invoked(address, name, event):
    """The answer of a function and whether it is an error, by Lambda's Invoke."""
    request = urllib.request.Request(f"{address}/2015-03-31/functions/{name}/invocations", data=event, method="POST")
    request.add_header("Authorization", "AWS4-HMAC-SHA256 Credential=operator/20260304/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            body, failed = json.load(answer), "x-amz-function-error" in answer.headers
    except urllib.error.HTTPError as error:
        # The emulator answers a failed function with a failure of its own, the function's error in the body.
        body, failed = json.loads(error.read()), True
    if failed:
        return "failed", {name: body.get(name) for name in ("errorType", "errorMessage")}
    return "answered", body


def until_executions_end(region):
    """Returns when no execution runs; the sandbox serves every service under one address and tells them apart by the credential's scope."""
    running = {"stateMachineArn": STACK["STATE_MACHINE_ARN"], "statusFilter": "RUNNING"}
    authorization = "AWS4-HMAC-SHA256 Credential=operator/20260304/us-east-1/states/aws4_request, SignedHeaders=host, Signature=0"
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AWSStepFunctions.ListExecutions", "Authorization": authorization}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        request = urllib.request.Request(region, data=json.dumps(running).encode(), headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            if not json.load(answer)["executions"]:
                return
        time.sleep(0.05)
    raise RuntimeError("executions of an application that does not exist still run after a minute")


def emulator():
    binary = sandbox()
    outcome = Outcome(version="cargo-lambda 1.9.2")
    # A region each: an alarm starts one execution, whoever tells of it.
    with served(binary, 1) as (one, _), served(binary, 1) as (other, _), emulated(binary.parent / "alarm-handler", one) as address:
        for name in EVENTS:
            event = (FIXTURES / f"{name}.json").read_text(encoding="utf-8")
            for there, here in MOVED:
                event = event.replace(there, here)
            event = event.encode()
            # The same start is accepted again while its execution runs, and refused when it is over: let it be over in both.
            for region in (one, other):
                until_executions_end(region)
            found, expected = invoked(address, "_", event), invoked(other, "lifeguard-AlarmHandler", event)
            outcome.scenarios += 1
            if found == expected:
                outcome.agreements += 1
            else:
                outcome.complaints.append(f"{name}: {found} under the emulator, {expected} in the sandbox")
        wrong = by_their_client(address)
        outcome.complaints += wrong
        outcome.scenarios += 1
        outcome.agreements += not wrong
    return outcome


def by_their_client(address):
    """One event once more by `cargo lambda invoke`."""
    cargo_lambda, variables = tools()
    port = address.rsplit(":", 1)[1]
    command = [cargo_lambda, "lambda", "invoke", "--invoke-address", "127.0.0.1", "--invoke-port", port, "--data-file", str(FIXTURES / "rubbish-null.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=variables, timeout=60)
    return [] if '"outcome":"refused"' in done.stdout.replace(" ", "") else [f"cargo lambda invoke tells {done.stdout.strip()[-300:]} {done.stderr.strip()[-300:]}"]


ENGINES = {
    "cargo-lambda": Engine("a function under cargo-lambda's own emulator answers events as it does in the sandbox", emulator),
    "lambda-release": Engine("what cargo-lambda builds for deployment: the same stories, sizes, glibc", release, slow=True),
}
