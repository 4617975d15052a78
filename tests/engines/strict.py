"""Raw answers held against botocore's models, member by member. botocore's own parser passes over what it does not know, and so would hide it.

Needs botocore: run with the pinned Python of requirements-clients.txt.
"""

import datetime
import json
import re
from xml.etree import ElementTree

from botocore.parsers import RpcV2CBORParser

# Where the real service does not keep to its model either: a table that never changed its throughput has 0 decreases, and the model says 1 at least.
LOOSE = ("ProvisionedThroughput.NumberOfDecreasesToday",)
NUMBERS = {"integer": int, "long": int, "float": (int, float), "double": (int, float)}


class Recorder:
    """Stands before a client's HTTP session and keeps the last answer as it came."""

    def __init__(self, client):
        # botocore has no event with the bytes; its version is pinned.
        self.session, self.last = client._endpoint.http_session, None
        client._endpoint.http_session = self

    def send(self, request):
        self.last = self.session.send(request)
        return self.last

    def close(self):
        self.session.close()


def body(answer, protocol):
    """The members of an answer."""
    if "cbor" in protocol:
        parser = RpcV2CBORParser()
        return parser.parse_data_item(parser.get_peekable_stream_from_bytes(answer.content)) if answer.content else {}
    if protocol == "query":
        return ElementTree.fromstring(re.sub(r' xmlns="[^"]*"', "", answer.content.decode()))
    return json.loads(answer.content or b"{}")


def error_code(answer, protocol):
    """The code of a refusal as it stands on the wire, without a namespace."""
    told = body(answer, protocol)
    if protocol == "query":
        return told.findtext("Error/Code")
    code = answer.headers.get("x-amzn-errortype") or told.get("__type", "")
    return code.split("#")[-1].split(":")[0]


def of_answer(model, answer, protocol):
    """What is wrong with the answer of a verb that succeeded."""
    if protocol == "rest-json":
        # Of the one verb of this protocol the body is the function's, and the model's members are headers.
        known = {member.serialization.get("name", "").lower() for member in model.output_shape.members.values()}
        odd = [name for name in answer.headers if name.lower().startswith("x-amz-") and name.lower() not in known]
        return [f"the header {name} is not in the model" for name in odd]
    told = body(answer, protocol)
    if protocol == "query":
        return of_xml(model, told)
    if model.output_shape is None:
        return [f"an answer with {sorted(told)}, and the model knows none"] if told else []
    return findings(model.output_shape, told, model.name)


def of_xml(model, root):
    wrong = [] if root.tag == f"{model.name}Response" else [f"the answer is a {root.tag}"]
    result = root.find(f"{model.name}Result")
    for element in [] if result is None else result:
        if element.tag not in model.output_shape.members:
            wrong.append(f"{element.tag} is not in the model")
    return wrong + ([] if root.findtext("ResponseMetadata/RequestId") else ["there is no request id"])


def findings(shape, value, place):
    """What of a value does not fit its shape."""
    kind = shape.type_name
    if kind == "structure":
        return of_structure(shape, value, place)
    if kind == "list":
        if not isinstance(value, list):
            return [f"{place} is {value!r}, and the model has a list"]
        return bounds(shape, len(value), place) + [found for item in value for found in findings(shape.member, item, f"{place}[]")]
    if kind == "map":
        if not isinstance(value, dict):
            return [f"{place} is {value!r}, and the model has a map"]
        return [found for key, item in value.items() for found in findings(shape.key, key, f"{place} key") + findings(shape.value, item, f"{place}.{key}")]
    if kind in NUMBERS:
        fits = isinstance(value, NUMBERS[kind]) and not isinstance(value, bool)
        return bounds(shape, value, place) if fits else [f"{place} is {value!r}, and the model has {kind}"]
    expected = {"boolean": bool, "timestamp": (int, float, datetime.datetime), "blob": (str, bytes), "string": str}[kind]
    if not isinstance(value, expected) or (kind == "timestamp" and isinstance(value, bool)):
        return [f"{place} is {value!r}, and the model has {kind}"]
    return of_text(shape, value, place) if kind == "string" else []


def of_structure(shape, value, place):
    if not isinstance(value, dict):
        return [f"{place} is {value!r}, and the model has a structure"]
    members = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
    wrong = [f"{place}.{name} is not in the model" for name in value if name not in members]
    wrong += [f"{place}.{name} is required and not there" for name, (own, _) in members.items() if own in shape.required_members and value.get(name) is None]
    for name, (_, member) in members.items():
        if name in value:
            wrong += findings(member, value[name], f"{place}.{name}")
    return wrong


def of_text(shape, value, place):
    wrong = bounds(shape, len(value), place)
    if getattr(shape, "enum", None) and value not in shape.enum:
        wrong.append(f"{place} is {value!r}, and the model has {shape.enum}")
    return wrong


def bounds(shape, size, place):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if place.endswith(LOOSE):
        return []
    if (least is not None and size < least) or (most is not None and size > most):
        return [f"{place}: {size} is not within {least} and {most}"]
    return []


def minimal(shape):
    """The least input that a shape takes: for verbs that only have to be refused."""
    kind = shape.type_name
    if kind == "structure":
        return {name: minimal(shape.members[name]) for name in shape.required_members}
    if kind == "list":
        return [minimal(shape.member)] * max(1, shape.metadata.get("min", 0))
    if kind == "map":
        return {"x": minimal(shape.value)}
    if kind in NUMBERS:
        return max(1, shape.metadata.get("min", 1))
    if kind == "string":
        return shape.enum[0] if getattr(shape, "enum", None) else "x" * max(1, shape.metadata.get("min", 1))
    return {"boolean": True, "timestamp": datetime.datetime(2026, 3, 4, tzinfo=datetime.timezone.utc), "blob": b"x"}[kind]
