"""The deployed binaries, each in a process of its own, against the same code in the sandbox's process: the story must be the same."""

import re

from region import rehearsed, sandbox
from tools import Engine, Outcome

# A scenario, and what goes wrong with one of its invocations or with the environment of one function.
STORIES = [
    ["bad-deployment"],
    ["rollback-refused"],
    ["system-rollback"],
    ["snapshots-fresh"],
    ["snapshots-stuck-creating"],
    ["bad-deployment", "--trouble", "rollback=crash-before"],
    ["bad-deployment", "--trouble", "rollback=crash-after"],
    ["bad-deployment", "--trouble", "rollback=time-out-before"],
    ["bad-deployment", "--trouble", "rollback=time-out-after"],
    ["bad-deployment", "--trouble", "rollback=run-twice"],
    ["rollback-refused", "--trouble", "force-stop-and-restore=crash-after@2"],
    ["bad-deployment", "--trouble", "subtask-verifier=crash-after@3"],
    ["snapshots-fresh", "--variable", "snapshot-keeper:SNAPSHOT_KEEP_LAST=many"],
]
# Of these stories each must meet an error of this type: a fault that nobody noticed would prove nothing.
MEETS = {"crash": "Runtime.ExitError", "time-out": "Sandbox.Timedout", "KEEP_LAST": "Runtime.ExitError"}


def without_times(text):
    """A process takes some milliseconds of the region's time, and the same code in the region's own process takes none."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\b\d+ s\b", "~", text)
    # Of a process that ends in init, Lambda tells the exit status and not the reason, which stands in its log; of the same in the sandbox's process the reason is told too.
    return re.sub(r"RequestId: \S+ | \(the environment variable .*?\)(?=\\?\"|$)", "", text)


def without_rounds(states):
    """The order of states, with a run of equal waiting rounds as one: how many there are depends on the moment at which a job came back."""
    rounds, current = [], []
    for state in states:
        current.append(state)
        if state == "Wait":
            rounds, current = rounds if rounds and rounds[-1] == current else [*rounds, current], []
    return [state for one in rounds for state in one] + current


def told(rehearsal):
    """What must be the same."""
    return {
        "outcome": rehearsal["outcome"],
        "reason": without_times(rehearsal["reason"]),
        "complaints": [without_times(complaint) for complaint in rehearsal["complaints"]],
        "changes": [(one["action"], one["by"], one["outcome"], one["changed"]) for one in rehearsal["actions"]],
        "application": rehearsal["application"],
        "executions": [one["status"] for one in rehearsal["executions"]],
        "states": [without_rounds(one["states"]) for one in rehearsal["executions"]],
        "errors": [one["errors"] for one in rehearsal["executions"]],
        "lost records": rehearsal["records"]["lost"],
    }


def held(binary, folder, story):
    """What differs between the two ways of running a story, how many points agree, and how many processes were started."""
    name = " ".join(story)
    inside, outside = rehearsed(binary, *story), rehearsed(binary, *story, "--functions", folder)
    expected, found = told(inside), told(outside)
    complaints = [f"{name}: {point} {found[point]} in processes, {expected[point]} in the sandbox" for point in expected if expected[point] != found[point]]
    errors = [error for one in found["errors"] for error in one]
    complaints += [f"{name}: no task met {error}, only {errors}" for word, error in MEETS.items() if word in name and error not in errors]
    started = outside.get("processes", {})
    functions = {caller.split(" ")[0] for caller in outside["apiCalls"] if "kinesisanalytics:" in caller}
    if len(started) < len(functions):
        complaints.append(f"{name}: {sorted(functions)} made calls, and only {sorted(started)} were started")
    return complaints, len(expected) - len(complaints), sum(started.values())


def run():
    binary = sandbox()
    return in_processes(binary, binary.parent)


def in_processes(binary, folder):
    """Every story, with the functions' binaries from `folder`."""
    outcome, processes = Outcome(), 0
    for story in STORIES:
        complaints, agreements, started = held(binary, folder, story)
        outcome.complaints += complaints
        outcome.agreements += agreements
        processes += started
        outcome.scenarios += 1
    outcome.version = f"{processes} processes"
    return outcome


ENGINES = {
    "lambda-processes": Engine("the functions' binaries on the Runtime API: outcome, states, errors and changes as in the sandbox's own process", run),
}
