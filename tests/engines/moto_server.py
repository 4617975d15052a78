"""A moto server that runs with its launcher, and the stack of this project in it: deployed by moto's CloudFormation from the template that SAM's own translator gives.

Speaks the wire protocols with nothing but Python's library, because the driver runs without any package.
"""

import functools
import http.client
import io
import json
import re
import socket
import subprocess
import time
import urllib.parse
import xml.etree.ElementTree as XML
import zipfile

from tools import HERE, MACHINES, TEMPLATE, venv

STACK = "lifeguard"
REGION = "us-east-1"
ACCOUNT = "123456789012"
# Of the launcher's import of moto.
START_SECS = 120
# What the launcher calls a resource of a type that moto does not know.
SKIPPED = "skipped-by-moto-"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@functools.cache
def transformed():
    """The template as CloudFormation gets it, as text."""
    program = "import json, sys; sys.path.insert(0, sys.argv[1]); import template; print(json.dumps(template.transformed(sys.argv[2])))"
    done = subprocess.run([str(venv("checks")), "-B", "-c", program, str(HERE), str(TEMPLATE)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-2000:])
    return done.stdout.strip().splitlines()[-1]


class Refused(Exception):
    """An answer that is none."""


class Moto:
    """The server. `region_port` is where it finds the sandbox's region while a scenario is played."""

    def __init__(self, log):
        self.port, self.region_port = free_port(), free_port()
        command = [str(venv("moto")), "-B", str(HERE / "moto_launcher.py"), str(self.port), str(self.region_port)]
        self.log = open(log, "w", encoding="utf8")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)

    def __enter__(self):
        until = time.monotonic() + START_SECS
        while self.process.poll() is None and time.monotonic() < until:
            try:
                self.reset()
                return self
            except OSError:
                time.sleep(0.2)
        self.stop()
        raise RuntimeError(f"moto did not start; see {self.log.name}")

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def request(self, method, path, body=b"", headers=None, service=""):
        signature = f"AWS4-HMAC-SHA256 Credential=operator/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, {"Authorization": signature, **(headers or {})})
            answer = connection.getresponse()
            read = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise Refused(f"{service} {method} {path}: {answer.status} {read[:500].decode(errors='replace')}")
        return read

    def reset(self):
        """Empty, and random in the same way as ever."""
        self.request("POST", "/moto-api/reset")
        self.request("POST", "/moto-api/seed?a=42")

    def json(self, service, target, version, asked):
        headers = {"Content-Type": f"application/x-amz-json-{version}", "X-Amz-Target": target}
        return json.loads(self.request("POST", "/", json.dumps(asked).encode(), headers, service))

    def query(self, service, version, action, **asked):
        form = urllib.parse.urlencode({"Action": action, "Version": version, **asked}).encode()
        return XML.fromstring(self.request("POST", "/", form, {"Content-Type": "application/x-www-form-urlencoded"}, service))

    def put(self, key, body):
        self.request("PUT", f"/packaged/{key}", body, {"Host": "s3.amazonaws.com"}, "s3")

    def deploy(self, parameters, machines=None, template=None):
        """The stack with these parameters; gives each resource's type and physical id by logical id. `machines` are texts instead of the repository's, by file name."""
        self.reset()
        self.request("PUT", "/packaged", b"", {"Host": "s3.amazonaws.com"}, "s3")
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("bootstrap", "the sandbox runs the code")
        self.put("code.zip", code.getvalue())
        for path in MACHINES:
            self.put(path.name, ((machines or {}).get(path.name) or path.read_text(encoding="utf8")).encode())
        asked = {"StackName": STACK, "TemplateBody": template or transformed(), "Capabilities.member.1": "CAPABILITY_IAM"}
        for number, (name, value) in enumerate(parameters.items(), 1):
            asked |= {f"Parameters.member.{number}.ParameterKey": name, f"Parameters.member.{number}.ParameterValue": value}
        self.query("cloudformation", "2010-05-15", "CreateStack", **asked)
        described = self.query("cloudformation", "2010-05-15", "DescribeStackResources", StackName=STACK)
        text = lambda one, name: next((part.text for part in one.iter() if part.tag.endswith("}" + name) or part.tag == name), None)
        resources = [one for one in described.iter() if one.tag.endswith("member") and text(one, "LogicalResourceId")]
        return {text(one, "LogicalResourceId"): (text(one, "ResourceType"), text(one, "PhysicalResourceId")) for one in resources}


def names(resources):
    """The name of each resource, as the sandbox wants it: what stands last in an ARN."""
    return {
        logical: re.split("[:/]", physical)[-1] if physical.startswith(("arn:", "https:")) else physical
        for logical, (_, physical) in resources.items()
        if physical and not physical.startswith(SKIPPED)
    }
