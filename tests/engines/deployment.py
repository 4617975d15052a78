"""The template in moto's CloudFormation: SAM's own translator transforms it, moto deploys it, and the default scenario's rescue runs from what was deployed.

What was deployed (functions with their names, variables, limits and roles; the table; the rules with patterns and targets; the state machines with their definitions filled)
is compared with what the sandbox reads from the same template; then the alarm rings, and moto's rule, moto's state machine, table and topic carry the rescue out. With the
default parameters and Mode=act, and once more with ForceStop=disabled. What moto's CloudFormation skips is told as a difference.
"""

import json
import tempfile

import plays
from interpreter import both, compared, first_difference
from moto_server import ACCOUNT, REGION, SKIPPED, Moto, names, transformed
from tools import TOOLS, Engine, Outcome, venv

SCENARIO = "bad-deployment"
# Parameters of each deployment beside the defaults. The scenario itself would switch the schedule off.
STACKS = {
    "the defaults, acting": {"SnapshotScheduleState": "ENABLED"},
    "without force-stop": {"SnapshotScheduleState": "ENABLED", "ForceStop": "disabled"},
}
ONLY_WITH_FORCE_STOP = {"ForceStopAndRestore", "ForceStopAndRestoreLogs", "ForceStopAndRestoreRole"}
# What SAM makes of an event: a permission to invoke, a schedule and its role. The sandbox reads the event itself.
MADE_BY_SAM = {"AWS::Lambda::EventInvokeConfig", "AWS::Lambda::Permission", "AWS::Scheduler::Schedule", "AWS::IAM::Role"}

# Sabotages of the template as CloudFormation gets it: before, after, and what the finding must name.
SABOTAGES = [
    ("a variable refers to another parameter", '"SOAK_SECS": {"Ref": "SoakSecs"}', '"SOAK_SECS": {"Ref": "MinRestarts"}', "SOAK_SECS"),
    ("a rule listens to another source", '"source": ["aws.cloudwatch"]', '"source": ["aws.cloudwach"]', "cloudwach"),
    ("the state machine is given another table", '"LedgerTable": {"Ref": "LedgerTable"}', '"LedgerTable": {"Ref": "DeadLetters"}', "Remediate"),
]


class Numbers:
    """Variables that moto hands on as numbers, and empty lists that it joins to brackets. A variable of Lambda is a text, and CloudFormation makes it one."""

    def __init__(self):
        self.count, self.lists = 0, 0

    def text(self, value):
        if value in ([], "[]"):
            self.lists += 1
            return ""
        self.count += not isinstance(value, str)
        return str(value)

    def told(self):
        told = [f"{self.count} times: moto hands a parameter of type Number on to a function's variables as a number; CloudFormation makes it a text"] if self.count else []
        return told + ([f"{self.lists} times: moto joins an empty list to brackets; CloudFormation to an empty text"] if self.lists else [])


NUMBERS = Numbers()


def same(place, ours, theirs):
    return [] if ours == theirs else [f"{place}: {first_difference(ours, theirs)}"]


def function(moto, name):
    read = json.loads(moto.request("GET", f"/2015-03-31/functions/{name}/configuration", service="lambda"))
    env = {name: NUMBERS.text(value) for name, value in read["Environment"]["Variables"].items()}
    return {"name": read["FunctionName"], "env": env, "timeout": read["Timeout"], "memory": read["MemorySize"], "role": read["Role"].split("/")[-1]}


def machine(moto, name):
    read = moto.json("states", "AWSStepFunctions.DescribeStateMachine", "1.0", {"stateMachineArn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"})
    return {"name": read["name"], "role": read["roleArn"].split("/")[-1], "definition": json.loads(read["definition"])}


def table(moto, name):
    read = moto.json("dynamodb", "DynamoDB_20120810.DescribeTable", "1.0", {"TableName": name})["Table"]
    billing = read["BillingModeSummary"]["BillingMode"]
    return {"KeySchema": read["KeySchema"], "AttributeDefinitions": read["AttributeDefinitions"], "BillingMode": billing}


def rule(moto, name):
    read = moto.json("events", "AWSEvents.DescribeRule", "1.1", {"Name": name})
    targets = moto.json("events", "AWSEvents.ListTargetsByRule", "1.1", {"Rule": name})["Targets"]
    return {"trigger": {"pattern": json.loads(read["EventPattern"])}, "enabled": read["State"] == "ENABLED", "targets": sorted(target["Arn"] for target in targets)}


def differences_of(moto, stack, resources):
    """What moto deployed against what the sandbox reads: complaints, and how many comparisons agreed."""
    complaints, compared_ones = [], 0
    name = {logical: physical for logical, physical in names(resources).items()}
    by_kind = {"functions": function, "stateMachines": machine, "tables": table, "rules": rule}
    for kind, read in by_kind.items():
        for logical, ours in stack[kind].items():
            if logical not in name:
                # A schedule: SAM's translator makes a Scheduler's, which moto does not know.
                if "schedule" not in ours.get("trigger", {}):
                    complaints.append(f"{logical} was not deployed")
                continue
            theirs = read(moto, name[logical])
            ours = {key: value for key, value in ours.items() if key in theirs}
            if kind == "rules":
                ours["targets"] = sorted(ours["targets"].values())
            complaints += same(logical, ours, theirs)
            compared_ones += 1
    there = set().union(*(stack[kind] for kind in ("functions", "stateMachines", "tables", "topics", "rules", "alarms", "others")))
    complaints += [f"{logical} was not deployed" for logical in sorted(there - resources.keys())]
    complaints += [f"{logical}, a {resources[logical][0]}, is nothing that the sandbox reads" for logical in sorted(resources.keys() - there) if resources[logical][0] not in MADE_BY_SAM]
    return complaints, compared_ones


def skipped(resources):
    """What moto's CloudFormation does not know, by type, as differences."""
    kinds = {}
    for logical, (kind, physical) in resources.items():
        if physical and physical.startswith(SKIPPED):
            kinds.setdefault(kind, []).append(logical)
    return [f"moto's CloudFormation skips {kind}: {', '.join(sorted(found))}" for kind, found in sorted(kinds.items())]


def tried(moto, what, parameters):
    """One deployment, compared and played."""
    told = plays.play(SCENARIO, "--stack", stack=parameters)
    resources = moto.deploy(told["parameters"])
    stack = read_with(names(resources), parameters)
    complaints, agreements = differences_of(moto, stack, resources)
    unwanted = ONLY_WITH_FORCE_STOP & resources.keys()
    if bool(unwanted) == (parameters.get("ForceStop") == "disabled"):
        complaints.append(f"of what belongs to the force-stop there is {sorted(unwanted) or 'nothing'}")
    comparison = compared(SCENARIO, *both(moto, SCENARIO, stack=parameters))
    print(f"  {what}: {len(resources)} resources, {agreements} compared; a rescue of {comparison.states} states from the deployed resources")
    return [f"{what}: {text}" for text in complaints + comparison.complaints], agreements + comparison.equal, skipped(resources)


def read_with(given, parameters):
    """The stack as the sandbox reads it, with these names."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir=TOOLS) as file:
        json.dump(given, file)
        file.flush()
        return plays.play(SCENARIO, "--stack", "--names", file.name, stack=parameters)


def sabotaged(moto):
    """Complaints about sabotages that are not found."""
    complaints = []
    parameters = STACKS["the defaults, acting"]
    for what, old, new, word in SABOTAGES:
        if old not in transformed():
            complaints.append(f"the sabotage has nothing to replace: {old}")
            continue
        told = plays.play(SCENARIO, "--stack", stack=parameters)
        resources = moto.deploy(told["parameters"], template=transformed().replace(old, new))
        found, _ = differences_of(moto, read_with(names(resources), parameters), resources)
        if not any(word in complaint for complaint in found):
            complaints.append(f"sabotage not found: {what} ({word}); found {found[:3]}")
    return complaints


def run():
    TOOLS.mkdir(parents=True, exist_ok=True)
    venv("moto"), plays.lockstep(), transformed()
    complaints, agreements, differences = [], 0, []
    with Moto(TOOLS / "moto-cloudformation.log") as moto:
        for what, parameters in STACKS.items():
            found, agreed, left_out = tried(moto, what, parameters)
            complaints, agreements = complaints + found, agreements + agreed
            differences += [one for one in left_out if one not in differences]
        differences += NUMBERS.told()
        complaints += sabotaged(moto)
    return Outcome(complaints, "moto 5.2.5", len(STACKS) + len(SABOTAGES), agreements, differences)


ENGINES = {"cloudformation": Engine(f"the template deployed by moto, and a rescue from what was deployed; {len(SABOTAGES)} sabotage(s)", run)}
