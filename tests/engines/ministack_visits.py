"""MiniStack's Step Functions engine, asked for one state at a time. Runs in the environment of `requirements-ministack.txt`.

Usage: ministack_visits.py <file: visits> [MEND …]. Writes, a JSON document a line, what MiniStack makes of each visit.

Its own loop (`_run_sub_machine`) runs a machine of the one state, in which every other state is a Succeed. What a Task asks for is answered as it was answered in the recorded
run; so is each iteration of a Map. The clock is the region's. A MEND is a known fault of MiniStack, put right (see replay.py).
"""

import json
import sys

from ministack.services import stepfunctions as engine

run_states = engine._run_sub_machine
register = engine._register_sfn_jsonata_functions


class NOW:
    """The time of the recorded run."""

    seconds = 0.0


class MoreThanRecorded(Exception):
    """MiniStack asks once more than the recorded run did."""


def with_the_clock(expression):
    register(expression)
    at = NOW.seconds
    expression.register_lambda("millis", lambda: round(at * 1000))
    expression.register_lambda("now", lambda: engine_time(at))


def engine_time(seconds):
    return engine.datetime.fromtimestamp(seconds, engine.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Visit:
    """One visit while it is replayed: what is answered, and what is noted."""

    def __init__(self, told):
        self.told, self.arguments, self.waited, self.items = told, [], [], {}

    def invoke(self, _resource, arguments, _timeout=None):
        attempts, number = self.told["attempts"], len(self.arguments)
        self.arguments.append(arguments)
        if number >= len(attempts):
            raise MoreThanRecorded(f"attempt {number + 1}")
        answer = attempts[number]
        # The next thing it computes are the arguments of another attempt, or what comes of this one.
        NOW.seconds = attempts[number + 1]["at"] if number + 1 < len(attempts) else self.told["left"]
        if "failure" in answer:
            raise engine._ExecutionError(answer["failure"]["error"], answer["failure"]["cause"])
        return answer["result"]

    def iterate(self, _states, _start, given, _execution, context):
        index = context["Map"]["Item"]["Index"]
        self.items[index] = given
        recorded = next((one for one in self.told["iterations"] if one["index"] == index), None)
        if recorded is None:
            raise MoreThanRecorded(f"iteration {index}")
        if "failure" in recorded:
            raise engine._ExecutionError(recorded["failure"]["error"], recorded["failure"]["cause"])
        return recorded["output"]

    def sleep(self, seconds):
        self.waited.append(seconds)
        if self.told["state"]["Type"] == "Wait":
            NOW.seconds = self.told["left"]

    def replayed(self):
        """What MiniStack makes of it."""
        told, state = self.told, self.told["state"]
        NOW.seconds = told["attempts"][0]["at"] if told["attempts"] else told["entered"]
        engine._invoke_resource = engine._invoke_resource_with_timeout = self.invoke
        engine._run_sub_machine, engine._scaled_sleep = self.iterate, self.sleep
        engine.now_iso = lambda: told["context"]["State"]["EnteredTime"]
        context = {**told["context"], "variables": dict(told["variables"])}
        others = [state.get("Next"), state.get("Default"), *(one["Next"] for part in ("Choices", "Catch") for one in state.get(part, []))]
        states = {**{name: {"Type": "Succeed"} for name in others if name}, told["name"]: state}
        found = {}
        try:
            found["output"] = run_states(states, told["name"], told["input"], {"events": []}, context)
            name = context["State"]["Name"]
            found["next"] = name if name != told["name"] else None
        except engine._ExecutionError as error:
            found |= {"error": error.error, "cause": error.cause}
        except MoreThanRecorded as error:
            found["error"] = f"more than recorded: {error}"
        found |= {"after": context["variables"], "arguments": self.arguments, "items": [self.items[index] for index in sorted(self.items)]}
        if state["Type"] == "Wait":
            found["waited"] = sum(self.waited)
        return found


def assign_at_once(state, given, context, result=None, error_output=None):
    """Every expression of an Assign sees the variables as they were before it."""
    if context is None or not isinstance(state.get("Assign"), dict):
        return
    before = {**context, "variables": dict(context.get("variables", {}))}
    context["variables"] |= {name: engine._apply_jsonata_template(one, given, before, result=result, error_output=error_output) for name, one in state["Assign"].items()}


def succeed_with_output(state, given, context=None):
    """A Succeed has an Output, as a Pass has."""
    return engine._apply_jsonata_output(state, given, context, default=given)


def mend(names):
    if "assign" in names:
        engine._apply_state_assign = assign_at_once
    if "succeed" in names:
        engine._apply_output_path = succeed_with_output


def main(path, *mends):
    engine._register_sfn_jsonata_functions = with_the_clock
    mend(mends)
    with open(path, encoding="utf8") as lines:
        for line in lines:
            print(json.dumps(Visit(json.loads(line)).replayed()))


if __name__ == "__main__":
    main(*sys.argv[1:])
