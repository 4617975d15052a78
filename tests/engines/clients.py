"""Real clients against a served region: boto3 over every verb, and a person's session with the AWS CLI, which is the README's."""

import gzip
import json
import re
import subprocess

from region import person, sandbox, served
from tools import HERE, ROOT, Engine, Missing, Outcome, debian, venv


def pinned(package):
    lines = (HERE / "requirements-clients.txt").read_text(encoding="utf8").splitlines()
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


def readme_session(address):
    """The session as it stands in the README, with the served region's address."""
    found = re.findall(r"^```sh session\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf8"), re.DOTALL | re.MULTILINE)
    if len(found) != 1 or "http://127.0.0.1:4566" not in found[0]:
        raise RuntimeError("the README has no session, or more than one, or another port")
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


def session(folder, version):
    """A person's session with the `aws` in this folder."""
    with served(sandbox(), speed=60) as (address, told):
        script = readme_session(address)
        variables = person(address)
        variables["PATH"] = f"{folder}:{variables['PATH']}"
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False, timeout=600, env=variables)
        story = told()
    outcome = Outcome(version=version, scenarios=1)
    if done.returncode:
        outcome.complaints = [f"the session ended with {done.returncode}: {done.stderr.strip()[-1500:]}"]
        return outcome
    expected = {
        "three operations, newest first": re.search(r"RollbackApplication.*SUCCESSFUL.*UpdateApplication.*SUCCESSFUL.*StartApplication.*SUCCESSFUL", done.stdout, re.DOTALL),
        "left alone, because healthy": '"outcome":"leftAlone","because":"healthy"' in done.stdout,
        "the states of a look": re.search(r"CheckInput\s+ReadInput\s+ClaimLease\s+ReadLedger\s+Look\s+Decide\s.*ReleaseLease\s+Done", done.stdout),
        "a rollback to what the update had replaced": any("RollbackApplication has succeeded; the application is RUNNING at version 3" in line for line in story),
        "stopped in the end": any("StopApplication has succeeded; the application is READY" in line for line in story),
    }
    outcome.complaints = [f"the session did not show {what}" for what, shown in expected.items() if not shown]
    outcome.agreements = len(expected) - len(outcome.complaints)
    return outcome


ENGINES = {
    "clients": Engine("boto3 over every verb: answers and errors as botocore's models have them, unknown verbs refused", every_verb),
    "aws-cli": Engine("a person's session with the AWS CLI, as it stands in the README", lambda: session(venv("clients").parent, pinned("awscli"))),
    # Slow, for it cannot be pinned: what Debian has today.
    "aws-cli-2": Engine("the same session with the AWS CLI 2 of Debian", lambda: session(*cli_2()), slow=True),
}
