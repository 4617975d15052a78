"""What SAM's own classes read in a folder with a template and a samconfig.toml. Runs with the pinned SAM CLI; prints JSON."""

import json
import sys
from pathlib import Path

from aws_lambda_builders.workflow import BuildMode
from aws_lambda_builders.workflows.rust_cargo.actions import RustCargoLambdaBuildAction
from aws_lambda_builders.workflows.rust_cargo.cargo_lambda import SubprocessCargoLambda
from samcli.cli.types import CfnParameterOverridesType
from samcli.lib.config.samconfig import SamConfig
from samcli.yamlhelper import yaml_parse


class Cargo:
    """The one binary that the action asks for."""

    binary_path = "cargo"


def converted(values):
    """As the option `--parameter-overrides` takes them; what is refused becomes its refusal."""
    try:
        return CfnParameterOverridesType().convert(values, None, None)
    except Exception as error:  # noqa: BLE001 click raises its own kinds
        return str(error)


def main(folder, overrides):
    configuration = SamConfig(folder)
    template = yaml_parse(Path(folder, "template.yaml").read_text(encoding="utf8"))
    parameters = {}
    for command in ("build", "deploy"):
        try:
            parameters[command] = converted(configuration.get_all([command], "parameters").get("parameter_overrides", []))
        except KeyError:
            # No section of it at all.
            parameters[command] = {}
    architecture = parameters["build"].get("Architecture", template["Parameters"]["Architecture"]["Default"])
    builds = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        code = str(Path(folder, resource["Properties"]["CodeUri"]).resolve())
        binary = resource["Metadata"]["BuildProperties"]["Binary"]
        action = RustCargoLambdaBuildAction(code, {"cargo": Cargo}, BuildMode.RELEASE, None, "provided.al2023", architecture, binary)
        layout = SubprocessCargoLambda(which=None).resolve_workspace_layout("cargo", code)
        builds[name] = {"folder": code, "binary": binary, "command": action.build_command(), "copied": layout["binary_name"]}
    defaults = {}
    for name, parameter in template["Parameters"].items():
        default = str(parameter["Default"])
        if default:
            defaults[name] = [default, converted([f"{name}={default}"]).get(name)]
    written = {one: converted([one]) for one in overrides}
    print(json.dumps({"parameters": parameters, "builds": builds, "defaults": defaults, "converted": written}))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
