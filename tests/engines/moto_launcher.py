"""moto's server, made to execute state machines in step with the sandbox's region. Run by the Python of requirements-moto.txt.

    python moto_launcher.py PORT REGION_PORT      answers on PORT; its own calls go to the region's port

What is set right here, because moto leaves it out or AWS documents it otherwise, is all in this file, a function each. The interpreter itself (which state comes next, what
is retried, caught, assigned and put out) is moto's, and its JSONata is jsonata-python.
"""

import copy
import datetime
import hashlib
import http.client
import json
import os
import random
import re
import sys
import threading
import types
import uuid

PORT, REGION_PORT = (int(argument) for argument in sys.argv[1:3]) if len(sys.argv) == 3 else (0, 0)
# The port that moto's own clients call; they are made from this variable.
os.environ["MOTO_PORT"] = str(REGION_PORT)
os.environ["NO_PROXY"] = "localhost,127.0.0.1"

import botocore.httpsession
import jsonata
import moto.core.config
import moto.events.models as events
import moto.moto_api._internal.models as moto_api
import moto.stepfunctions.models as stock
import moto.stepfunctions.parser.asl.component.common.retry.jitter_strategy_decl as jitter
import moto.stepfunctions.parser.asl.component.common.retry.retrier_decl as retrier
import moto.stepfunctions.parser.asl.component.common.string.string_expression as strings
import moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk as aws_sdk
import moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_events as put_events
import moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn as sfn
import moto.stepfunctions.parser.asl.component.state.state as state
import moto.stepfunctions.parser.asl.eval.event.event_manager as event_manager
import moto.stepfunctions.parser.asl.eval.variable_store as variable_store
import moto.stepfunctions.parser.backend.execution as execution
import moto.stepfunctions.parser.backend.execution_worker as execution_worker
import moto.stepfunctions.parser.models as parser
from botocore.exceptions import ClientError
from jsonata.timebox import Timebox
from jsonata.utils import Utils
from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.inline_iteration_component import InlineIterationComponent
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iteration_worker import IterationWorker
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.job import JobPool
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.utilities.arns import parse_arn


class Region:
    """The region's time, and who computes here: see external/mod.rs of the sandbox."""

    # Before any region: when moto is reset, another one begins.
    NEVER = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)

    def __init__(self):
        self.time = self.NEVER

    def tell(self, verb, **told):
        connection = http.client.HTTPConnection("127.0.0.1", REGION_PORT, timeout=600)
        try:
            connection.request("POST", f"/sandbox/{verb}", json.dumps(told))
            answer = json.load(connection.getresponse())
        finally:
            connection.close()
        if "now" not in answer:
            raise RuntimeError(f"the region did not take {verb}: {answer}")
        self.heard(answer["now"])
        return answer

    def heard(self, now):
        # Two executions hear at once, and the earlier answer may be read last: time never goes back.
        self.time = max(self.time, datetime.datetime.fromisoformat(now.replace("Z", "+00:00")))

    def iso(self):
        return self.time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.time.microsecond // 1000:03}Z"


REGION = Region()


class RegionDatetime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return REGION.time.astimezone(tz) if tz else REGION.time.replace(tzinfo=None)


def region_time():
    """Times in histories, in the context object and in $millis are the region's. No time passes while anybody computes here, so the last answer's time is the time."""
    shim = types.SimpleNamespace(datetime=RegionDatetime, timezone=datetime.timezone, timedelta=datetime.timedelta)
    for module in (event_manager, execution, parser):
        module.datetime = shim
    # The time at which a state was entered is the one that expressions can read: in AWS's format, not in Python's.
    entered = types.SimpleNamespace(now=lambda tz=None: types.SimpleNamespace(isoformat=REGION.iso))
    state.datetime = types.SimpleNamespace(datetime=entered, timezone=datetime.timezone, timedelta=datetime.timedelta)
    Timebox.current_milli_time = staticmethod(lambda: round(REGION.time.timestamp() * 1000))
    send = botocore.httpsession.URLLib3Session.send

    def heard(self, request):
        answer = send(self, request)
        if now := answer.headers.get("x-sandbox-now"):
            REGION.heard(now)
        return answer

    botocore.httpsession.URLLib3Session.send = heard
    details = execution.Execution.get_start_execution_details

    def in_awss_format(self):
        told = details(self)
        told.start_time = REGION.iso()
        return told

    execution.Execution.get_start_execution_details = in_awss_format
    reset = moto_api.MotoAPIBackend.reset

    def forgotten(self):
        REGION.time = REGION.NEVER
        reset(self)

    moto_api.MotoAPIBackend.reset = forgotten


def sleeping():
    """Wait and Retry let the region's time pass."""
    WaitFunction._wait_interval = lambda self, env, wait_seconds: REGION.tell("sleep", seconds=max(wait_seconds, 0))
    retrier.time = types.SimpleNamespace(sleep=lambda seconds: REGION.tell("sleep", seconds=max(seconds, 0)))


def jitters():
    """Chance is the same on both: what share of its delay a retry waits, the region draws for the execution."""

    def drawn(self, env):
        if self.jitter_strategy == jitter.JitterStrategy.FULL:
            execution = env.states.context_object.context_object_data["Execution"]["Id"]
            env.stack.append(env.stack.pop() * REGION.tell("jitter", executionArn=execution)["share"])

    jitter.JitterStrategyDecl._eval_body = drawn


def cases():
    """Of Step Functions' own API an integration spells members with a capital, and the API with a small letter. moto passes them on as they are."""
    for service in (sfn.StateTaskServiceSfn, aws_sdk.StateTaskServiceAwsSdk):
        service._normalise_parameters, service._normalise_response = spelt(service._normalise_parameters)


def spelt(normalise):
    def is_step_functions(self):
        return self._get_boto_service_name() == "stepfunctions"

    def asked(self, parameters, *arguments, **more):
        normalise(self, parameters, *arguments, **more)
        for name in list(parameters) if is_step_functions(self) else ():
            parameters[name[0].lower() + name[1:]] = parameters.pop(name)

    def answered(self, response, *arguments, **more):
        for name in list(response) if is_step_functions(self) else ():
            value = response.pop(name)
            # The way in which the sandbox writes times; AWS documents no other.
            in_text = value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime.datetime) else value
            response[name[0].upper() + name[1:]] = in_text

    return asked, answered


def refusals():
    """What a service refuses is named after it, and ends in Exception once. moto has no name for EventBridge's refusals, and adds Exception to Step Functions' that have it."""
    for service, prefix, called in ((put_events.StateTaskServiceEvents, "EventBridge", "AmazonCloudWatchEvents"), (sfn.StateTaskServiceSfn, "StepFunctions", "AWSStepFunctions")):
        service._from_error = refused(service._from_error, prefix, called)


def refused(otherwise, prefix, called):
    def from_error(self, env, ex):
        if not isinstance(ex, ClientError):
            return otherwise(self, env=env, ex=ex)
        code, answer = ex.response["Error"]["Code"], ex.response["ResponseMetadata"]
        name = f"{prefix}.{code.removesuffix('Exception')}Exception"
        cause = f"{ex.response['Error']['Message']} (Service: {called}; Status Code: {answer['HTTPStatusCode']}; Error Code: {code}; Request ID: {answer['RequestId']}; Proxy: null)"
        failed = TaskFailedEventDetails(error=name, cause=cause, resource=self._get_sfn_resource(), resourceType=self._get_sfn_resource_type())
        details = EventDetails(taskFailedEventDetails=failed)
        return FailureEvent(env=env, error_name=CustomErrorName(name), event_type=HistoryEventType.TaskFailed, event_details=details)

    return from_error


def executions():
    """The region hears of every execution's start and end, and counts it as computing in between."""
    logic = execution_worker.ExecutionWorker._execution_logic

    def counted(self):
        run = self._execution_communication.execution
        try:
            logic(self)
        finally:
            output = {"output": json.dumps(run.output)} if run.exec_status and run.exec_status.value == "SUCCEEDED" else {}
            REGION.tell("end", executionArn=run.exec_arn, error=run.error or "", cause=run.cause or "", **output)

    execution_worker.ExecutionWorker._execution_logic = counted
    start = execution.Execution.start

    def begun(self):
        REGION.tell("begin", executionArn=self.exec_arn, stateMachineArn=self.state_machine.arn, input=self.execution_input)
        start(self)

    execution.Execution.start = begun
    start_execution = parser.StepFunctionsParserBackend.start_execution

    def on_time(self, *arguments, **more):
        REGION.tell("now")
        return start_execution(self, *arguments, **more)

    parser.StepFunctionsParserBackend.start_execution = on_time


def iterations():
    """Each worker of a Map computes by itself. The one that ends the last iteration hands its place on to the state around it, which is waiting."""
    handed = threading.local()
    launch, work, close, wait = InlineIterationComponent._launch_worker, IterationWorker.eval, JobPool.close_job, JobPool.await_jobs

    def launched(self, *arguments, **more):
        REGION.tell("begin")
        return launch(self, *arguments, **more)

    def worked(self):
        handed.on = False
        try:
            work(self)
        finally:
            if not handed.on:
                REGION.tell("end")

    def closed(self, job):
        before = self._termination_event.is_set()
        # The state around it wakes inside of this call.
        handed.on = not before
        close(self, job)
        handed.on = not before and self._termination_event.is_set()

    def awaited(self):
        if self._jobs_number:
            REGION.tell("end")
        wait(self)

    InlineIterationComponent._launch_worker, IterationWorker.eval, JobPool.close_job, JobPool.await_jobs = launched, worked, closed, awaited


# Step Functions' own functions, by its documentation.
OWN = {
    "partition": lambda items, size: [items[at : at + int(size)] for at in range(0, len(items), int(size))],
    "range": lambda first, last, step: list(range(int(first), int(last) + (1 if step > 0 else -1), int(step))),
    "hash": lambda text, algorithm: hashlib.new(algorithm.replace("-", "").lower(), text.encode()).hexdigest(),
    "parse": lambda text: nulls(json.loads(text)),
    "uuid": lambda: str(uuid.uuid4()),
    "random": random.random,
}


def nulls(value):
    """A copy in which JSON's null is jsonata-python's: its None is undefined."""
    if isinstance(value, dict):
        return {name: nulls(one) for name, one in value.items()}
    if isinstance(value, list):
        return [nulls(one) for one in value]
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
    return Utils.NULL_VALUE if value is None else value


def plain(value):
    """The other way; what JSON cannot hold is refused, as AWS does."""
    if value is Utils.NULL_VALUE:
        return None
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items() if one is not None}
    if isinstance(value, (list, tuple, range)):
        return [plain(one) for one in value if one is not None]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, (str, int, float, bool)):
        return value
    raise ValueError(f"returned what is not JSON: {type(value).__name__}")


def evaluated(expression, states, variables):
    """An expression's value; raises ValueError where AWS has States.QueryEvaluationError."""
    try:
        program = jsonata.Jsonata(expression)
        for name, function in OWN.items():
            if f"${name}" in expression:
                program.register_lambda(name, function)
        program.set_output_convert_nulls(False)
        wanted = set(re.findall(r"\$(\w+)", expression))
        bound = {name: nulls(value) for name, value in variables.items() if name in wanted}
        value = program.evaluate(None, {"states": nulls(states), **bound} if "states" in wanted else bound)
    except Exception as error:
        raise ValueError(str(error)) from error
    if value is None:
        raise ValueError("returned nothing (undefined)")
    return plain(value)


def literals():
    """A text in a definition is JSON, so \" in it is a quotation mark. moto keeps the backslash in Output and Assign."""
    from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

    inner = Preprocessor._inner_string_of

    def read(parser_rule_context):
        text = inner(parser_rule_context)
        return json.loads(f'"{text}"') if text and "\\" in text else text

    Preprocessor._inner_string_of = staticmethod(read)


def expressions():
    """moto ships without an evaluator. Variables are bound to this one as values; moto would write them into the expression as text, without escaping quotes."""

    def evaluate(self, env):
        store = env.variable_store
        # Only what is known here: moto's own data has every field of $states, as null where there is none.
        states = {name: value for name, value in env.states._states_data.items() if name in ("input", "context") or value is not None}
        try:
            env.stack.append(evaluated(self.expression, states, {**store._outer_scope, **store._inner_scope}))
        except ValueError as error:
            name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
            details = EvaluationFailedEventDetails(cause=str(error), error=name.error_name)
            event = EventDetails(evaluationFailedEventDetails=details)
            raise FailureEventException(FailureEvent(env=env, error_name=name, event_type=HistoryEventType.EvaluationFailed, event_details=event)) from error

    strings.StringJSONata._eval_body = evaluate
    store = variable_store.VariableStore
    store.get_assigned_variables = lambda self: {name: json.dumps(self.get(name)) for name in self._declaration_tracing}


def deployments():
    """CloudFormation's state machines land where executions are run, with their definition from S3 and its substitutions. moto puts them elsewhere, empty."""
    stock.stepfunctions_backends = parser.stepfunctions_parser_backends
    create = stock.StateMachine.create_from_cloudformation_json.__func__

    def filled(cls, resource_name, cloudformation_json, account_id, region_name, **more):
        from moto.s3.models import s3_backends

        described = copy.deepcopy(cloudformation_json)
        properties = described["Properties"]
        place = properties["DefinitionS3Location"]
        text = s3_backends[account_id]["aws"].get_object(place["Bucket"], place["Key"]).value.decode()
        for name, value in (properties.get("DefinitionSubstitutions") or {}).items():
            text = text.replace(f"${{{name}}}", json.dumps(str(value))[1:-1])
        if hole := re.search(r"\$\{(\w+)\}", text):
            raise ValueError(f"{resource_name}: nothing is substituted for {hole[0]}")
        properties["DefinitionString"] = text
        return create(cls, resource_name, described, account_id, region_name, **more)

    stock.StateMachine.create_from_cloudformation_json = classmethod(filled)


def stand_ins():
    """A resource of a type that moto does not know becomes one that does nothing, so that what refers to it is deployed too. Its physical id says so."""
    import moto.cloudformation.parsing as parsing
    from moto.core.common_models import CloudFormationModel

    known = parsing.resource_class_from_type

    class StandIn(CloudFormationModel):
        # moto's own bookkeeping goes by a class's module.
        __module__ = "moto.cloudformation.stand_in"

        def __init__(self, name):
            self.physical_resource_id = f"skipped-by-moto-{name}"

        @staticmethod
        def cloudformation_name_type():
            return ""

        @staticmethod
        def cloudformation_type():
            return ""

        @classmethod
        def has_cfn_attr(cls, attr):
            return True

        def get_cfn_attribute(self, attribute_name):
            return self.physical_resource_id

        @classmethod
        def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **more):
            return cls(resource_name)

        @classmethod
        def delete_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name):
            pass

    parsing.resource_class_from_type = lambda resource_type: known(resource_type) or StandIn


def deliveries():
    """EventBridge invokes functions, starts executions and publishes to topics, and matches what lies inside of arrays. moto refuses these targets and stops at arrays."""
    send, flat = events.Rule.send_to_targets, events.EventPattern._flatten_dict

    def flattened(node, prefix="", result=None):
        result = flat(node, prefix, result)
        for name, value in list(result.items()):
            for one in value if isinstance(value, list) else []:
                for inner, leaf in flattened(one).items() if isinstance(one, dict) else []:
                    result.setdefault(f"{name}.{inner}", []).extend(leaf if isinstance(leaf, list) else [leaf])
        return result

    events.EventPattern._flatten_dict = staticmethod(flattened)

    def sent(self, original_event, transform_input=True):
        if self.state != "ENABLED" or not self.event_pattern.matches_event(original_event):
            return
        targets = self.targets
        ours = [target for target in targets if parse_arn(target["Arn"]).service in ("lambda", "states", "sns")]
        try:
            self.targets = [target for target in targets if target not in ours]
            send(self, original_event, transform_input)
        finally:
            self.targets = targets
        for target in ours:
            REGION.tell("begin")
            threading.Thread(target=delivered, args=(self.region_name, target, copy.deepcopy(original_event)), daemon=True).start()

    events.Rule.send_to_targets = sent


def delivered(region_name, target, event):
    import boto3

    transformer = target.get("InputTransformer")
    if transformer:
        made = events.EventTemplateParser.parse(transformer["InputTemplate"], transformer.get("InputPathsMap", {}), event)
        body = made if isinstance(made, str) else json.dumps(made)
    else:
        body = target.get("Input") or json.dumps({name: value for name, value in event.items() if name != "ingestion-time"})
    service = parse_arn(target["Arn"]).service
    keys = {"aws_access_key_id": "events.amazonaws.com", "aws_secret_access_key": "none", "region_name": region_name}
    client = boto3.client({"states": "stepfunctions"}.get(service, service), endpoint_url=f"http://127.0.0.1:{REGION_PORT}", **keys)
    try:
        if service == "lambda":
            client.invoke(FunctionName=target["Arn"], InvocationType="Event", Payload=body)
        elif service == "sns":
            client.publish(TopicArn=target["Arn"], Message=body)
        else:
            client.start_execution(stateMachineArn=target["Arn"], input=body)
    finally:
        REGION.tell("end")


def main():
    import logging

    from moto.server import main as serve

    logging.basicConfig(level=logging.WARNING)

    moto.core.config.default_user_config["stepfunctions"] = {"execute_state_machine": True}
    moto.core.config.default_user_config["lambda"] = {"use_docker": False}
    for repair in (region_time, sleeping, jitters, cases, refusals, executions, iterations, literals, expressions, deployments, stand_ins, deliveries):
        repair()
    serve(["--host", "127.0.0.1", "--port", str(PORT)])


if __name__ == "__main__":
    main()
