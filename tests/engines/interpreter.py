"""Independent Step Functions: moto's interpreter runs the state machines that moto's CloudFormation deployed, in step with the sandbox's region, and both must agree.

Every scenario is played twice, with the same seed and the same names: on the sandbox's own services, and with Step Functions, DynamoDB, SNS and EventBridge replaced by moto
(the region is their gateway: external/mod.rs of the sandbox; what the launcher sets right in moto: moto_launcher.py). Compared are the outcome, and every event of every
execution's history: its time to the millisecond, the state, input, output, variables, arguments, errors. And each answer of DynamoDB, SNS and EventBridge.

A difference must be one of EXPLAINED, with what AWS documents; an explanation that nothing needs is a complaint as well, and so is a state that no scenario enters.
Not compared: task time-outs, which moto measures by the machine's clock, answers that are lost after their effect, and the thousand applications of snapshots-fleet, which would
take moto hours.
"""

import json
import re
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import plays
from moto_server import Moto, names, transformed
from tools import MACHINES, TOOLS, Engine, Outcome, venv

# Name: what differs, and what AWS documents. Each is a change to both sides after which they must be equal.
EXPLAINED = {
    "ids": "EventId of PutEvents and MessageId of Publish are each engine's own; AWS draws them at random",
    "capacity": "moto's DynamoDB always answers ConsumedCapacity; AWS does only where ReturnConsumedCapacity asks for it, and no state asks",
    "cause": "the text in brackets after a refusal names service, request and proxy in moto, and no service in the sandbox; AWS names all three; a report may quote this text, no expression decides by it",
    "described": "moto's DescribeExecution leaves out what AWS has (inputDetails, redriveCount and such); compared is what the state machine reads of it",
    "map": "moto's MapStateExited follows the last iteration, the sandbox's follows MapStateSucceeded; previousEventId is for graphs, and AWS does not document which it is",
}
# Wherever a text quotes it.
REQUEST = re.compile(r" \((?:Service: [^;)]*; )?Status Code: (\d+); Error Code: (\w+); Request ID: [^;)]*(?:; Proxy: null)?\)")
SDK_REQUEST = re.compile(r" \(Service: \w+, Status Code: (\d+), Request ID: [^)]*\)")

# Sabotages of one copy: the file's text, before and after, and what the disagreement must name.
SABOTAGES = [
    ("another Default", '"Default": "WhatNext"', '"Default": "CouldNotTell"', "CouldNotTell"),
    ("a wait of another length", "? 2 : 10) : (", "? 2 : 11) : (", "timestamp"),
    ("another value of a variable", '"stepResult": null\n', '"stepResult": false\n', "stepResult"),
]


def read(value):
    """A history's texts as what they mean: JSON."""
    if isinstance(value, str) and value[:1] in ("{", "[", '"'):
        try:
            return read(json.loads(value))
        except ValueError:
            return value
    if isinstance(value, dict):
        return {name: read(one) for name, one in value.items()}
    return [read(one) for one in value] if isinstance(value, list) else value


@dataclass
class Comparison:
    """What was compared, and what came of it."""

    states: int = 0
    events: int = 0
    answers: int = 0
    equal: int = 0
    entered: set = field(default_factory=set)
    explained: dict = field(default_factory=dict)
    complaints: list = field(default_factory=list)

    def one(self, place, ours, theirs):
        """Two values that should be the same."""
        if ours == theirs:
            self.equal += 1
            return
        used = set()
        ours, theirs = explained(ours, used), explained(theirs, used)
        if ours != theirs:
            self.complaints.append(f"{place}: {first_difference(ours, theirs)}")
        for name in used:
            self.explained[name] = self.explained.get(name, 0) + 1

    def told(self):
        return f"{self.states:>4} states {self.events:>5} events {self.answers:>3} answers; differences {self.explained or 'none'}; {len(self.complaints)} complaint(s)"

    def add(self, other):
        for name in ("states", "events", "answers", "equal"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.entered |= other.entered
        for name, count in other.explained.items():
            self.explained[name] = self.explained.get(name, 0) + count
        self.complaints += other.complaints


def explained(value, used):
    """The value without what is explained."""
    if isinstance(value, str):
        # Of a call by the SDK's integration moto names no code in the text; the error's name has it.
        shortened = SDK_REQUEST.sub(r" (\1)", REQUEST.sub(r" (\1)", value))
        if shortened != value:
            used.add("cause")
        return shortened
    if isinstance(value, list):
        return [explained(one, used) for one in value]
    if not isinstance(value, dict):
        return value
    if {"ExecutionArn", "StateMachineArn", "StartDate"} <= value.keys():
        used.add("described")
        value = {name: value[name] for name in ("ExecutionArn", "StateMachineArn", "Status", "Input") if name in value}
    found = {}
    for name, one in value.items():
        if name in ("EventId", "MessageId"):
            used.add("ids")
        elif name == "ConsumedCapacity":
            used.add("capacity")
        elif name == "previousEventId" and value.get("type") == "MapStateExited":
            used.add("map")
        else:
            found[name] = explained(one, used)
    return found


def first_difference(ours, theirs, place="", engine="moto"):
    """Where two values part, in words."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in [*ours, *(name for name in theirs if name not in ours)]:
            if ours.get(name, ...) != theirs.get(name, ...):
                return first_difference(ours.get(name, "nothing"), theirs.get(name, "nothing"), f"{place}.{name}" if place else name, engine)
    if isinstance(ours, list) and isinstance(theirs, list):
        for index, (one, other) in enumerate(zip(ours, theirs)):
            if one != other:
                return first_difference(one, other, f"{place}[{index}]", engine)
    shown = [json.dumps(value)[:200] for value in (ours, theirs)]
    return f"{place}: the sandbox has {shown[0]}, {engine} {shown[1]}"


def entered(event):
    return event.get("stateEnteredEventDetails", {}).get("name")


def compared(scenario, ours, theirs):
    """Two transcripts of a scenario."""
    comparison = Comparison()
    comparison.complaints += [f"{scenario}: {trouble}" for trouble in theirs["troubles"] + ours["complaints"] + theirs["complaints"]]
    for name in ("outcome", "reason"):
        comparison.one(f"{scenario}: {name}", ours[name], theirs[name])
    comparison.one(f"{scenario}: executions", *([one["arn"] for one in told["executions"]] for told in (ours, theirs)))
    for mine, other in zip(ours["executions"], theirs["executions"]):
        place = f"{scenario}: {mine['arn'].split(':')[-1]}"
        comparison.one(place, *({name: one[name] for name in ("status", "input", "output", "error", "cause", "started", "stopped")} for one in (mine, other)))
        orders = [[entered(event) for event in one["events"] if entered(event)] for one in (mine, other)]
        comparison.states += len(orders[0])
        comparison.entered |= {(mine["stateMachineArn"].split(":")[-1].endswith("snapshot-check"), name) for name in orders[0]}
        comparison.one(f"{place}: the order of states", *orders)
        comparison.one(f"{place}: the number of events", len(mine["events"]), len(other["events"]))
        for event, twin in zip(mine["events"], other["events"]):
            comparison.events += 1
            details = next((f" {detail['name']}" for detail in event.values() if isinstance(detail, dict) and "name" in detail), "")
            comparison.one(f"{place}: event {event['id']} {event['type']}{details}", read(event), read(twin))
    answers = theirs["answers"]
    comparison.answers = answers["compared"]
    comparison.equal += answers["compared"] - len(answers["disagreements"])
    for one in answers["disagreements"]:
        comparison.one(f"{scenario}: {one['service']} {one['verb']} {one['request'][:100]}", read(one["ours"]), read(one["theirs"]))
    return comparison


def both(moto, scenario, machines=None, stack=()):
    """A scenario on both, on a stack that moto deployed; gives both transcripts."""
    told = plays.play(scenario, "--stack", stack=stack)
    resources = moto.deploy(told["parameters"], machines)
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir=TOOLS) as file:
        json.dump(names(resources), file)
        file.flush()
        ours = plays.play(scenario, "--names", file.name, stack=stack)
        theirs = plays.play(scenario, "--names", file.name, "--at", f"127.0.0.1:{moto.port}", "--listen", moto.region_port, stack=stack)
    return ours, theirs


def each(scenarios):
    """A comparison by scenario. Two servers, because there are two cores and one server has one."""
    queue, found, lock = list(reversed(scenarios)), {}, threading.Lock()
    # Installed and built before two ask for it at once.
    venv("moto"), plays.lockstep(), transformed()

    def work(number):
        with Moto(TOOLS / f"moto-{number}.log") as moto:
            while True:
                with lock:
                    if not queue:
                        return
                    scenario = queue.pop()
                try:
                    found[scenario] = compared(scenario, *both(moto, scenario))
                except RuntimeError as error:
                    found[scenario] = Comparison(complaints=[str(error)])
                print(f"  {scenario:<33} {found[scenario].told()}", file=sys.stderr, flush=True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    return {scenario: found[scenario] for scenario in scenarios}


def sabotaged(moto):
    """Complaints about sabotages that no comparison finds."""
    path = next(path for path in MACHINES if path.name == "remediate.asl.json")
    text, complaints = path.read_text(encoding="utf8"), []
    for what, old, new, word in SABOTAGES:
        if old not in text:
            complaints.append(f"the sabotage has nothing to replace: {old}")
            continue
        comparison = compared("bad-deployment", *both(moto, "bad-deployment", {path.name: text.replace(old, new)}))
        if not any(word in complaint for complaint in comparison.complaints):
            complaints.append(f"sabotage not found: {what} ({word}); found {comparison.complaints[:3]}")
    return complaints


def states(definition):
    """The name of every state of a definition, nested ones too."""
    for name, state in definition["States"].items():
        yield name
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


# Entered only where several executions share a moment, and those plays are left out here.
SHARED = ("TellForAll",)


def never_entered(entered):
    """States that no scenario enters: of them there is no comparison."""
    every = {(path.name.startswith("snapshot-check"), name) for path in MACHINES for name in states(json.loads(path.read_text(encoding="utf8")))}
    return sorted(name for _, name in every - entered), len(every)


def run():
    TOOLS.mkdir(parents=True, exist_ok=True)
    scenarios = plays.scenarios()
    total = Comparison()
    for comparison in each(scenarios).values():
        total.add(comparison)
    with Moto(TOOLS / "moto-0.log") as moto:
        total.complaints += sabotaged(moto)
    total.complaints += [f"nothing needs the explanation {name}" for name in EXPLAINED if name not in total.explained]
    print(f"  {total.states} states and {total.events} events of {len(scenarios)} scenarios and {total.answers} answers of services were compared: {total.equal} comparisons equal to the letter")
    missing, every = never_entered(total.entered)
    missing = [name for name in missing if name not in SHARED]
    total.complaints += [f"the state {name} is entered by no scenario" for name in missing]
    print(f"  {every - len(missing)} of {every} states were entered")
    differences = [f"{count} times: {EXPLAINED[name]}" for name, count in sorted(total.explained.items())]
    return Outcome(total.complaints, "moto 5.2.5", len(scenarios) + len(SABOTAGES), total.equal, differences)


ENGINES = {"step-functions": Engine(f"every scenario on moto's interpreter too, and {len(SABOTAGES)} sabotage(s) of one copy", run)}
