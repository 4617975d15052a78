"""Real clients against a served region: boto3 over every verb, and a person's session with the AWS CLI, which is the README's."""

import json
import subprocess

from region import person, sandbox, served
from tools import HERE, Engine, Outcome, venv


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
        outcome.differences = [f"{refused} verbs of {len(found['refused'])} services are not known to the sandbox, and each is refused as such"]
    return outcome


ENGINES = {
    "clients": Engine("boto3 over every verb: answers and errors as botocore's models have them, unknown verbs refused", every_verb),
}
