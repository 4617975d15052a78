"""The sandbox as the engines use it: built by cargo, asked for a rehearsal, or served over TCP."""

import json
import os
import subprocess
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from tools import ROOT, Missing

FUNCTIONS = sorted(folder.name for folder in (ROOT / "functions").iterdir())
PERSON = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "operator", "AWS_SECRET_ACCESS_KEY": "sandbox"}


def cargo(*arguments):
    try:
        done = subprocess.run(["cargo", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError as missing:
        raise Missing("cargo is not installed") from missing
    if done.returncode:
        raise RuntimeError(f"cargo {' '.join(arguments)}: {done.stderr.strip()[-2000:]}")


def target():
    """Where cargo builds: the settings of the machine may have it elsewhere."""
    told = subprocess.run(["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=ROOT, capture_output=True, text=True, check=True)
    return type(ROOT)(json.loads(told.stdout)["target_directory"])


def sandbox():
    """The sandbox's binary; beside it lie `lockstep` and every function's. One build, or they would want the same crates with other features."""
    cargo("build", *[word for name in ("sandbox", "lockstep", *FUNCTIONS) for word in ("--package", name)])
    return target() / "debug" / "sandbox"


def rehearsed(binary, *arguments):
    """What a rehearsal tells of itself."""
    done = subprocess.run([binary, "rehearse", *map(str, arguments), "--json"], capture_output=True, text=True, check=False, timeout=600)
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError as error:
        raise RuntimeError(f"rehearse {' '.join(map(str, arguments))}: {done.stderr.strip()[-1000:]}") from error


@contextmanager
def served(binary, speed):
    """A served region: its endpoint, and the lines it printed so far."""
    with TemporaryDirectory() as folder:
        log = type(ROOT)(folder) / "log"
        # Into a file: a pipe that nobody reads would stop it.
        with open(log, "w", encoding="utf8") as written:
            process = subprocess.Popen([binary, "serve", "--port", "0", "--speed", str(speed)], stdout=written, stderr=subprocess.STDOUT)
        try:
            yield endpoint(process, log), lambda: log.read_text(encoding="utf8").splitlines()
        finally:
            process.terminate()
            process.wait(timeout=20)


def endpoint(process, log):
    """Waits for the first line, which names it."""
    while process.poll() is None:
        for word in log.read_text(encoding="utf8").split():
            if word.startswith("http://127.0.0.1:"):
                return word.rstrip(".,")
        try:
            process.wait(timeout=0.05)
        except subprocess.TimeoutExpired:
            pass
    raise RuntimeError(f"serve ended: {log.read_text(encoding='utf8')[-1000:]}")


def person(address):
    """The variables of somebody who works in a served region."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("AWS_")}, **PERSON, "AWS_ENDPOINT_URL": address}
