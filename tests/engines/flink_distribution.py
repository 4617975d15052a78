"""Real Flink as the sandbox starts it: the jars of the package apache-flink-libraries, and the job of the rehearsals."""

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from threading import Lock

from tools import HERE, TOOLS, Missing, quietly, stamped

# By the name of a minor version, the one that is pinned.
VERSIONS = {"1.20": "1.20.5", "2.2": "2.2.1", "2.3": "2.3.0"}
SOURCES = HERE / "flink" / "job"
# Two engines that begin at once want the same folder.
ONE_AT_A_TIME = Lock()


def folder(version):
    """Where the sandbox looks for it."""
    return TOOLS / f"flink-{VERSIONS[version]}"


def java():
    """Flink 1.20, 2.2 and 2.3 all run on Java 17; whatever is newer is tried by nobody here."""
    for tool in ("java", "javac", "jar"):
        if not shutil.which(tool):
            raise Missing(f"{tool} is not installed: a JDK of Java 17 is needed")
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    if not found or int(found[1]) not in range(17, 22):
        raise Missing(f"Java 17 is needed, and this is {told.splitlines()[0] if told else 'unknown'}")


def unpack(version, into):
    """The jars out of the source package; nothing of it is built."""
    with tempfile.TemporaryDirectory(dir=TOOLS) as scratch:
        wanted = f"apache-flink-libraries=={VERSIONS[version]}"
        quietly([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", scratch, wanted])
        with tarfile.open(next(Path(scratch).glob("*.tar.gz"))) as package:
            for member in package:
                parts = Path(member.name).parts
                if member.isfile() and parts[1:3] == ("deps", "lib"):
                    (into / parts[3]).write_bytes(package.extractfile(member).read())


def build(version):
    """The job against this version's jars, and the tether, which needs none. Apart: what is beside Flink's own jars would be loaded before a job's."""
    home = folder(version)
    classpath = ":".join(map(str, sorted((home / "lib").glob("*.jar"))))
    for source, jar in (("OrdersJob", "job.jar"), ("Tether", "tether.jar")):
        with tempfile.TemporaryDirectory(dir=TOOLS) as classes:
            quietly(["javac", "-nowarn", "--release", "17", "-cp", classpath, "-d", classes, str(SOURCES / f"{source}.java")])
            quietly(["jar", "--create", "--file", str(home / jar), "-C", classes, "."])


def prepared(version):
    """The folder, made if it is not there."""
    java()
    TOOLS.mkdir(parents=True, exist_ok=True)
    home = folder(version)
    with ONE_AT_A_TIME:
        if not (home / "lib").exists():
            half = home / "half"
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir(parents=True)
            unpack(version, half)
            half.rename(home / "lib")
        stamped(home / "built", [*sorted(SOURCES.glob("*.java")), Path(__file__)], lambda: build(version))
    return home
