"""The public model of the service's API: each operation, each member of what describes an application, each value of an enum is handled, or api-model.json says why not.

    python3 tests/engines/model.py --newest    by hand: the newest botocore instead of the pinned one
    python3 tests/engines/model.py --excerpt   by hand: writes the excerpt that the typed layer's own test reads
"""

import gzip
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tools import HERE, ROOT, Engine, Outcome, venv

LIST = HERE / "api-model.json"
# What tells of an application, its operations and its snapshots.
DESCRIBING = ["DescribeApplication", "DescribeApplicationVersion", "DescribeApplicationOperation", "DescribeApplicationSnapshot",
              "ListApplications", "ListApplicationOperations", "ListApplicationSnapshots", "ListApplicationVersions"]
# Verbs that the SDK does not have: their shapes are typed by hand, and a test of that crate holds them against this excerpt of the model.
TYPED = ["CreateSnapshot", "DeleteSnapshot", "DescribeSnapshot", "DescribeSnapshotOperation", "ListSnapshotOperations", "ListSnapshots"]
EXCERPT = ROOT / "shared/managed-flink/tests/api-model.json"
# Where what is handled is written.
SOURCES = ["shared/lifecycle/src", "shared/managed-flink/src", "functions"]


def snake(name):
    """As the SDK spells a member or an operation."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def sources():
    files = [file for folder in SOURCES for file in sorted((ROOT / folder).rglob("*.rs")) if "tests" not in file.relative_to(ROOT).parts]
    return "\n".join(file.read_text(encoding="utf8") for file in files)


def members(model, shape, path="", within=()):
    """Paths of all members below a shape, with the shape of each."""
    described = model["shapes"][shape]
    if described["type"] == "list":
        yield from members(model, described["member"]["shape"], path, within)
    elif described["type"] == "structure" and shape not in within:
        for name, member in described.get("members", {}).items():
            here = f"{path}.{name}" if path else name
            yield here, member["shape"]
            yield from members(model, member["shape"], here, (*within, shape))


def excerpt(model):
    """Of each typed verb the members of both sides, by their paths, and whether they are always there."""
    def side(verb, name):
        shape = model["operations"][verb][name]["shape"]
        paths = [path.split(".") for path, _ in members(model, shape)]
        return {".".join(path): path[-1] in required(model, shape, path[:-1]) for path in paths}

    return {verb: {"input": side(verb, "input"), "output": side(verb, "output")} for verb in TYPED}


def required(model, shape, path):
    """Members that the shape at the end of a path always has."""
    described = model["shapes"][shape]
    if described["type"] == "list":
        return required(model, described["member"]["shape"], path)
    return required(model, described["members"][path[0]]["shape"], path[1:]) if path else described.get("required", [])


def unhandled(model, text, listed):
    """What is neither handled nor listed, and what is listed and needs it no more. How much was looked at."""
    complaints, looked, used = [], 0, set()

    def reason(kind, name, has):
        nonlocal looked
        looked += 1
        # A member of something that is left alone is left alone with it.
        why = next((key for key in listed[kind] if f".{key}." in f".{name}."), None)
        if why is not None:
            used.add((kind, why))
        elif not has:
            complaints.append(f"{kind}: {name} is neither handled nor in {LIST.name}")

    for operation in sorted(model["operations"]):
        called = re.search(rf'\.{snake(operation)}\(\)|{operation}InputBuilder|call\(&self\.\w+, "{operation}"|VERB: &str = "{operation}"', text)
        reason("operations", operation, called)
        if called and operation in listed["operations"]:
            complaints.append(f"operations: {operation} is called, and stands in {LIST.name}")
    enums = set()
    for operation in DESCRIBING:
        for path, shape in members(model, model["operations"][operation]["output"]["shape"]):
            name = path.rsplit(".", 1)[-1]
            reason("members", path, re.search(rf'\b{snake(name)}\b|"{name}"', text))
            if "enum" in model["shapes"][shape]:
                enums.add(shape)
    for enum in sorted(enums):
        for value in model["shapes"][enum]["enum"]:
            reason("values", f"{enum}.{value}", re.search(rf'"{re.escape(value)}"', text))
    complaints += [f"{kind}: {name} stands in {LIST.name}, and the model has no such thing" for kind in listed for name in listed[kind] if (kind, name) not in used]
    return complaints, looked


def pinned():
    found = sorted(venv("moto").parent.parent.rglob("kinesisanalyticsv2/2018-05-23/service-2.json.gz"))
    return json.loads(gzip.decompress(found[0].read_bytes()))


def newest():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, "botocore"], check=True)
        found = sorted(Path(folder).rglob("kinesisanalyticsv2/2018-05-23/service-2.json.gz"))
        return json.loads(gzip.decompress(found[0].read_bytes()))


def an_operation(model):
    model["operations"]["ForkApplication"] = model["operations"]["StopApplication"]


def a_member(model):
    model["shapes"]["ApplicationSnapshotConfigurationDescription"]["members"]["SnapshotCadence"] = {"shape": "BooleanObject"}


def a_value(model):
    model["shapes"]["ApplicationStatus"]["enum"].append("HIBERNATING")


def run():
    outcome = Outcome(version="botocore 1.44.8")
    text, listed = sources(), json.loads(LIST.read_text(encoding="utf8"))
    complaints, looked = unhandled(pinned(), text, listed)
    if json.loads(EXCERPT.read_text(encoding="utf8")) != excerpt(pinned()):
        complaints.append(f"{EXCERPT.relative_to(ROOT)} is not what the pinned model says: --excerpt writes it")
    looked += 1
    outcome.complaints += complaints
    outcome.scenarios, outcome.agreements = looked, looked - len(complaints)
    for sabotage, word in ((an_operation, "ForkApplication"), (a_member, "SnapshotCadence"), (a_value, "HIBERNATING")):
        model = pinned()
        sabotage(model)
        if not any(word in complaint for complaint in unhandled(model, text, listed)[0]):
            outcome.complaints.append(f"{sabotage.__name__.replace('_', ' ')} that nobody knows is not found: {word}")
    return outcome


ENGINES = {"api-model": Engine("the service's public API model: what is neither handled nor left out for a reason; 3 sabotages", run)}


if __name__ == "__main__":
    if sys.argv[1:] == ["--excerpt"]:
        EXCERPT.write_text(json.dumps(excerpt(pinned()), indent=1) + "\n", encoding="utf8")
        sys.exit(0)
    found, looked = unhandled(newest() if sys.argv[1:] == ["--newest"] else pinned(), sources(), json.loads(LIST.read_text(encoding="utf8")))
    print("\n".join([*found, f"{looked} looked at"]))
    sys.exit(1 if found else 0)
