"""Every JSONata expression of the state machines by npm's jsonata, whose version 2.0.6 is the one that Step Functions runs: its grammar refuses none, and it gives what the
sandbox's interpreter gave, on the inputs recorded in the runs of all scenarios.

What was never evaluated in any run is held against the grammar alone; how many there are is told. Both halves are tried on a sabotage.
"""

import json
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import plays
from tools import HERE, MACHINES, TOOLS, Engine, Outcome, node_modules

# Beside the runs of scenarios nothing is recorded: paths that only a fault takes are rare in them.
FEWEST_EVALUATED = 0.8


def strings(value):
    """Every text in a definition."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from strings(one)


def written():
    """Every expression of both state machines, as it is written."""
    found = {}
    for path in MACHINES:
        for text in strings(json.loads(path.read_text(encoding="utf8"))):
            match = re.fullmatch(r"\{%(.*)%\}", text, re.DOTALL)
            if match:
                found[match[1].strip()] = path.name
    return found


def recorded():
    """Every evaluation of every scenario, each once, as lines."""

    def of(scenario):
        with tempfile.NamedTemporaryFile("r", suffix=".jsonl", dir=TOOLS) as file:
            plays.play(scenario, "--record", file.name)
            return file.read().splitlines()

    with ThreadPoolExecutor(2) as pool:
        return list(dict.fromkeys(line for lines in pool.map(of, plays.scenarios()) for line in lines))


def asked(expressions, lines):
    """What jsonata says of them."""
    with tempfile.TemporaryDirectory(dir=TOOLS) as folder:
        (Path(folder) / "expressions.json").write_text(json.dumps(expressions), encoding="utf8")
        (Path(folder) / "record.jsonl").write_text("\n".join(lines), encoding="utf8")
        command = ["node", str(HERE / "evaluate.cjs"), str(node_modules()), str(Path(folder) / "expressions.json"), str(Path(folder) / "record.jsonl")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-2000:])
    return json.loads(done.stdout)


def altered(line):
    """A record whose value is another one."""
    told = json.loads(line)
    return json.dumps(told | {"value": [told["value"], "altered"]})


def run():
    node_modules()
    TOOLS.mkdir(parents=True, exist_ok=True)
    expressions, lines = list(written()), recorded()
    said = asked(expressions, lines)
    complaints = said["refused"] + said["differ"]
    seen = {json.loads(line)["expression"] for line in lines}
    holes = [re.compile(re.sub(r"\\\$\\\{\w+\\\}", ".*", re.escape(expression)), re.DOTALL) for expression in expressions]
    evaluated = sum(any(hole.fullmatch(one) for one in seen) for hole in holes)
    print(f"  {len(expressions)} expressions are accepted by the grammar; {evaluated} of them were evaluated in the runs, on {said['evaluated']} different inputs")
    if evaluated < FEWEST_EVALUATED * len(expressions):
        complaints.append(f"only {evaluated} of {len(expressions)} expressions were evaluated in any run")
    if not asked([*expressions[:1], "$states.input.a ?? 1"], [])["refused"]:
        complaints.append("sabotage not found: an expression with ?? is accepted, which came after 2.0.6")
    sample = [line for line in lines if '"value"' in line][:20]
    if len(asked([], [*sample, altered(sample[-1])])["differ"]) != 1:
        complaints.append("sabotage not found: an altered value among right ones")
    agreements = len(expressions) - len(said["refused"]) + said["evaluated"] - len(said["differ"])
    return Outcome(complaints, "jsonata 2.0.6", len(expressions) + 2, agreements)


ENGINES = {"jsonata": Engine("every expression by npm jsonata: grammar, and values on recorded inputs", run)}
