"""Where the tools are, how they are installed, and what an engine gives back."""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TOOLS = ROOT / "target" / "engines"
NODE = TOOLS / "node"
TEMPLATE = ROOT / "infra" / "template.yaml"
MACHINES = sorted((ROOT / "infra" / "statemachines").glob("*.asl.json"))


class Missing(Exception):
    """A tool that cannot be had."""


def stamped(stamp, sources, make):
    """Makes something anew when what it is made from has changed."""
    wanted = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        make()
        stamp.write_text(wanted)


def quietly(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise Missing(f"{' '.join(map(str, command[:4]))}: {(done.stderr or done.stdout).strip()[-300:]}")


def venv(name):
    """The Python of a set of pinned packages: `requirements-NAME.txt`, with every package it needs and nothing resolved anew."""
    requirements, folder = HERE / f"requirements-{name}.txt", TOOLS / f"venv-{name}"
    TOOLS.mkdir(parents=True, exist_ok=True)

    def make():
        shutil.rmtree(folder, ignore_errors=True)
        quietly([sys.executable, "-m", "venv", str(folder)])
        quietly([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(requirements)])

    stamped(TOOLS / f"venv-{name}.stamp", [requirements], make)
    return folder / "bin" / "python"


def debian(package):
    """A folder with the files of a Debian package and of what it needs beside what is installed; nothing is installed, and root is not needed."""
    folder = TOOLS / f"debian-{package}"
    if (folder / "usr").exists():
        return folder
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise Missing("this is no Debian: apt-get and dpkg are not there")
    half = folder.with_suffix(".half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    told = subprocess.run(["apt-get", "--simulate", "--no-install-recommends", "install", package], capture_output=True, text=True, check=False).stdout
    needed = [line.split()[1] for line in told.splitlines() if line.startswith("Inst ")]
    quietly(["apt-get", "download", "--quiet", *(needed or [package])], cwd=half)
    for archive in half.glob("*.deb"):
        quietly(["dpkg", "--extract", str(archive), str(half)])
    half.rename(folder)
    return folder


def node_modules():
    """The folder of the pinned npm packages."""
    if not shutil.which("npm"):
        raise Missing("npm is not installed")
    NODE.mkdir(parents=True, exist_ok=True)
    sources = [HERE / "package.json", HERE / "package-lock.json"]

    def make():
        for source in sources:
            shutil.copy(source, NODE / source.name)
        quietly(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=NODE)

    stamped(NODE.with_suffix(".stamp"), sources, make)
    return NODE / "node_modules"


@dataclass
class Outcome:
    """What an engine found."""

    complaints: list = field(default_factory=list)
    """What must not be; any of them is a failure."""
    version: str = ""
    """Of the engine: the pinned one that ran."""
    scenarios: int = 0
    """Scenarios, files or sabotages that were tried."""
    agreements: int = 0
    """Comparisons that agreed."""
    differences: list = field(default_factory=list)
    """Differences that are known and explained, a sentence each."""


@dataclass
class Engine:
    """An engine that can be asked for by name."""

    sentence: str
    run: callable
    """Gives an Outcome; raises Missing when a tool cannot be had."""
    slow: bool = False
    """Left out of a quick run."""
    waits: bool = False
    """Mostly waits for real time: runs beside those that compute."""
    within: str = ""
    """Another engine that tries all of this too: left out where both would run."""
