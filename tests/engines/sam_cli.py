"""SAM's own command line, with cargo-lambda and zig: what `sam build && sam deploy` makes of this repository on a new machine, and what is in what ships."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from checks import replaced
from deployed import GLIBC, MOST_MEGABYTES, newest_glibc
from tools import HERE, ROOT, TOOLS, Engine, Missing, Outcome, venv

# The one that is really built: the smallest.
BUILT = "Rollback"
# The machine's own: the target of arm64 comes from no package registry. Whoever deploys has it from rustup.
ARCHITECTURE = "x86_64"
RUST_TARGET = "x86_64-unknown-linux-gnu"
# Values that an operator may well write, and what CloudFormation must be given.
OVERRIDES = {
    "Mode=act": ("Mode", "act"),
    "AlarmKeeperEveryMinutes=30": ("AlarmKeeperEveryMinutes", "30"),
    "SnapshotCheckEveryMinutes=720": ("SnapshotCheckEveryMinutes", "720"),
    "NotificationEmail=on.call+flink@example.com": ("NotificationEmail", "on.call+flink@example.com"),
    "ApplicationLogGroups=/aws/kinesis-analytics/orders,/aws/kinesis-analytics/pay": ("ApplicationLogGroups", "/aws/kinesis-analytics/orders,/aws/kinesis-analytics/pay"),
    "AlarmApplications=orders-is-down=orders,pay=pay-eu": ("AlarmApplications", "orders-is-down=orders,pay=pay-eu"),
    'AlarmApplications="orders is down=orders,pay=pay-eu"': ("AlarmApplications", "orders is down=orders,pay=pay-eu"),
}
# Compiles nothing, and says what cargo asks of a compiler before: whether cargo finds the binary is all that is asked.
NO_COMPILER = """#!/bin/sh
case "$*" in *"--crate-name ___"*|*-vV*) exec "$@";; esac
exit 1
"""
NOT_FOUND = "no bin target named"
SHIPPED = HERE / "shipped.txt"
# What belongs to the sandbox and to tests, and must never ship.
NEVER = ("test-util", "server")


def known_to_git(folder):
    """The files that git knows, as they stand: what a clone would have."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        raise Missing("this is no clone: git lists no files")
    for name in filter(None, listed.stdout.decode().split("\0")):
        # Recordings and simulated runs are no part of any build.
        if (ROOT / name).is_file() and "/recordings/" not in name:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


@contextmanager
def clone():
    """A copy of the repository on a machine with nothing but Rust: its own home, its own target folder, no credentials."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOLS) as folder:
        copy = Path(folder) / "repository"
        known_to_git(copy)
        configuration = copy / "infra" / "samconfig.toml"
        configuration.write_text(replaced("Architecture=arm64", f"Architecture={ARCHITECTURE}")(configuration.read_text(encoding="utf8")), encoding="utf8")
        home = Path(folder) / "home"
        home.mkdir()
        yield copy, variables(home, Path(folder) / "target")


def variables(home, target):
    """Of somebody who has just installed Rust, and the tools from PyPI."""
    own = Path.home()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_", "CARGO_", "RUST"))}
    # zig first: cargo-lambda finds it by the first Python.
    path = ":".join([*(str(venv(name).parent) for name in ("zig", "sam", "lambda")), os.environ["PATH"]])
    toolchain = {
        "CARGO_HOME": os.environ.get("CARGO_HOME", str(own / ".cargo")),
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(own / ".rustup")),
        "CARGO_TARGET_DIR": str(target),
    }
    offline = {"SAM_CLI_TELEMETRY": "0", "AWS_EC2_METADATA_DISABLED": "true", "AWS_DEFAULT_REGION": "us-east-1"}
    return {**kept, **toolchain, **offline, "PATH": path, "HOME": str(home)}


def asked_of_sam(copy, env):
    """What SAM's own classes read in this repository: the parameters of each command, the command of each build, the binary that each copies."""
    done = subprocess.run([str(venv("sam")), "-B", str(HERE / "sam_reads.py"), str(copy / "infra"), json.dumps(list(OVERRIDES))], capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        raise RuntimeError(f"sam_reads.py: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def found_where_sam_looks(reads, env):
    """Complaints about binaries: cargo itself is asked, with the very command that SAM runs and a compiler that compiles nothing."""
    complaints = []
    wrapper = Path(env["HOME"]) / "no-compiler"
    wrapper.write_text(NO_COMPILER, encoding="utf8")
    wrapper.chmod(0o755)
    for function, build in reads["builds"].items():
        if build["copied"] != build["binary"]:
            complaints.append(f"{function}: SAM copies the binary {build['copied']} of {build['folder']}, and the template names {build['binary']}")
        # The same target folder would keep what was compiled with another wrapper.
        asked = {**env, "RUSTC_WRAPPER": str(wrapper), "CARGO_TARGET_DIR": env["CARGO_TARGET_DIR"] + "-asked"}
        done = subprocess.run(build["command"], cwd=build["folder"], capture_output=True, text=True, check=False, env=asked)
        if NOT_FOUND in done.stderr or "could not compile" not in done.stderr:
            complaints.append(f"{function}: {' '.join(build['command'][1:])} in {Path(build['folder']).name}: {done.stderr.strip()[-300:]}")
    return complaints


def parameters_of(reads):
    """Complaints about parameters: what the two commands read, and what becomes of values."""
    complaints = []
    if reads["parameters"]["build"] != reads["parameters"]["deploy"]:
        complaints.append(f"sam build reads {reads['parameters']['build']}, and sam deploy {reads['parameters']['deploy']}")
    if reads["parameters"]["build"].get("Architecture") != ARCHITECTURE:
        complaints.append(f"Architecture={ARCHITECTURE} does not reach sam build: it reads {reads['parameters']['build']}")
    for written, (name, value) in OVERRIDES.items():
        if reads["converted"][written] != {name: value}:
            complaints.append(f"{written} becomes {reads['converted'][written]}")
    for name, (value, converted) in reads["defaults"].items():
        if converted != value:
            complaints.append(f"{name}={value}, its default, becomes {converted}")
    return complaints


def complaints_of(copy, env):
    reads = asked_of_sam(copy, env)
    return parameters_of(reads) + found_where_sam_looks(reads, env)


# What is broken, in which file, how, and a word of the finding.
SABOTAGES = [
    ("the code of a function is the whole repository", "infra/template.yaml", replaced("CodeUri: ../functions/rollback", "CodeUri: .."), NOT_FOUND),
    ("the parameters stand where only the deployment reads them", "infra/samconfig.toml", replaced("[default.global.parameters]", "[default.deploy.parameters]"), "does not reach sam build"),
    ("a rate with blanks is a parameter", "infra/template.yaml", replaced("    Type: Number\n    Default: 15\n", "    Type: String\n    Default: rate(15 minutes)\n"), "becomes"),
    ("a package's binary has another name", "functions/rollback/Cargo.toml", replaced("[lints]", '[[bin]]\nname = "roll-back"\npath = "src/main.rs"\n\n[lints]'), "the template names rollback"),
]


def sabotaged(copy, env):
    complaints = []
    for what, name, change, word in SABOTAGES:
        path = copy / name
        right = path.read_text(encoding="utf8")
        broken = change(right)
        if name == "infra/samconfig.toml":
            # One section of that name is enough.
            broken = broken.replace("\n[default.deploy.parameters]\nstack_name", "\nstack_name")
        path.write_text(broken, encoding="utf8")
        found = complaints_of(copy, env)
        path.write_text(right, encoding="utf8")
        if not any(word in complaint for complaint in found):
            complaints.append(f"sabotage not found: {what} ({word}); found {found[:3]}")
    return complaints


def command(words, copy, env):
    done = subprocess.run(["sam", *words], cwd=copy / "infra", capture_output=True, text=True, check=False, env=env)
    return done.returncode, done.stdout + done.stderr


def built(copy, env):
    """`sam build` of one function: complaints, and what was built."""
    code, said = command(["build", BUILT], copy, env)
    if code:
        return [f"sam build {BUILT} ended with {code}: {said.strip()[-1500:]}"], "nothing built"
    complaints = ["sam build prints the terms of a beta"] if "beta" in said.lower() else []
    binary = copy / "infra" / ".aws-sam" / "build" / BUILT / "bootstrap"
    kind = binary.read_bytes()[:20]
    megabytes, glibc = binary.stat().st_size / 1e6, newest_glibc(binary)
    # ELF, for x86-64.
    if kind[:4] != b"\x7fELF" or kind[18:20] != b"\x3e\x00":
        complaints.append(f"{binary.name} is no program for {ARCHITECTURE}")
    if glibc > GLIBC:
        complaints.append(f"{BUILT} needs glibc {glibc}, and Amazon Linux 2023 has {GLIBC}")
    if megabytes > MOST_MEGABYTES:
        complaints.append(f"{BUILT} has {megabytes:.1f} MB")
    code, said = command(["deploy", "--debug", "--no-confirm-changeset"], copy, env)
    if f"'Architecture': '{ARCHITECTURE}'" not in said or "Unable to locate credentials" not in said:
        complaints.append(f"sam deploy without credentials did not come as far as to ask for them: {said.strip()[-500:]}")
    return complaints, f"{megabytes:.1f} MB, glibc {'.'.join(map(str, glibc))}"


def run():
    with clone() as (copy, env):
        outcome = Outcome(complaints_of(copy, env))
        outcome.complaints += sabotaged(copy, env)
        complaints, what = built(copy, env)
        outcome.complaints += complaints
    outcome.version = f"SAM {version('aws-sam-cli', 'sam')}, {BUILT}: {what}"
    outcome.scenarios = 8 + len(SABOTAGES)
    outcome.agreements = outcome.scenarios - len(outcome.complaints)
    return outcome


def version(package, requirements):
    return re.search(rf"^{package}==(.*)$", (HERE / f"requirements-{requirements}.txt").read_text(encoding="utf8"), re.MULTILINE)[1]


def shipped(root):
    """Of each function, the packages that are linked into it with the features they have there, as cargo resolves them for this function alone."""
    features = {}
    for folder in sorted((root / "functions").iterdir()):
        asked = ["cargo", "tree", "--package", folder.name, "--edges", "normal", "--target", RUST_TARGET, "--prefix", "none", "--format", "{p}|{f}", "--no-dedupe"]
        done = subprocess.run(asked, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"cargo tree: {done.stderr.strip()[-1000:]}")
        for line in done.stdout.splitlines():
            package, _, own = line.partition("|")
            name = package.split(" ")[0]
            if name and "(proc-macro)" not in package:
                features.setdefault((name, own), set()).add(folder.name)
    return features


def as_text(features):
    """A line for each package with its features, and the functions where not all of them have it so."""
    everyone = set().union(*features.values())
    lines = []
    for (name, own), functions in sorted(features.items()):
        where = "" if functions == everyone else f"  # {' '.join(sorted(functions))}"
        lines.append(f"{name}: {own.replace(',', ' ')}".rstrip() + where)
    return "\n".join(lines) + "\n"


def features_of(root):
    """Complaints about what ships, and how many packages with features there are."""
    features = shipped(root)
    complaints = []
    for (name, own), functions in sorted(features.items()):
        complaints += [f"{name} ships with {word} in {', '.join(sorted(functions))}" for word in NEVER if word in own.split(",")]
    now, then = set(as_text(features).splitlines()), set(SHIPPED.read_text(encoding="utf8").splitlines())
    complaints += [f"it is not in {SHIPPED.name}: {line}" for line in sorted(now - then)]
    complaints += [f"it is in {SHIPPED.name}, and does not ship: {line}" for line in sorted(then - now) if line]
    return complaints, len(features)


FEATURE_SABOTAGES = [
    ("a clock for tests is turned on for all", "Cargo.toml", replaced('features = ["rt", "time", "macros", "sync"]', 'features = ["rt", "time", "macros", "sync", "test-util"]'), "tokio ships with test-util"),
    ("the sandbox's server is linked into functions", "shared/lambda-kit/Cargo.toml", replaced("[dependencies]\n", "[dependencies]\nhyper.workspace = true\n"), "hyper ships with server"),
    ("a feature that is not listed", "Cargo.toml", replaced('jiff = { version = "0.2", default-features = false, features = ["std", "serde"] }', 'jiff = { version = "0.2", default-features = false, features = ["std", "serde", "logging"] }'), "is not in shipped.txt: jiff"),
]


def features():
    if not shutil.which("cargo"):
        raise Missing("cargo is not installed")
    complaints, count = features_of(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        known_to_git(copy)
        for what, name, change, word in FEATURE_SABOTAGES:
            right = (copy / name).read_text(encoding="utf8")
            (copy / name).write_text(change(right), encoding="utf8")
            found, _ = features_of(copy)
            (copy / name).write_text(right, encoding="utf8")
            if not any(word in complaint for complaint in found):
                complaints.append(f"sabotage not found: {what} ({word}); found {found[:3]}")
    tried = count + len(FEATURE_SABOTAGES)
    return Outcome(complaints, "cargo tree", tried, tried - len(complaints))


ENGINES = {
    "features": Engine(f"the packages and features of what ships, as the list has them: nothing of the sandbox; {len(FEATURE_SABOTAGES)} sabotage(s)", features),
    "sam-cli": Engine(f"sam build and sam deploy on a new machine, without an account: binaries, parameters, one function built; {len(SABOTAGES)} sabotage(s)", run, slow=True),
}
