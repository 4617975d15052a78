"""Histories of executions taken apart into visits: a state's definition, what it was given, and what came of it.

A visit stands for itself: whoever interprets its state with this input, these variables and these answers must come to the same arguments, output, variables and next state.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timezone


@dataclass
class Scope:
    """The states of an execution, or those of one iteration of a Map: each has its own order and its own variables."""

    states: dict
    variables: dict
    parent: "Scope" = None
    index: int = None
    visit: dict = None
    """The state that was entered and not left yet."""
    last: dict = None
    """The one that was left last."""
    input: object = None
    """What its first state was given."""
    failure: dict = None


@dataclass
class History:
    """What is read of one execution while its events are walked through."""

    place: str
    context: dict
    visits: list = field(default_factory=list)
    scopes: dict = field(default_factory=dict)
    """By the id of the event that belongs to it."""


def time(seconds):
    """As Step Functions writes it into the context object."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def details(event):
    """The one member that an event has for its type."""
    return next((value for name, value in event.items() if name.endswith("EventDetails")), {})


def entered(history, scope, event):
    told, state_name = details(event), details(event)["name"]
    if scope.last:
        scope.last["next"] = state_name
    given = json.loads(told["input"])
    if scope.last is None and scope.visit is None:
        scope.input = given
    scope.visit = {
        "place": f"{history.place}: {state_name} (event {event['id']})",
        "name": state_name,
        "state": scope.states[state_name],
        "input": given,
        "variables": dict(scope.variables),
        "context": {**history.context, "State": {"Name": state_name, "EnteredTime": time(event["timestamp"]), "RetryCount": 0}},
        "entered": event["timestamp"],
        "attempts": [],
        "iterations": [],
        "next": None,
    }


def left(history, scope, event):
    told, visit = details(event), scope.visit
    scope.variables |= {name: json.loads(value) for name, value in told.get("assignedVariables", {}).items()}
    visit |= {"left": event["timestamp"], "output": json.loads(told["output"]), "after": dict(scope.variables)}
    history.visits.append(visit)
    scope.last, scope.visit = visit, None


def failed(history, scope, event):
    """What ends an execution ends the state that it is in."""
    if scope.visit:
        told = details(event)
        scope.visit |= {"left": event["timestamp"], "error": told.get("error"), "cause": told.get("cause"), "after": dict(scope.variables)}
        history.visits.append(scope.visit)


def attempt(scope, event):
    """What a Task sent, and what came back."""
    told, kind = details(event), event["type"]
    if kind == "TaskScheduled":
        scope.visit["attempts"].append({"at": event["timestamp"], "arguments": json.loads(told["parameters"])})
    elif kind == "TaskSucceeded":
        scope.visit["attempts"][-1]["result"] = json.loads(told["output"])
    elif kind in ("TaskFailed", "TaskTimedOut", "TaskStartFailed", "TaskSubmitFailed"):
        scope.failure = {"error": told.get("error", "States.Timeout"), "cause": told.get("cause", "")}
        scope.visit["attempts"][-1]["failure"] = scope.failure


def iteration(scope, event):
    """An iteration begins, in a scope of its own, or ends; gives the scope that the event belongs to."""
    told = details(event)
    while scope.visit is None or scope.visit["name"] != told["name"]:
        child, scope = scope, scope.parent
    if event["type"] == "MapIterationStarted":
        return Scope(scope.visit["state"]["ItemProcessor"]["States"], dict(scope.variables), scope, told["index"])
    ended = {"index": child.index, "input": child.input}
    ended |= {"output": child.last["output"]} if event["type"] == "MapIterationSucceeded" else {"failure": child.failure}
    scope.visit["iterations"].append(ended)
    return scope


def visits(place, execution, machine):
    """Every visit of a state in an execution that has a history; what a stop cut off is left out."""
    begun = {"Id": execution["arn"], "Input": execution["input"], "Name": execution["arn"].split(":")[-1], "StartTime": time(execution["events"][0]["timestamp"])}
    context = {"Execution": begun, "StateMachine": {"Id": execution["stateMachineArn"], "Name": execution["stateMachineArn"].split(":")[-1]}, "QueryLanguage": "JSONata"}
    history, root = History(f"{place}: {begun['Name']}", context), Scope(machine["States"], {})
    for event in execution["events"]:
        kind, scope = event["type"], history.scopes.get(event["previousEventId"], root)
        if kind.startswith("MapIteration"):
            scope = iteration(scope, event)
        elif kind.endswith("StateEntered"):
            entered(history, scope, event)
        elif kind.endswith("StateExited"):
            left(history, scope, event)
        elif kind == "ExecutionFailed":
            failed(history, scope, event)
        elif kind.startswith("Task"):
            attempt(scope, event)
        history.scopes[event["id"]] = scope
    return history.visits
