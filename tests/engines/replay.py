"""A second independent Step Functions: MiniStack's engine, given every recorded visit of a state.

Each execution of each scenario and play is taken apart into visits (histories.py). MiniStack gets a visit's state, input, variables and the answers that its Task or its Map's
iterations had, and the time; what it makes of them must be what the sandbox made of them: the arguments of every attempt, how many there were, which error was caught, the
output, every variable afterwards, the next state, how long a Wait lasts, what each iteration is given. MiniStack's own loop runs each state, because its TestState evaluates no
JSONata of a Task and tells no variables.

A difference must be one of EXPLAINED: MiniStack's fault, put right in a second try that has to agree. One that nothing needs is a complaint, and so is a state that no play enters.
Not compared: waits before a retry (full jitter is random), and the texts of errors that an engine makes by itself.
"""

import functools
import json
import subprocess
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import histories
import plays
from clients import pinned
from interpreter import first_difference, states
from tools import HERE, MACHINES, TOOLS, Engine, Outcome, venv

# A fault of MiniStack that ministack_visits.py can put right, and what AWS documents.
EXPLAINED = {
    "assign": "MiniStack assigns one variable after the other; AWS evaluates every expression of an Assign with the values from before it",
    "succeed": "MiniStack's Succeed knows OutputPath only; AWS evaluates the Output of a Succeed in JSONata",
}
# Sabotages of one definition: its text, before and after, and where the disagreement must be.
SABOTAGES = [
    ("another Default", '"Default": "WhatNext"', '"Default": "CouldNotTell"', "next"),
    ("a wait of another length", "? 2 : 10) : (", "? 3 : 11) : (", "waited"),
    ("another value of a variable", '"stepResult": null', '"stepResult": false', "after.stepResult"),
    ("another argument", '"ConsistentRead": true', '"ConsistentRead": false', "arguments[0].ConsistentRead"),
    ("fewer tries", '"MaxAttempts": 5, "MaxDelaySeconds": 30', '"MaxAttempts": 1, "MaxDelaySeconds": 30', "arguments"),
]
SABOTAGED = ["bad-deployment", "trouble-with-telling"]


def fewer(machine, old, new):
    """A definition with a sabotage in it."""
    return json.loads(json.dumps(machine).replace(old, new))


@functools.cache
def machines():
    """Both definitions as they are deployed, by name."""
    told = plays.play("bad-deployment", "--stack")
    return {one["name"]: one["definition"] for one in told["stateMachines"].values()}


@functools.cache
def transcript(scenario):
    return plays.play(scenario)


def visits(scenario, definitions):
    """Every visit of a scenario's executions."""
    found = []
    for execution in transcript(scenario)["executions"]:
        found += histories.visits(scenario, execution, definitions[execution["stateMachineArn"].split(":")[-1]])
    return found


def replayed(every, *mends):
    """What MiniStack makes of visits."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", dir=TOOLS) as file:
        file.writelines(json.dumps(visit) + "\n" for visit in every)
        file.flush()
        done = subprocess.run([venv("ministack"), "-B", HERE / "ministack_visits.py", file.name, *mends], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-2000:])
    return [json.loads(line) for line in done.stdout.splitlines()]


def points(visit):
    """What the sandbox made of a visit, point by point."""
    kind, ends = visit["state"]["Type"], "error" in visit
    told = {"error": visit.get("error"), "arguments": [one["arguments"] for one in visit["attempts"]]}
    if kind == "Fail":
        told["cause"] = visit["cause"]
    if not ends:
        told |= {"output": visit["output"], "next": visit["next"], "after": visit["after"]}
    if kind == "Wait":
        told["waited"] = round(visit["left"] - visit["entered"], 3)
    if kind == "Map":
        told["items"] = [one["input"] for one in sorted(visit["iterations"], key=lambda one: one["index"])]
    return told


def same(one, other):
    """Equal as JSON: true is no number, and 1.0 is 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def disagreements(visit, found):
    """Where MiniStack comes to something else, in words, and at how many points it comes to the same."""
    told = points(visit)
    differ = [name for name in told if not same(told[name], found.get(name))]
    return [first_difference(told[name], found.get(name), name, "MiniStack") for name in differ], len(told) - len(differ)


@dataclass
class Found:
    """What came of all visits."""

    equal: int = 0
    explained: Counter = field(default_factory=Counter)
    complaints: list = field(default_factory=list)


def held(every):
    """Every visit, with MiniStack as it is, then with what is known of it put right."""
    found, left = Found(), []
    for visit, answer in zip(every, replayed(every), strict=True):
        wrong, equal = disagreements(visit, answer)
        found.equal += equal
        if wrong:
            left.append(visit)
    for mends in [[name] for name in EXPLAINED]:
        still = []
        for visit, answer in zip(left, replayed(left, *mends), strict=True):
            if disagreements(visit, answer)[0]:
                still.append(visit)
            else:
                found.explained.update(mends)
        left = still
    for visit, answer in zip(left, replayed(left, *EXPLAINED), strict=True):
        found.complaints.append(f"{visit['place']}: {disagreements(visit, answer)[0][0]}")
    return found


def sabotaged():
    """Complaints about sabotages that no visit shows."""
    complaints = []
    for what, old, new, word in SABOTAGES:
        definitions = {name: fewer(machine, old, new) for name, machine in machines().items()}
        if definitions == machines():
            complaints.append(f"the sabotage has nothing to replace: {old}")
            continue
        every = [visit for scenario in SABOTAGED for visit in visits(scenario, definitions)]
        wrong = held(every).complaints
        if not any(f": {word}: " in complaint for complaint in wrong):
            complaints.append(f"sabotage not found: {what} ({word}); found {wrong[:3]}")
    return complaints


def run(scenarios):
    """Every visit of these scenarios."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    venv("ministack"), plays.lockstep()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(transcript, scenarios))
    every = [visit for scenario in scenarios for visit in visits(scenario, machines())]
    with ThreadPoolExecutor(2) as pool:
        halves = list(pool.map(held, (every[::2], every[1::2])))
    complaints = [complaint for half in halves for complaint in half.complaints] + sabotaged()
    explained = sum((half.explained for half in halves), Counter())
    complaints += [f"nothing needs the explanation {name}" for name in EXPLAINED if name not in explained]
    known = {name for path in MACHINES for name in states(json.loads(Path(path).read_text(encoding="utf8")))}
    seen = {visit["name"] for visit in every}
    complaints += [f"the state {name} is visited in no play" for name in sorted(known - seen)]
    print(f"  {len(every)} visits of {len(seen)} states in {len(scenarios)} plays; differences {dict(explained) or 'none'}")
    differences = [f"{count} times: {EXPLAINED[name]}" for name, count in sorted(explained.items())]
    return Outcome(complaints, pinned("ministack", "ministack"), len(every) + len(SABOTAGES), sum(half.equal for half in halves), differences)


# A thousand applications, of which a play takes a minute and more.
FLEET = "snapshots-fleet"

ENGINES = {
    "ministack": Engine(
        f"every visit of a state in every play but the fleet's, by MiniStack's Step Functions, and {len(SABOTAGES)} sabotages",
        lambda: run([name for name in plays.every() if name != FLEET]),
    ),
    "ministack-all": Engine("the same, with the fleet of a thousand applications", lambda: run(plays.every()), slow=True),
}
