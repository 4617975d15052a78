"""Real clients against a served region: boto3 over every verb, and a person's sessions with the AWS CLI, which are those of the READMEs."""

import gzip
import json
import re
import subprocess

from region import person, sandbox, served
from tools import HERE, ROOT, Engine, Missing, Outcome, debian, venv


def pinned(package, name="clients"):
    lines = (HERE / f"requirements-{name}.txt").read_text(encoding="utf8").splitlines()
    return next(line for line in lines if line.startswith(f"{package}==")).replace("==", " ")


def every_verb():
    with served(sandbox(), speed=120) as (address, _):
        done = subprocess.run([str(venv("clients")), "-B", str(HERE / "calls.py"), address], capture_output=True, text=True, check=False, timeout=600, env=person(address))
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-3000:])
    found = json.loads(done.stdout)
    refused = sum(found["refused"].values())
    outcome = Outcome(found["complaints"], pinned("boto3"), scenarios=len(found["verbs"]), agreements=found["agreements"])
    if not found["complaints"]:
        outcome.version += f", {len(found['codes'])} codes"
        outcome.differences = [
            f"{refused} verbs of {len(found['refused'])} services are not known to the sandbox, and each is refused as such",
            "SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat are only seen to refuse: no state machine with a task token can be created through the API",
        ]
    return outcome


def written_session(document, address):
    """The session as it stands in a document, with the served region's address."""
    found = re.findall(r"^```sh session\n(.*?)^```$", (ROOT / document).read_text(encoding="utf8"), re.DOTALL | re.MULTILINE)
    if len(found) != 1 or "http://127.0.0.1:4566" not in found[0]:
        raise RuntimeError(f"{document} has no session, or more than one, or another port")
    return "set -eu\n" + found[0].replace("http://127.0.0.1:4566", address)


def cli_2():
    """A folder with an `aws` of version 2: Amazon has it neither on PyPI nor on npm, so it is Debian's. That may be older than AWS_ENDPOINT_URL and some verbs: their model is added."""
    folder = debian("awscli")
    usr, own, models = folder / "usr", folder / "bin", folder / "models"
    own.mkdir(exist_ok=True)
    for model in (venv("clients").parent.parent / "lib").glob("python3*/site-packages/botocore/data/kinesisanalyticsv2/*/service-2.json.gz"):
        unzipped = models / "kinesisanalyticsv2" / model.parent.name / model.stem
        unzipped.parent.mkdir(parents=True, exist_ok=True)
        unzipped.write_bytes(gzip.decompress(model.read_bytes()))
    places = f"PYTHONPATH={usr}/lib/python3/dist-packages AWS_DATA_PATH={models}"
    (own / "aws").write_text(f'#!/bin/sh\n{places} exec /usr/bin/python3 {usr}/bin/aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n', encoding="utf8")
    (own / "aws").chmod(0o755)
    done = subprocess.run([own / "aws", "--version"], capture_output=True, text=True, check=False, env=person("http://127.0.0.1:1"))
    if not done.stdout.startswith("aws-cli/2."):
        raise Missing(f"Debian's awscli is {done.stdout.strip() or done.stderr.strip()[-300:]}")
    return own, done.stdout.split()[0].replace("aws-cli/", "awscli ")


def front_page(shown, story):
    """A bad version is rolled back, and the mail is read."""
    return {
        "a mail that says so": "Subject: [FIXED] orders: deployment rolled back, running again" in shown,
        "why": re.search(r"^WHY .*cannot parse 'abc' as INT", shown, re.MULTILINE),
        "the rollback above the update": re.search(r"RollbackApplication.*SUCCESSFUL.*UpdateApplication.*SUCCESSFUL", shown, re.DOTALL),
        "a job that runs on the version before": any("RollbackApplication has succeeded; the application is RUNNING at version 4" in line for line in story),
        "the mail in the other terminal": any("Subject: [FIXED] orders" in line for line in story),
    }


def long_session(shown, story):
    """Every kind of call, with an application of one's own."""
    return {
        "three operations, newest first": re.search(r"RollbackApplication.*SUCCESSFUL.*UpdateApplication.*SUCCESSFUL.*StartApplication.*SUCCESSFUL", shown, re.DOTALL),
        "left alone, because healthy": '"outcome":"leftAlone","because":"healthy"' in shown,
        "the states of a look": re.search(r"CheckInput\s+ReadInput\s+LookUpFirst\s+ClaimLease\s+ReadLedger\s+Look\s+IsTroubleTold\s+Decide\s.*ReleaseLease\s+Done", shown, re.DOTALL),
        "a rollback to what the update had replaced": any("RollbackApplication has succeeded; the application is RUNNING at version 3" in line for line in story),
        "stopped in the end": any("StopApplication has succeeded; the application is READY" in line for line in story),
    }


SESSIONS = {"README.md": front_page, "tests/sandbox/README.md": long_session}


def played(document, folder):
    """A person's session with the `aws` in this folder: its end, and the lines that the region told."""
    with served(sandbox(), speed=60) as (address, told):
        variables = person(address)
        variables["PATH"] = f"{folder}:{variables['PATH']}"
        done = subprocess.run(["sh", "-c", written_session(document, address)], capture_output=True, text=True, check=False, timeout=600, env=variables)
        return done, told()


def sessions(folder, version):
    """The session of each document, in a region of its own."""
    outcome = Outcome(version=version, scenarios=len(SESSIONS))
    for document, expected in SESSIONS.items():
        done, story = played(document, folder)
        if done.returncode:
            outcome.complaints.append(f"the session of {document} ended with {done.returncode}: {done.stderr.strip()[-1500:]}")
            continue
        shown = expected(done.stdout, story)
        missing = [f"the session of {document} did not show {what}" for what, found in shown.items() if not found]
        outcome.complaints += missing
        outcome.agreements += len(shown) - len(missing)
    return outcome


ENGINES = {
    "clients": Engine("boto3 over every verb: answers and errors as botocore's models have them, unknown verbs refused", every_verb),
    "aws-cli": Engine("a person's sessions with the AWS CLI, as they stand in the READMEs", lambda: sessions(venv("clients").parent, pinned("awscli"))),
    # Slow, for it cannot be pinned: what Debian has today.
    "aws-cli-2": Engine("the same sessions with the AWS CLI 2 of Debian", lambda: sessions(*cli_2()), slow=True),
}
