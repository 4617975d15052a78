"""What infra/README.md says and somebody else can check: its commands, run with the AWS CLI against a served region, and its costs, summed again."""

import json
import os
import re
import subprocess
import tempfile

import plays
from checks import replaced
from clients import pinned
from region import person, sandbox, served
from tools import ROOT, TEMPLATE, Engine, Outcome, venv

DOCUMENT = ROOT / "infra" / "README.md"
# What a block of commands may be: run here, or not without an account.
KINDS = ("session", "account")


def blocks(text):
    """The blocks of commands of the document, with their kind."""
    return re.findall(r"^```(.*?)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def outputs():
    """The outputs that commands ask for, as the served region has them."""
    stack = plays.play("bad-deployment", "--stack")
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:"
    return {
        "AlarmKeeperName": stack["functions"]["AlarmKeeper"]["name"],
        "RemediateArn": arn + stack["stateMachines"]["Remediate"]["name"],
        "LedgerTableName": stack["tables"]["LedgerTable"]["TableName"],
        "SnapshotCheckArn": arn + stack["stateMachines"]["SnapshotCheck"]["name"],
    }


def preamble():
    """The document's own function asks CloudFormation, which the sandbox is not."""
    cases = " ".join(f"{name}) echo {value};;" for name, value in outputs().items())
    return f'set -eu\noutput() {{ case "$1" in {cases} *) echo "no output $1" >&2; exit 1;; esac; }}\n'


def script_of(text):
    """Complaints about blocks, and the script of all that can run here."""
    complaints, script = [], ""
    in_template = set(re.findall(r"^  (\w+):$", TEMPLATE.read_text(encoding="utf8").split("\nOutputs:\n")[1], re.MULTILINE))
    for kind, commands in blocks(text):
        language, _, what = kind.partition(" ")
        if language == "json":
            # Inputs, a line each; what becomes of them is tried by `cargo test -p sandbox --test proof`. Or a policy's statements.
            for one in [f"[{commands}]"] if commands.startswith("{\n") else commands.splitlines():
                json.loads(one)
            continue
        if language != "sh" or what not in KINDS:
            complaints.append(f"a block is neither {' nor '.join(KINDS)}: {kind or 'without a mark'}: {commands.splitlines()[0]}")
        elif what == "session":
            script += commands
        for name in re.findall(r"\$\(output (\w+)\)", commands):
            if name not in in_template:
                complaints.append(f"the template has no output {name}")
    return complaints, script


def run_commands(text):
    complaints, script = script_of(text)
    with served(sandbox(), speed=60) as (address, told):
        variables = person(address)
        variables["PATH"] = f"{venv('clients').parent}:{variables['PATH']}"
        done = subprocess.run(["bash", "-c", preamble() + script], capture_output=True, text=True, check=False, timeout=600, env=variables)
        story = "\n".join(told())
    if done.returncode:
        return [*complaints, f"the commands ended with {done.returncode}: {done.stderr.strip()[-1500:]}"], 0
    expected = {
        "a dry run and a run of alarm-keeper": len(re.findall(r'"watched": ?1', done.stdout)) == 2,
        "a look that leaves a healthy application alone": '"because":"healthy"' in done.stdout,
        "a snapshot check that takes nothing": re.search(r'"dryRun": ?true', done.stdout),
        "its alarms gone with its tag": re.search(r'"watched": ?0', done.stdout) and '"removed"' in done.stdout,
    }
    complaints += [f"the commands did not show {what}: {done.stdout[-1500:]}" for what, shown in expected.items() if not shown]
    return complaints, len(expected)


COMMAND_SABOTAGES = [
    ("a verb that is not there", replaced("aws kinesisanalyticsv2 untag-resource", "aws kinesisanalyticsv2 untag-application"), "untag-application"),
    ("an output that the template has not", replaced("$(output AlarmKeeperName)", "$(output AlarmKeeperArn)"), "AlarmKeeperArn"),
    ("a block that nobody runs", replaced("```sh session\n", "```\n"), "neither session nor account"),
]


def commands():
    text = DOCUMENT.read_text(encoding="utf8")
    complaints, agreements = run_commands(text)
    for what, change, word in COMMAND_SABOTAGES:
        found, _ = run_commands(change(text))
        if not any(word in one for one in found):
            complaints.append(f"sabotage not found: {what} ({word}); found {found[:2]}")
    return Outcome(complaints, pinned("awscli"), 1 + len(COMMAND_SABOTAGES), agreements + len(COMMAND_SABOTAGES) - len(complaints))


def checked(**variables):
    done = subprocess.run([ROOT / "infra" / "costs", "--check"], capture_output=True, text=True, check=False, env={**os.environ, "SANDBOX": str(sandbox()), **variables})
    return done.returncode, done.stderr.strip()


def costs():
    code, said = checked()
    complaints = [f"infra/costs --check: {said[-500:]}"] if code else []
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(replaced('"usd": 0.000025', '"usd": 0.000035')((ROOT / "infra" / "prices.json").read_text(encoding="utf8")))
        file.flush()
        code, said = checked(PRICES=file.name)
    if code != 1 or "0.000035" not in said:
        complaints.append(f"sabotage not found: a price was changed; it ended with {code}: {said[-300:]}")
    return Outcome(complaints, "its own", 2, 2 - len(complaints))


ENGINES = {
    "infra-commands": Engine(f"the commands of infra/README.md with the AWS CLI against a served region; {len(COMMAND_SABOTAGES)} sabotage(s)", commands),
    "costs": Engine("the costs in infra/README.md, summed again from prices and from what rehearsals count; 1 sabotage", costs),
}
