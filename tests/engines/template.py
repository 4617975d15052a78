"""Checks of the deployment template by tools that this project did not write."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

# What checkov asks for and this stack does not do, and why. A check on a resource that is not listed here is a finding; an entry that is not needed is one too.
FUNCTIONS = ["AlarmHandler", "SubtaskVerifier", "RemediationPlanner", "Rollback", "ForceStopAndRestore", "AlarmKeeper", "SnapshotKeeper", "Sweeper"]
SKIPPED = {
    "CKV_AWS_119": (["LedgerTable"], "encrypted with the key that DynamoDB owns: only the roles of this stack read it, and a key of our own would add cost and no separation"),
    "CKV_AWS_27": (["DeadLetters"], "encrypted by SqsManagedSseEnabled, which this check does not know; EventBridge sends to it without a key policy"),
    "CKV_AWS_115": (FUNCTIONS, "reserved concurrency takes from the account's share, and new accounts have ten; leases and fences bound what runs at once"),
    "CKV_AWS_116": (["SubtaskVerifier", "RemediationPlanner", "Rollback", "ForceStopAndRestore", "SnapshotKeeper", "Sweeper"], "the state machine waits for their answers, and a sweep that failed is followed by the next: there is no event to give up"),
    "CKV_AWS_117": (FUNCTIONS, "they reach AWS's public endpoints only; a VPC would need endpoints for six services and adds a way to fail in the hour of need"),
    "CKV_AWS_173": (FUNCTIONS, "no variable is a secret: modes, seconds and ARNs"),
    "CKV_AWS_158": ([f"{name}Logs" for name in [*FUNCTIONS, "Remediate", "SnapshotCheck"]], "CloudWatch Logs encrypts with its own key, and no secret is logged (tested)"),
}


def tool(name):
    return str(Path(sys.executable).with_name(name))


def cfn_lint(template):
    done = subprocess.run([tool("cfn-lint"), "--format", "json", str(template)], capture_output=True, text=True, check=False)
    return [f"{one['Rule']['Id']} {'.'.join(map(str, one['Location']['Path'] or []))}: {one['Message']}" for one in json.loads(done.stdout or "[]")]


def packaged(text):
    """What `sam package` makes of it: code and definitions in a bucket."""
    return re.sub(r"CodeUri: \.\.\S*", "CodeUri: s3://packaged/code.zip", text).replace("DefinitionUri: statemachines/", "DefinitionUri: s3://packaged/")


def transformed(template):
    """The template as CloudFormation gets it, by SAM's own translator."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.yaml_helper import yaml_parse

    source = yaml_parse(packaged(Path(template).read_text(encoding="utf8")))
    defaults = {name: parameter.get("Default") for name, parameter in source["Parameters"].items()}
    return Translator({}, Parser()).translate(source, defaults)


def sam(template):
    try:
        resources = transformed(template)["Resources"]
    except Exception as error:  # noqa: BLE001 the translator raises several kinds
        causes = getattr(error, "causes", None) or [error]
        return [getattr(cause, "message", str(cause)) for cause in causes]
    return [f"{name} is still a {one['Type']}" for name, one in resources.items() if one["Type"].startswith("AWS::Serverless::")]


def checkov(template):
    command = [tool("checkov"), "-f", str(template), "--framework", "cloudformation", "--skip-download", "--quiet", "--compact", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    result = json.loads(done.stdout)
    failed = {(one["check_id"], one["resource"].split(".")[-1]): one["check_name"] for one in result["results"]["failed_checks"]}
    allowed = {(check, resource) for check, (resources, _) in SKIPPED.items() for resource in resources}
    found = [f"{check} {resource}: {failed[check, resource]}" for check, resource in sorted(failed.keys() - allowed)]
    if result["summary"]["parsing_errors"] or result["summary"]["passed"] < 50:
        found.append(f"checkov read little of it: {result['summary']}")
    return found + [f"{check} {resource}: the skip is not needed any more" for check, resource in sorted(allowed - failed.keys())]


def plain(value, resources):
    """Intrinsic functions as texts that look like what they become."""
    if isinstance(value, list):
        return [one for one in (plain(one, resources) for one in value) if one is not None]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (name, argument), = value.items()
        if name == "Ref":
            known = {"AWS::NoValue": None, "AWS::AccountId": "123456789012", "AWS::StackName": "lifeguard", "ServiceRoles": ["arn:aws:iam::123456789012:role/orders"], "UsableKeys": ["arn:aws:kms:us-east-1:123456789012:key/orders"], "TopicKeyArn": "arn:aws:kms:us-east-1:123456789012:key/people"}
            return known.get(argument, arn(argument, resources))
        if name == "Fn::GetAtt":
            target = argument.split(".")[0] if isinstance(argument, str) else argument[0]
            return arn(target, resources)
        if name == "Fn::If":
            return plain(argument[1], resources)
        if name == "Fn::Sub":
            known = {"Partition": "aws", "Region": "us-east-1", "AccountId": "123456789012", "StackName": "lifeguard", "URLSuffix": "amazonaws.com"}
            for hole, text in known.items():
                argument = argument.replace(f"${{AWS::{hole}}}", text)
            return argument
    members = {name: plain(one, resources) for name, one in value.items()}
    return {name: one for name, one in members.items() if one is not None}


def arn(name, resources):
    where = "us-east-1:123456789012"
    forms = {
        "AWS::Lambda::Function": f"arn:aws:lambda:{where}:function:{name}",
        "AWS::StepFunctions::StateMachine": f"arn:aws:states:{where}:stateMachine:{name}",
        "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{where}:table/{name}",
        "AWS::SNS::Topic": f"arn:aws:sns:{where}:{name}",
        "AWS::SQS::Queue": f"arn:aws:sqs:{where}:{name}",
        "AWS::KMS::Key": f"arn:aws:kms:{where}:key/{name}",
        "AWS::Logs::LogGroup": f"arn:aws:logs:{where}:log-group:{name}:*",
    }
    return forms.get(resources.get(name, {}).get("Type"), name)


def parliament(template):
    """Each policy of each role, SAM's own ones too, and the policies to copy, with values where they have words in capitals."""
    from parliament import analyze_policy_string, enhance_finding

    resources, documents = transformed(template)["Resources"], []
    for name, resource in resources.items():
        if resource["Type"] == "AWS::IAM::Role":
            documents += [(name, plain(policy["PolicyDocument"], resources)) for policy in resource["Properties"].get("Policies", [])]
    for path in sorted((Path(__file__).parent.parent.parent / "infra" / "policies").glob("*.json")):
        documents.append((path.name, json.loads(copied(path.read_text(encoding="utf8")))))
    found = []
    for name, document in documents:
        for finding in analyze_policy_string(json.dumps(document)).findings:
            enhanced = enhance_finding(finding)
            # These two take one of several kinds of resource; parliament's data asks for each of them.
            if enhanced.issue == "RESOURCE_MISMATCH" and any(verb in str(enhanced.detail) for verb in ("states:ListExecutions", "states:DescribeExecution")):
                continue
            if is_newer(enhanced, document):
                continue
            found.append(f"{name}: {enhanced.issue} {enhanced.detail}")
    return found


# Of November 2026, younger than parliament's data. The permission to restore has no documented name, so it is granted by what it may begin with.
NEWER = {f"kinesisanalytics:{verb}" for verb in ("ListSnapshots", "DescribeSnapshot", "ListSnapshotOperations", "DescribeSnapshotOperation", "CreateSnapshot", "DeleteSnapshot", "CreateSystemSnapshot", "Restore*", "Use*")}


def is_newer(finding, document):
    """Whether parliament complains of what is younger than its data: an action, or a tag's verb on a snapshot, which was no resource then."""
    if finding.issue == "UNKNOWN_ACTION":
        return finding.detail.split(" ")[-1] in NEWER
    if finding.issue != "RESOURCE_MISMATCH":
        return False
    of_tags = {verb for one in document["Statement"] if ":snapshot/" in str(one["Resource"]) for verb in listed(one["Action"]) if "Tag" in verb}
    return {one["action"] for one in finding.detail} <= of_tags


def listed(value):
    return value if isinstance(value, list) else [value]


def copied(text):
    """A policy as somebody would copy it."""
    values = {"PARTITION": "aws", "REGION": "us-east-1", "ACCOUNT": "123456789012", "SNAPSHOTCHECK": "lifeguard-snapshot-check", "REMEDIATE": "Remediate-1", "LEDGER": "lifeguard-LedgerTable-1", "TAGGER": "tagger"}
    for word, value in values.items():
        text = re.sub(rf"(?<=[:/]){word}(?=[:/\"])", value, text)
    return text
