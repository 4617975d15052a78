"""Rehearsals over real Flink: a real JobManager, TaskManager and job for each launch, judged by the scenario's own end and by the ledger that the job writes."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flink_distribution import VERSIONS, prepared
from region import sandbox
from tools import ROOT, Engine, Outcome

QUICK = [("1.20", "bad-deployment"), ("2.3", "rollback-refused")]
SCENARIOS = [
    "bad-deployment",
    "rollback-refused",
    "failed-start",
    "fails-in-open",
    "state-of-another-operator",
    "state-of-another-type",
    "slow-initialisation",
    "task-manager-killed",
]
ALL = [(version, scenario) for version in VERSIONS for scenario in SCENARIOS]
# A rehearsal takes up to 800 MB and two and a half minutes, of which a processor computes for one.
AT_ONCE = 4
# A rehearsal takes two to four minutes; this is for a machine that does much else.
AT_MOST_SECS = 1_500


def rehearsed(binary, version, scenario):
    """The rehearsal's own result, as JSON."""
    command = [binary, "rehearse", scenario, "--flink", f"real-{version}", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=AT_MOST_SECS)
    if not done.stdout.strip():
        raise RuntimeError(f"{scenario} over {version} ended with {done.returncode}: {done.stderr.strip()[:1000]}")
    return json.loads(done.stdout)


def entry(result, who, pattern):
    """The first sentence of somebody that matches, with the match."""
    for told in result["timeline"]:
        match = re.search(pattern, told["what"]) if told["who"] == who else None
        if match:
            return told, match
    return None, None


def ledger_findings(result):
    """What each comparison of the ledger found: a complaint, or nothing."""
    # A version that failed before it counted anything has left an empty ledger.
    runs, records = [run for run in result["jobRuns"] if run["records"]], result["records"]
    yield records["lost"] and f"{records['lost']} records are lost"
    yield records["wrong"] and f"{records['wrong']} records were counted from the wrong state"
    if not runs:
        yield "no version counted a record"
        return
    first, *later = runs
    # Whatever the bad version did, each launch begins exactly where the snapshot of the update ended: nothing older is read again, nothing is left out.
    for run in later:
        yield run["first"] != first["last"] + 1 and f"version {run['version']} begins at record {run['first']}, the snapshot ended before {first['last'] + 1}"
    if later:
        spoilt = sum(run["records"] for run in later[:-1])
        last = later[-1]
        yield last["replayed"] != min(spoilt, last["records"]) and f"{last['replayed']} records were replayed to version {last['version']}, {spoilt} since its snapshot"
        yield last["again"] and f"the last version counted {last['again']} records again by itself"
    told, match = entry(result, "lifeguard", r"decides: start version \d+ from snapshot (\S+) of \S+; (\d+) s of records are replayed")
    if told:
        begun, _ = entry(result, "service", "^UpdateApplication begins")
        written = told["written"] - begun["written"]
        yield later[-1]["replayed"] > written and f"announced were {match[2]} s, in which {written} records were written; {later[-1]['replayed']} were replayed"
        restored, _ = entry(result, "flink", f"restored from {match[1]}$")
        yield not restored and f"announced was snapshot {match[1]}, and it was not restored"


def judged(binary, version, scenario):
    """Complaints about a rehearsal, and how many findings were none."""
    began = time.monotonic()
    try:
        result = rehearsed(binary, version, scenario)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return [str(error)], 0
    findings = [*(bool(complaint) and complaint for complaint in result["complaints"] or [False]), *ledger_findings(result)]
    complaints = [f"{scenario} over {version}: {finding}" for finding in findings if finding]
    print(f"  {scenario:<26} over {version:<4} {time.monotonic() - began:4.0f} s; {len(complaints)} complaint(s)", file=sys.stderr, flush=True)
    return complaints, len(findings) - len(complaints)


# A Java that cannot run Flink: its script, the exit code of a rehearsal with it, and what that says.
NO_JAVA = [
    ("echo 'openjdk version \"11.0.1\"' >&2", 2, "real Flink needs Java 17"),
    ("test \"$1\" = -version || { echo 'Cannot allocate memory'; exit 3; }; echo 'openjdk version \"17.0.1\"' >&2", 1, "Cannot allocate memory"),
]


def refused(binary, version, script, code, word):
    """A complaint when a rehearsal without a fitting Java ends in another way than it should."""
    with tempfile.TemporaryDirectory() as home:
        java = Path(home) / "bin" / "java"
        java.parent.mkdir()
        java.write_text(f"#!/bin/sh\n{script}\n", encoding="utf8")
        java.chmod(0o755)
        command = [binary, "rehearse", "bad-deployment", "--flink", f"real-{version}", "--json"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=AT_MOST_SECS, env={**os.environ, "JAVA_HOME": home})
    told = done.stderr.strip()
    return [] if done.returncode == code and word in told and "panicked" not in told else [f"without a Java ({word}) it ended with {done.returncode}: {told[-500:]}"]


def run(cases):
    for version in sorted({version for version, _ in cases}):
        prepared(version)
    binary = sandbox()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        judgements = list(pool.map(lambda case: judged(binary, *case), cases))
    complaints = [complaint for case in NO_JAVA for complaint in refused(binary, cases[0][0], *case)]
    versions = "Flink " + ", ".join(VERSIONS[version] for version in sorted({version for version, _ in cases}))
    complaints += [complaint for found, _ in judgements for complaint in found]
    return Outcome(complaints, versions, scenarios=len(cases) + len(NO_JAVA), agreements=sum(agreed for _, agreed in judgements))


def compared():
    """The same situations on simulated and on real Flink: the test counts and prints."""
    for version in VERSIONS:
        prepared(version)
    command = ["cargo", "test", "--quiet", "-p", "emulated-flink", "--test", "real_flink", "--", "--ignored", "--nocapture", "--test-threads", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    told = done.stdout.splitlines()
    sums = [re.search(r"compared \S+: (\d+) situations, (\d+) agree", line) for line in told]
    situations, agree = (sum(int(found[group]) for found in sums if found) for group in (1, 2))
    complaints = [line for line in told if line.startswith("DIFFERENCE: ")]
    if done.returncode and not complaints:
        complaints = [f"the test ended with {done.returncode}: {(done.stdout + done.stderr).strip()[-1000:]}"]
    known = [line.removeprefix("known difference: ") for line in told if line.startswith("known difference: ")]
    return Outcome(complaints, "Flink " + ", ".join(VERSIONS.values()), scenarios=situations, agreements=agree, differences=known)


ENGINES = {
    "flink": Engine(
        "rehearsals over real Flink: a bad deployment over 1.20, a refused rollback over 2.3; judged by the job's ledger", lambda: run(QUICK), waits=True, within="flink-all"
    ),
    "flink-all": Engine("every rehearsal over real Flink, 1.20, 2.2 and 2.3; judged by the job's ledger", lambda: run(ALL), slow=True, waits=True),
    "flink-compared": Engine("the same situations on simulated and on real Flink, 1.20, 2.2 and 2.3: what the REST API shows", compared, slow=True, waits=True),
}
