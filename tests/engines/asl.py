"""Checks of a state machine's definition that no linter makes: what its tasks ask of AWS, and which variables its expressions use.

Both are conservative in the same way: what is not understood is a finding.
"""

import re

import botocore.session

# Optimised integrations whose arguments differ from the API's, by what the service documents: these members may hold any JSON.
ANY_JSON = {("lambda", "invoke", "Payload"), ("events", "putEvents", "Entries.Detail"), ("sns", "publish", "Message"), ("stepfunctions", "startExecution", "input")}
PREFIX = "arn:aws:states:::"
SUFFIXES = (".waitForTaskToken", ".sync:2", ".sync")
# JSONata 2.0.6 and what Step Functions adds.
FUNCTIONS = set(
    "abs append assert average boolean ceil contains count decodeUrl decodeUrlComponent distinct each encodeUrl encodeUrlComponent error exists filter floor "
    "formatBase formatInteger formatNumber fromMillis join keys length lookup lowercase map match max merge millis min not now number pad parseInteger power "
    "reduce replace reverse round shuffle sift single sort split spread sqrt string substring substringAfter substringBefore sum toMillis trim type uppercase zip "
    "base64encode base64decode partition range hash random uuid parse".split()
)
# Bound by Step Functions in every expression.
RESERVED = {"states"}


def tasks(definition, path=""):
    """Every Task of a definition, nested ones too."""
    for name, state in definition["States"].items():
        if state["Type"] == "Task":
            yield path + name, state
        for index, branch in enumerate(state.get("Branches", [])):
            yield from tasks(branch, f"{path}{name}[{index}].")
        for inner in ("ItemProcessor", "Iterator"):
            if inner in state:
                yield from tasks(state[inner], f"{path}{name}.")


def sdk_findings(definition):
    """Each SDK action and each of its parameters, held against botocore's models."""
    session, found = botocore.session.get_session(), []
    for name, state in tasks(definition):
        resource = state["Resource"]
        if not resource.startswith(PREFIX):
            found.append(f"{name}: {resource} is not a service integration")
            continue
        for suffix in SUFFIXES:
            resource = resource.removesuffix(suffix)
        parts = resource.removeprefix(PREFIX).split(":")
        service, action = parts[1:] if parts[0] == "aws-sdk" else parts
        # Step Functions' own name among the integrations differs from its name among the SDK's services.
        service = {"states": "stepfunctions", "sfn": "stepfunctions"}.get(service, service)
        try:
            model = session.get_service_model(service)
            operation = model.operation_model(action[0].upper() + action[1:])
        except Exception as error:  # noqa: BLE001 botocore raises several kinds
            found.append(f"{name}: {error}")
            continue
        arguments = state.get("Arguments", {})
        if service == "stepfunctions":
            # The API writes stateMachineArn, an integration StateMachineArn.
            arguments = {key[0].lower() + key[1:]: value for key, value in arguments.items()}
        found += [f"{name}: {text}" for text in shape_findings(operation.input_shape, arguments, (service, action), "")]
    return found


def shape_findings(shape, value, action, place):
    if isinstance(value, str) and value.startswith("{%") or (*action, place) in ANY_JSON:
        return []
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            return [f"{place} is no structure"]
        dot = f"{place}." if place else ""
        found = [f"{dot}{name} is not a member of {shape.name}" for name in value if name not in shape.members]
        found += [f"{dot}{name} is missing" for name in shape.required_members if name not in value]
        for name in value.keys() & shape.members.keys():
            found += shape_findings(shape.members[name], value[name], action, dot + name)
        return found
    if kind == "list":
        return [text for one in value for text in shape_findings(shape.member, one, action, place)] if isinstance(value, list) else [f"{place} is no list"]
    if kind == "map":
        return [text for one in value.values() for text in shape_findings(shape.value, one, action, place)] if isinstance(value, dict) else [f"{place} is no map"]
    kinds = {"string": str, "boolean": bool, "integer": int, "long": int, "float": (int, float), "double": (int, float), "blob": (str, dict)}
    if kind in kinds and not isinstance(value, kinds[kind]):
        return [f"{place} is {value!r}, and a {kind} is expected"]
    if getattr(shape, "enum", None) and value not in shape.enum:
        return [f"{place} is {value!r}, which is none of {shape.enum}"]
    return []


def expressions(value):
    """Every JSONata expression in a value."""
    if isinstance(value, str):
        match = re.fullmatch(r"\{%(.*)%\}", value.strip(), re.DOTALL)
        if match:
            yield match.group(1)
    elif isinstance(value, dict):
        for one in value.values():
            yield from expressions(one)
    elif isinstance(value, list):
        for one in value:
            yield from expressions(one)


def used(expression):
    """Variables an expression needs from outside; and functions it calls that are not there."""
    bare = re.sub(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`", "''", expression)
    bare = re.sub(r"(?<=[(,\s])/(?:[^/\\\n]|\\.)+/[im]*", "''", bare)
    own = set(re.findall(r"\$(\w+)\s*:=", bare))
    for parameters in re.findall(r"(?:function|λ)\s*\(([^)]*)\)", bare):
        own |= set(re.findall(r"\$(\w+)", parameters))
    called = set(re.findall(r"\$(\w+)\s*\(", bare))
    # A variable that is only asked for with $exists may be absent.
    bare = re.sub(r"\$exists\(\s*\$\w+\s*\)", "", bare)
    named = set(re.findall(r"\$([A-Za-z_]\w*)(?!\s*\()\b", bare))
    named = {name for name in named if re.search(r"\$" + name + r"(?!\w|\s*\()", bare)}
    return named - own - RESERVED, called - FUNCTIONS - own


def edges(state):
    """Where a state leads, and what is assigned on the way."""
    assigned = set(state.get("Assign", {}))
    if "Next" in state:
        yield state["Next"], assigned
    if "Default" in state:
        yield state["Default"], assigned
    for choice in state.get("Choices", []):
        yield choice["Next"], set(choice.get("Assign", {}))
    for catch in state.get("Catch", []):
        yield catch["Next"], set(catch.get("Assign", {}))


def variable_findings(definition, arriving_with=frozenset()):
    """Variables that are used on a path on which nothing has assigned them. Nested states see what was assigned before the state around them."""
    states = definition["States"]
    known = {definition["StartAt"]: set(arriving_with)}
    work = [definition["StartAt"]]
    while work:
        name = work.pop()
        for target, assigned in edges(states[name]):
            if target not in states:
                continue
            arriving = known[name] | assigned
            narrowed = arriving if target not in known else known[target] & arriving
            if target not in known or narrowed != known[target]:
                known[target] = narrowed
                work.append(target)
    found = [f"{name} cannot be reached" for name in states if name not in known]
    for name, there in known.items():
        outside = {key: value for key, value in states[name].items() if key not in ("Branches", "ItemProcessor", "Iterator")}
        for expression in expressions(outside):
            variables, functions = used(expression)
            found += [f"{name}: ${variable} may be unassigned in {expression.strip()[:80]}" for variable in sorted(variables - there)]
            found += [f"{name}: there is no function ${function}" for function in sorted(functions)]
        nested = [*states[name].get("Branches", []), *(states[name][key] for key in ("ItemProcessor", "Iterator") if key in states[name])]
        for inner in nested:
            found += [f"{name}.{text}" for text in variable_findings(inner, there)]
    return found
