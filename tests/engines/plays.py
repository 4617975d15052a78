"""Scenarios played by `lockstep`: on the sandbox's own services, or with four of them replaced by another engine's."""

import functools
import json
import subprocess

import region

# Real seconds. A play takes a few, on a busy machine some more; one that hangs is ended.
PLAY_SECS = 300
# Left out there, and why.
LEFT_OUT = {
    "common-cause": "several executions at one moment: who is first to tell is for moto's threads to say",
    "pipeline-deploys-all": "several executions at one moment: who is first to tell is for moto's threads to say",
    "bad-library": "several executions at one moment: who is first to tell is for moto's threads to say",
    "snapshots-fleet": "a thousand applications would take an interpreter in Python hours",
    "gone-on-without-an-answer": "an answer that is lost after its effect does not happen on the way to another engine",
    "snapshot-that-takes-long-and-one-that-fails": "two iterations of a Map at once: moto's threads take turns as they please",
    "two-pages-with-facts-on-each": "two iterations of a Map at once: moto's threads take turns as they please",
    "snapshots-enhanced": "two iterations of a Map at once: moto's threads take turns as they please",
}


@functools.cache
def lockstep():
    """The binary, built."""
    return str(region.sandbox().with_name("lockstep"))


def every():
    """The names of all scenarios and plays: the command lists them when it is asked for one that is not there."""
    done = subprocess.run([lockstep(), "none"], capture_output=True, text=True, check=False)
    return done.stderr.strip().split("; there are: ")[-1].split(", ")


def scenarios():
    """The same without those that are left out."""
    return [name for name in every() if name not in LEFT_OUT]


def parameters(scenario):
    """What the stack of a scenario is deployed with: the scenario's own way of setting the schedule, and that it acts."""
    return {"Mode": "act", "SnapshotScheduleState": "ENABLED" if scenario.startswith("snapshots-") else "DISABLED"}


def play(scenario, *arguments, stack=()):
    """A scenario's transcript. `stack` are parameters beside the scenario's own."""
    given = [word for name, value in dict(stack).items() for word in ("--parameter", f"{name}={value}")]
    try:
        done = subprocess.run([lockstep(), scenario, *map(str, arguments), *given], capture_output=True, text=True, check=False, timeout=PLAY_SECS)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{scenario} did not end within {PLAY_SECS} s") from error
    if done.returncode:
        raise RuntimeError(f"{scenario}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout)
