"""The static checks: linters, policy checks and models that others wrote, over the template and the state machines. Each is tried on sabotages that it must find."""

import json
import re
import subprocess
import tempfile
from pathlib import Path

from tools import HERE, MACHINES, ROOT, TEMPLATE, TOOLS, Engine, Outcome, node_modules, venv


def in_python(module, function, path):
    """Findings of a function of asl.py or template.py, run with the pinned tools."""
    read = "json.load(open(sys.argv[3]))" if module == "asl" else "sys.argv[3]"
    program = f"import json, sys; sys.path.insert(0, sys.argv[1]); import {module}; print(json.dumps(getattr({module}, sys.argv[2])({read})))"
    done = subprocess.run([str(venv("checks")), "-B", "-c", program, str(HERE), function, str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-2000:])
    return json.loads(done.stdout.strip().splitlines()[-1])


def in_node(linter, path):
    done = subprocess.run(["node", str(HERE / "linters.cjs"), linter, str(node_modules()), str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-2000:])
    return json.loads(done.stdout)


def replaced(old, new):
    def change(text):
        if old not in text:
            raise RuntimeError(f"the sabotage has nothing to replace: {old}")
        return text.replace(old, new, 1)

    return change


ROLLBACK_VERB = "Action: kinesisanalytics:RollbackApplication"
# Name: what it reads, the check, and sabotages: what is broken, how, and a word of the finding.
CHECKS = {
    "cfn-lint": (
        "template", lambda path: in_python("template", "cfn_lint", path),
        [("a resource that is not there is referred to", replaced("!Ref LedgerTable\n        Topic:", "!Ref LegderTable\n        Topic:"), "LegderTable"),
         ("a property is misspelt", replaced("PointInTimeRecoverySpecification:", "PointInTimeRecovery:"), "PointInTimeRecovery")],
    ),
    "sam": (
        "template", lambda path: in_python("template", "sam", path),
        [("a function has no code", replaced("      CodeUri: ../functions/alarm-handler\n", ""), "CodeUri")],
    ),
    "checkov": (
        "template", lambda path: in_python("template", "checkov", path),
        [("the topic is not encrypted", replaced("      KmsMasterKeyId: !Ref TopicKey\n", ""), "CKV_AWS_26")],
    ),
    "parliament": (
        "template", lambda path: in_python("template", "parliament", path),
        [("a verb that does not exist is granted", replaced(ROLLBACK_VERB, "Action: kinesisanalytics:RollBackTheApplication"), "RollBackTheApplication"),
         ("a verb is granted on another service's resource", replaced("Resource: !GetAtt LedgerTable.Arn", "Resource: !GetAtt DeadLetters.Arn"), "RESOURCE_MISMATCH")],
    ),
    "asl-validator": (
        "machine", lambda path: in_node("asl-validator", path),
        [("a Next dangles", replaced('"Next": "WhichStep"', '"Next": "WhichStepp"'), "WhichStepp")],
    ),
    "asl-service": (
        "machine", lambda path: in_node("asl-service", path),
        [("a Next dangles", replaced('"Next": "WhichStep"', '"Next": "WhichStepp"'), "must be the name of an existing state")],
    ),
    "sdk": (
        "machine", lambda path: in_python("asl", "sdk_findings", path),
        [("a parameter is misspelt", replaced('"ConditionExpression"', '"ConditionExpresion"'), "ConditionExpresion"),
         ("a verb is misspelt", replaced("dynamodb:updateItem", "dynamodb:updateItems"), "UpdateItems"),
         ("a required parameter is missing", replaced('"FunctionName"', '"Qualifier"'), "FunctionName is missing")],
    ),
    "variables": (
        "machine", lambda path: in_python("asl", "variable_findings", path),
        [("a variable is misspelt", replaced("{% $report.subject %}", "{% $repotr.subject %}"), "$repotr"),
         ("a variable is not assigned on one path", replaced('"watch": null,\n        "progress": null', '"watch": null'), "$progress"),
         ("a function that is not there", replaced("$fromMillis($millis())", "$fromMilis($millis())"), "$fromMilis")],
    ),
}


def filled(text):
    """Holes as texts: a substitution is always one."""
    return re.sub(r"\$\{(\w+)\}", r"\1", text)


def on_copy(path, text, check):
    """The check of a changed copy, which lies beside nothing: neither tool reads further files."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOLS) as folder:
        copy = Path(folder) / path.name
        copy.write_text(text, encoding="utf8")
        return check(copy)


def run(name):
    kind, check, sabotages = CHECKS[name]
    complaints, files = [], [TEMPLATE] if kind == "template" else MACHINES
    for path in files:
        text = path.read_text(encoding="utf8")
        complaints += [f"{path.name}: {found}" for found in on_copy(path, filled(text) if kind == "machine" else text, check)]
    # The first file is what is sabotaged: the remediation.
    path = TEMPLATE if kind == "template" else ROOT / "infra" / "statemachines" / "remediate.asl.json"
    text = path.read_text(encoding="utf8")
    for what, change, word in sabotages:
        broken = change(text)
        findings = on_copy(path, filled(broken) if kind == "machine" else broken, check)
        if not any(word in finding for finding in findings):
            complaints.append(f"sabotage not found: {what} ({word}); found {findings[:3]}")
    return Outcome(complaints, version(name), scenarios=len(files) + len(sabotages), agreements=len(files) + len(sabotages) - len(complaints))


def version(name):
    """The pinned version of the tool; our own checks stand on botocore's models."""
    packages = {"sam": "aws-sam-translator", "sdk": "botocore", "asl-service": "amazon-states-language-service"}
    package = packages.get(name, name)
    pinned = [line.split("==") for line in (HERE / "requirements-checks.txt").read_text().splitlines() if "==" in line]
    pinned = dict(pinned) | json.loads((HERE / "package.json").read_text())["dependencies"]
    return f"{package} {pinned[package]}" if package in pinned else "its own"


def engine(name):
    return Engine(f"{CHECKS[name][0]}: findings, and {len(CHECKS[name][2])} sabotage(s) that it must find", lambda: run(name))


ENGINES = {name: engine(name) for name in CHECKS}
