"""Every verb of the sandbox through boto3, each answer held against botocore's model; what the sandbox does not know, refused.

    python calls.py ENDPOINT          prints {"complaints": […], "agreements": n, "verbs": […], "codes": […], "refused": {service: n}}

Needs boto3: run with the pinned Python of requirements-clients.txt.
"""

import json
import sys
import time
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

import strict

ACCOUNT = "123456789012"
NAME = "played"
# What the sandbox knows of each service; every other verb of the model must be refused.
KNOWN = {
    "kinesisanalyticsv2": """CreateApplication DeleteApplication StartApplication StopApplication UpdateApplication RollbackApplication AddApplicationVpcConfiguration
        DeleteApplicationVpcConfiguration AddApplicationCloudWatchLoggingOption DeleteApplicationCloudWatchLoggingOption UpdateApplicationMaintenanceConfiguration
        CreateApplicationSnapshot DeleteApplicationSnapshot DescribeApplicationSnapshot ListApplicationSnapshots DescribeApplication ListApplications
        DescribeApplicationVersion ListApplicationVersions DescribeApplicationOperation ListApplicationOperations TagResource UntagResource ListTagsForResource
        CreateApplicationPresignedUrl CreateSnapshot DeleteSnapshot DescribeSnapshot ListSnapshots DescribeSnapshotOperation ListSnapshotOperations ExportSnapshot
        ImportSnapshot""",
    "stepfunctions": """StartExecution StopExecution RedriveExecution DescribeExecution ListExecutions GetExecutionHistory DescribeStateMachine ListStateMachines SendTaskSuccess
        SendTaskFailure SendTaskHeartbeat""",
    "dynamodb": "PutItem GetItem UpdateItem DeleteItem Query DescribeTable",
    "sns": "Publish",
    "events": "PutEvents",
    "cloudwatch": """PutMetricAlarm PutCompositeAlarm DescribeAlarms DescribeAlarmHistory DeleteAlarms ListTagsForResource SetAlarmState
        GetMetricData ListMetrics""",
    "lambda": "Invoke",
    "scheduler": "",
    "cloudformation": "",
}
# Codes that a verb's model does not list, and why they are right all the same.
COMMON = {
    "UnknownOperationException": "what the JSON and REST protocols answer to a verb that a service does not have",
    "InvalidAction": "the same in the Query protocol, listed among AWS's common errors",
    "ValidationException": "listed among the common errors of Step Functions, DynamoDB and EventBridge, in no verb's model",
    "ValidationError": "the same in CloudWatch and SNS",
    "UnknownService": "the sandbox has no such service; AWS has no such code",
}


class Play:
    """A service's client, and what was found with it."""

    found = {"complaints": [], "agreements": 0, "verbs": set(), "codes": set(), "refused": {}}

    def __init__(self, service, address):
        options = Config(retries={"total_max_attempts": 1}, inject_host_prefix=False, region_name="us-east-1", read_timeout=30)
        self.service = service
        self.client = boto3.client(service, endpoint_url=address, config=options, aws_access_key_id="operator", aws_secret_access_key="sandbox")
        self.recorder = strict.Recorder(self.client)
        self.model = self.client.meta.service_model
        self.protocol = self.model.resolved_protocol
        self.known = KNOWN[service].split()

    def complain(self, verb, text):
        self.found["complaints"].append(f"{self.service}:{verb}: {text}")

    def call(self, verb, **parameters):
        """A call that must succeed."""
        model = self.model.operation_model(verb)
        try:
            answer = getattr(self.client, method(self.client, verb))(**parameters)
        except ClientError as error:
            self.complain(verb, f"refused: {error}")
            raise
        wrong = strict.of_answer(model, self.recorder.last, self.protocol)
        for text in wrong:
            self.complain(verb, text)
        self.found["agreements"] += not wrong
        self.found["verbs"].add(f"{self.service}:{verb}")
        return answer

    def refuse(self, verb, code, **parameters):
        """A call that must be refused with this code, which the model lists for the verb; None for any that it lists."""
        model = self.model.operation_model(verb)
        try:
            getattr(self.client, method(self.client, verb))(**parameters)
        except ClientError as error:
            told, raw = error.response["Error"]["Code"], strict.error_code(self.recorder.last, self.protocol)
            listed = {shape.metadata.get("error", {}).get("code", shape.name) for shape in model.error_shapes} | {shape.name for shape in model.error_shapes}
            if raw not in listed and raw not in COMMON:
                self.complain(verb, f"{raw} is none of {sorted(listed)}: {error}")
            elif code is not None and code not in (told, raw):
                self.complain(verb, f"refused with {raw}, and {code} was expected: {error}")
            elif not error.response["Error"].get("Message"):
                self.complain(verb, f"{raw} says nothing")
            else:
                self.found["agreements"] += 1
                self.found["codes"].add(f"{self.service}:{verb}:{raw}")
        else:
            self.complain(verb, f"accepted {parameters}")

    def refuse_the_rest(self, code):
        """Every verb of the model that the sandbox does not know."""
        unknown = [verb for verb in self.model.operation_names if verb not in self.known and not self.model.operation_model(verb).has_event_stream_input]
        for verb in unknown:
            shape = self.model.operation_model(verb).input_shape
            self.refuse(verb, code, **(strict.minimal(shape) if shape else {}))
        self.found["refused"][self.service] = len(unknown)

    def soon(self, change):
        """A change that must succeed once the tasks of a job that has just started run."""
        for _ in range(200):
            before = len(self.found["complaints"])
            try:
                return change()
            except ClientError as error:
                if error.response["Error"]["Code"] != "InvalidApplicationConfigurationException":
                    raise
                del self.found["complaints"][before:]
                time.sleep(0.05)
        raise RuntimeError(f"{self.service}: the tasks never ran")

    def wait(self, ready, what):
        """Until it is so; the region's time is fast."""
        until = time.monotonic() + 60
        while not ready():
            if time.monotonic() > until:
                raise RuntimeError(f"{self.service}: {what} did not come")
            time.sleep(0.05)


def method(client, verb):
    return next(name for name, operation in client.meta.method_to_api_mapping.items() if operation == verb)


def location(key, **more):
    return {"ApplicationCodeConfigurationUpdate": {"CodeContentUpdate": {"S3ContentLocationUpdate": {"FileKeyUpdate": key, **more}}}}


def managed_flink(play):
    call, refuse, this = play.call, play.refuse, {"ApplicationName": NAME}
    described = lambda: call("DescribeApplication", **this)["ApplicationDetail"]
    settled = lambda status: play.wait(lambda: described()["ApplicationStatus"] == status, status)
    version = lambda: described()["ApplicationVersionId"]
    create_and_configure(play, described, version)
    arn = described()["ApplicationARN"]

    refuse("StopApplication", None, **this)
    refuse("RollbackApplication", None, **this, CurrentApplicationVersionId=version())
    refuse("CreateApplicationSnapshot", None, **this, SnapshotName="too-early")
    refuse("CreateApplicationPresignedUrl", "ResourceInUseException", **this, UrlType="FLINK_DASHBOARD_URL")
    refuse("StartApplication", "InvalidArgumentException", **this, RunConfiguration={"ApplicationRestoreConfiguration": {"ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT"}})
    started = call("StartApplication", **this, RunConfiguration={"FlinkRunConfiguration": {"AllowNonRestoredState": True}})
    refuse("StartApplication", "ResourceInUseException", **this)
    refuse("UpdateApplication", "ResourceInUseException", **this, CurrentApplicationVersionId=version(), ApplicationConfigurationUpdate=location("orders-bad.jar"))
    settled("RUNNING")
    call("DescribeApplicationOperation", **this, OperationId=started["OperationId"])
    dashboard(play, call("CreateApplicationPresignedUrl", **this, UrlType="FLINK_DASHBOARD_URL", SessionExpirationDurationInSeconds=1800)["AuthorizedUrl"])

    call("CreateApplicationSnapshot", **this, SnapshotName="by-hand")
    play.wait(lambda: call("DescribeApplicationSnapshot", **this, SnapshotName="by-hand")["SnapshotDetails"]["SnapshotStatus"] == "READY", "the snapshot")
    refuse("CreateApplicationSnapshot", None, **this, SnapshotName="by-hand")
    call("UpdateApplication", **this, CurrentApplicationVersionId=version(), ApplicationConfigurationUpdate=location("orders-good.jar"), RuntimeEnvironmentUpdate="FLINK-1_20")
    settled("RUNNING")
    refuse("UpdateApplication", "ConcurrentModificationException", **this, CurrentApplicationVersionId=1, ApplicationConfigurationUpdate=location("orders-bad.jar"))
    refuse("RollbackApplication", None, **this, CurrentApplicationVersionId=1)
    call("RollbackApplication", **this, CurrentApplicationVersionId=version())
    settled("RUNNING")
    call("StopApplication", **this)
    settled("READY")
    call("StartApplication", **this)
    call("StopApplication", **this, Force=True)
    settled("READY")
    reads(play, this)
    refuse("DeleteApplication", None, **this, CreateTimestamp=1)
    moment = call("DescribeApplicationSnapshot", **this, SnapshotName="by-hand")["SnapshotDetails"]["SnapshotCreationTimestamp"]
    refuse("DeleteApplicationSnapshot", None, **this, SnapshotName="by-hand", SnapshotCreationTimestamp=1)
    call("DeleteApplicationSnapshot", **this, SnapshotName="by-hand", SnapshotCreationTimestamp=moment)
    call("UntagResource", ResourceARN=arn, TagKeys=["team"])
    enhanced(play, described, version, settled)
    call("DeleteApplication", **this, CreateTimestamp=described()["CreateTimestamp"])
    play.wait(lambda: NAME not in [one["ApplicationName"] for one in call("ListApplications")["ApplicationSummaries"]], "the deletion")
    strangers(play)


def switch(mode):
    return {"ApplicationConfigurationUpdate": {"ApplicationSnapshotConfigurationUpdate": {"SnapshotsEnabledUpdate": True, "SnapshotModeUpdate": mode}}}


def enhanced(play, described, version, settled):
    """The application goes over to enhanced snapshots, for good; a copy of one goes out and another comes in."""
    call, refuse, this = play.call, play.refuse, {"ApplicationName": NAME}
    snapshot = lambda name: call("DescribeSnapshot", SnapshotName=name)["SnapshotInfoDetails"]
    ready = lambda name: play.wait(lambda: snapshot(name)["SnapshotStatus"] == "READY", f"the snapshot {name}")
    gone = lambda name: play.wait(lambda: name not in [one["SnapshotName"] for one in call("ListSnapshots")["SnapshotInfoList"]], f"the deletion of {name}")
    refuse("CreateSnapshot", "InvalidApplicationConfigurationException", **this, SnapshotName="first")
    call("StartApplication", **this)
    settled("RUNNING")
    done = play.soon(lambda: call("UpdateApplication", **this, CurrentApplicationVersionId=version(), **switch("ENHANCED_SNAPSHOTS")))
    settled("RUNNING")
    refuse("UpdateApplication", "InvalidArgumentException", **this, CurrentApplicationVersionId=version(), **switch("APPLICATION_SNAPSHOTS_LEGACY"))
    system = call("ListSnapshots", SnapshotInitiator="SYSTEM")["SnapshotInfoList"][0]["SnapshotName"]
    operation = call("ListSnapshotOperations", SnapshotName=system, SnapshotOperation="SystemCreateSnapshot")["SnapshotOperationInfoList"][0]
    told = call("DescribeSnapshotOperation", SnapshotName=system, SnapshotOperationId=operation["SnapshotOperationId"])["SnapshotOperationInfoDetails"]
    if told["ApplicationOperationDescription"]["ApplicationOperationId"] != done["OperationId"]:
        play.complain("DescribeSnapshotOperation", f"the update {done['OperationId']} took {system}, and it says {told}")

    play.soon(lambda: call("CreateSnapshot", **this, SnapshotName="first", SnapshotDescription="by hand", Tags=[{"Key": "team", "Value": "payments"}]))
    refuse("CreateSnapshot", "ResourceInUseException", **this, SnapshotName="first")
    ready("first")
    first = snapshot("first")
    call("TagResource", ResourceARN=first["SnapshotArn"], Tags=[{"Key": "stage", "Value": "test"}])
    call("ListTagsForResource", ResourceARN=first["SnapshotArn"])
    call("UntagResource", ResourceARN=first["SnapshotArn"], TagKeys=["team"])
    page = call("ListSnapshots", Limit=1)
    call("ListSnapshots", Limit=1, NextToken=page["NextToken"])
    refuse("ListSnapshots", "InvalidArgumentException", SourceApplicationName=NAME, SnapshotStatus="READY")
    refuse("ListSnapshots", "InvalidArgumentException", NextToken="nonsense")
    refuse("DescribeSnapshot", "ResourceNotFoundException", SnapshotName="nobody")
    refuse("ListSnapshotOperations", "ResourceNotFoundException", SnapshotName="nobody")
    refuse("ListSnapshotOperations", "InvalidArgumentException", SnapshotName="first", SnapshotOperation="CreateSnapshot", SnapshotOperationStatus="FAILED")
    refuse("DescribeSnapshotOperation", "ResourceNotFoundException", SnapshotName="first", SnapshotOperationId="nonsense")
    refuse("ListApplicationSnapshots", "UnsupportedOperationException", **this)
    refuse("CreateApplicationSnapshot", "UnsupportedOperationException", **this, SnapshotName="second")

    bucket, role = {"BucketARN": "arn:aws:s3:::copies", "KeyPrefix": "orders/"}, f"arn:aws:iam::{ACCOUNT}:role/copies"
    export = {"ExportDestinationConfiguration": {"DestinationType": "S3", "ExportRoleArn": role, "DestinationS3PrefixLocation": bucket}}
    sent = call("ExportSnapshot", SnapshotName="first", **export)
    call("DescribeSnapshotOperation", SnapshotName="first", SnapshotOperationId=sent["SnapshotOperationId"])
    play.wait(lambda: call("ListSnapshotOperations", SnapshotName="first", SnapshotOperation="ExportSnapshot")["SnapshotOperationInfoList"][0]["SnapshotOperationStatus"] == "SUCCESSFUL", "the copy")
    call("DescribeSnapshotOperation", SnapshotName="first", SnapshotOperationId=sent["SnapshotOperationId"])
    refuse("ExportSnapshot", "ResourceNotFoundException", SnapshotName="nobody", **export)
    source = {"ImportSourceConfiguration": {"SourceType": "S3", "ImportRoleArn": role, "SourceS3PrefixLocation": bucket}}
    call("ImportSnapshot", SnapshotName="brought", **source)
    refuse("ImportSnapshot", "ResourceInUseException", SnapshotName="brought", **source)
    ready("brought")

    call("StopApplication", **this, Force=True)
    settled("READY")
    custom = lambda **which: {"RunConfiguration": {"ApplicationRestoreConfiguration": {"ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", **which}}}
    refuse("StartApplication", "InvalidArgumentException", **this, **custom(SnapshotName="first"))
    call("StartApplication", **this, **custom(SnapshotArn=first["SnapshotArn"]))
    settled("RUNNING")
    refuse("DeleteSnapshot", "InvalidArgumentException", SnapshotName="first", SnapshotCreationTimestamp=1)
    refuse("DeleteSnapshot", "ResourceNotFoundException", SnapshotName="nobody", SnapshotCreationTimestamp=1)
    for name in ("first", "brought"):
        call("DeleteSnapshot", SnapshotName=name, SnapshotCreationTimestamp=snapshot(name)["SnapshotCreationTimestamp"])
    gone("first")


def create_and_configure(play, described, version):
    call, refuse, this = play.call, play.refuse, {"ApplicationName": NAME}
    stream = "arn:aws:logs:us-east-1:123456789012:log-group:flink:log-stream:played"
    application = {
        "ApplicationName": NAME, "RuntimeEnvironment": "FLINK-1_20", "ServiceExecutionRole": f"arn:aws:iam::{ACCOUNT}:role/flink", "ApplicationDescription": "played with",
        "CloudWatchLoggingOptions": [{"LogStreamARN": stream}], "Tags": [{"Key": "team", "Value": "payments"}], "ApplicationMode": "STREAMING",
        "ApplicationConfiguration": {
            "ApplicationCodeConfiguration": {"CodeContentType": "ZIPFILE", "CodeContent": {"S3ContentLocation": {"BucketARN": "arn:aws:s3:::code", "FileKey": "orders-good.jar", "ObjectVersion": "1"}}},
            "FlinkApplicationConfiguration": {
                "CheckpointConfiguration": {"ConfigurationType": "CUSTOM", "CheckpointInterval": 60000, "CheckpointingEnabled": True, "MinPauseBetweenCheckpoints": 5000},
                "MonitoringConfiguration": {"ConfigurationType": "CUSTOM", "MetricsLevel": "TASK", "LogLevel": "INFO"},
                "ParallelismConfiguration": {"ConfigurationType": "CUSTOM", "Parallelism": 2, "ParallelismPerKPU": 1, "AutoScalingEnabled": False},
            },
            "EnvironmentProperties": {"PropertyGroups": [{"PropertyGroupId": "orders", "PropertyMap": {"input": "orders"}}]},
            "ApplicationSnapshotConfiguration": {"SnapshotsEnabled": True}, "ApplicationSystemRollbackConfiguration": {"RollbackEnabled": False},
            "VpcConfigurations": [{"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}],
        },
    }
    created = call("CreateApplication", **application)["ApplicationDetail"]
    refuse("CreateApplication", "ResourceInUseException", **application)
    refuse("CreateApplication", "InvalidArgumentException", **{**application, "ApplicationName": "other", "RuntimeEnvironment": "FLINK-1_6"})
    vpc = created["ApplicationConfigurationDescription"]["VpcConfigurationDescriptions"][0]["VpcConfigurationId"]
    call("DeleteApplicationVpcConfiguration", **this, VpcConfigurationId=vpc, CurrentApplicationVersionId=version())
    refuse("DeleteApplicationVpcConfiguration", None, **this, VpcConfigurationId=vpc, CurrentApplicationVersionId=version())
    call("AddApplicationVpcConfiguration", **this, VpcConfiguration={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}, CurrentApplicationVersionId=version())
    option = described()["CloudWatchLoggingOptionDescriptions"][0]["CloudWatchLoggingOptionId"]
    call("DeleteApplicationCloudWatchLoggingOption", **this, CloudWatchLoggingOptionId=option, CurrentApplicationVersionId=version())
    refuse("DeleteApplicationCloudWatchLoggingOption", None, **this, CloudWatchLoggingOptionId=option, CurrentApplicationVersionId=version())
    call("AddApplicationCloudWatchLoggingOption", **this, CloudWatchLoggingOption={"LogStreamARN": stream}, CurrentApplicationVersionId=version())
    refuse("AddApplicationCloudWatchLoggingOption", "ConcurrentModificationException", **this, CloudWatchLoggingOption={"LogStreamARN": stream}, CurrentApplicationVersionId=1)
    call("UpdateApplicationMaintenanceConfiguration", **this, ApplicationMaintenanceConfigurationUpdate={"ApplicationMaintenanceWindowStartTimeUpdate": "04:00"})
    call("TagResource", ResourceARN=created["ApplicationARN"], Tags=[{"Key": "stage", "Value": "test"}])
    call("ListTagsForResource", ResourceARN=created["ApplicationARN"])


def reads(play, this):
    call, refuse = play.call, play.refuse
    call("DescribeApplication", **this, IncludeAdditionalDetails=True)
    call("DescribeApplication", ApplicationName="orders", IncludeAdditionalDetails=True)
    call("ListApplications", Limit=1)
    call("ListApplicationVersions", **this, Limit=2)
    call("DescribeApplicationVersion", **this, ApplicationVersionId=1)
    call("ListApplicationSnapshots", **this, Limit=1)
    page = call("ListApplicationOperations", **this, Limit=1)
    call("ListApplicationOperations", **this, NextToken=page["NextToken"])
    for operation in call("ListApplicationOperations", **this, OperationStatus="SUCCESSFUL")["ApplicationOperationInfoList"]:
        call("DescribeApplicationOperation", **this, OperationId=operation["OperationId"])
    refuse("ListApplications", None, NextToken="nonsense")
    for verb in ("ListApplicationVersions", "ListApplicationSnapshots", "ListApplicationOperations"):
        refuse(verb, None, **this, NextToken="nonsense")
    refuse("DescribeApplicationVersion", "ResourceNotFoundException", **this, ApplicationVersionId=99)
    refuse("DescribeApplicationOperation", "ResourceNotFoundException", **this, OperationId="nonsense")
    refuse("DescribeApplicationSnapshot", "ResourceNotFoundException", **this, SnapshotName="nonsense")


def strangers(play):
    """Every verb about an application, of one that is not there."""
    for verb in play.known:
        shape = play.model.operation_model(verb).input_shape
        if verb == "CreateApplication" or not {"ApplicationName", "ResourceARN"} & set(shape.required_members):
            continue
        parameters = strict.minimal(shape)
        parameters |= {"ApplicationName": "nobody"} if "ApplicationName" in parameters else {"ResourceARN": f"arn:aws:kinesisanalytics:us-east-1:{ACCOUNT}:application/nobody"}
        if verb == "UpdateApplication":
            parameters["CurrentApplicationVersionId"] = 1
        play.refuse(verb, None, **parameters)


def dashboard(play, url):
    """The presigned URL opens, and without its token nothing does."""
    base, token = url.split("?", 1)
    with urllib.request.urlopen(f"{base}/jobs/overview?{token}", timeout=20) as answer:
        if not json.load(answer)["jobs"]:
            play.complain("CreateApplicationPresignedUrl", "there is no job behind the URL")
    try:
        urllib.request.urlopen(f"{base}/jobs/overview?authToken=nonsense", timeout=20)
        play.complain("CreateApplicationPresignedUrl", "a wrong token opens the dashboard")
    except urllib.error.HTTPError as refused:
        if refused.code != 403:
            play.complain("CreateApplicationPresignedUrl", f"a wrong token gives {refused.code}")


def step_functions(play):
    call, refuse = play.call, play.refuse
    machines = {one["name"]: one["stateMachineArn"] for one in call("ListStateMachines")["stateMachines"]}
    call("ListStateMachines", maxResults=1)
    machine = next(arn for name, arn in machines.items() if "emediate" in name)
    call("DescribeStateMachine", stateMachineArn=machine)
    refuse("DescribeStateMachine", "StateMachineDoesNotExist", stateMachineArn=machine + "x")
    started = call("StartExecution", stateMachineArn=machine, name="first", input='{"applicationName":"orders"}')
    this = {"executionArn": started["executionArn"]}
    refuse("StartExecution", "ExecutionAlreadyExists", stateMachineArn=machine, name="first", input='{"applicationName":"others"}')
    refuse("StartExecution", "InvalidExecutionInput", stateMachineArn=machine, input="not JSON")
    refuse("StartExecution", "InvalidName", stateMachineArn=machine, name="a name")
    refuse("StartExecution", "StateMachineDoesNotExist", stateMachineArn=machine + "x")
    call("DescribeExecution", **this)
    call("ListExecutions", stateMachineArn=machine, statusFilter="RUNNING")
    play.wait(lambda: call("DescribeExecution", **this)["status"] == "SUCCEEDED", "the execution's end")
    call("GetExecutionHistory", **this, maxResults=1000)
    call("GetExecutionHistory", **this, reverseOrder=True, maxResults=3)
    second = call("StartExecution", stateMachineArn=machine, input='{"applicationName":"orders"}')
    call("StopExecution", executionArn=second["executionArn"], error="Person.Stopped", cause="enough seen")
    call("DescribeExecution", executionArn=second["executionArn"])
    call("RedriveExecution", executionArn=second["executionArn"])
    play.wait(lambda: call("DescribeExecution", executionArn=second["executionArn"])["status"] == "SUCCEEDED", "the end of the redriven execution")
    refuse("RedriveExecution", "ExecutionNotRedrivable", executionArn=second["executionArn"])
    call("GetExecutionHistory", executionArn=second["executionArn"], maxResults=1000)
    call("ListExecutions", stateMachineArn=machine, maxResults=1)
    for verb in ("DescribeExecution", "StopExecution", "RedriveExecution", "GetExecutionHistory"):
        refuse(verb, "ExecutionDoesNotExist", executionArn=started["executionArn"] + "x")
    refuse("ListExecutions", "StateMachineDoesNotExist", stateMachineArn=machine + "x")
    refuse("ListExecutions", "InvalidToken", stateMachineArn=machine, nextToken="nonsense")
    refuse("ListStateMachines", "InvalidToken", nextToken="nonsense")
    refuse("GetExecutionHistory", "InvalidToken", **this, nextToken="nonsense")
    refuse("SendTaskSuccess", "InvalidToken", taskToken="nonsense", output="{}")
    refuse("SendTaskSuccess", "InvalidOutput", taskToken="nonsense", output="{")
    refuse("SendTaskFailure", "InvalidToken", taskToken="nonsense", error="No")
    refuse("SendTaskHeartbeat", "InvalidToken", taskToken="nonsense")
    answer_an_approval(play)


def answer_an_approval(play):
    """The verbs with a task token need a state machine that waits for one; the sandbox creates none by its API, so their success is shown in its own tests."""
    play.found["verbs"] |= {f"stepfunctions:{verb} (refusals only)" for verb in ("SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat")}


def dynamodb(play):
    call, refuse = play.call, play.refuse
    table = next(name for name in ("lifeguard-LedgerTable", "lifeguard-ledger", "LedgerTable") if exists(play, name))
    keys = [key["AttributeName"] for key in call("DescribeTable", TableName=table)["Table"]["KeySchema"]]
    key = {name: {"S": f"played-{name}"} for name in keys}
    this = {"TableName": table}
    call("PutItem", **this, Item={**key, "n": {"N": "1"}})
    call("PutItem", **this, Item={**key, "n": {"N": "1"}}, ReturnValues="ALL_OLD")
    call("GetItem", **this, Key=key, ConsistentRead=True)
    call("UpdateItem", **this, Key=key, UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": {"N": "1"}}, ReturnValues="ALL_NEW")
    query = {"KeyConditionExpression": "#k = :k", "ExpressionAttributeNames": {"#k": keys[0]}, "ExpressionAttributeValues": {":k": key[keys[0]]}}
    call("Query", **this, **query, Limit=1)
    refuse("PutItem", "ConditionalCheckFailedException", **this, Item=key, ConditionExpression=f"attribute_not_exists({keys[0]})", ReturnValuesOnConditionCheckFailure="ALL_OLD")
    refuse("UpdateItem", "ConditionalCheckFailedException", **this, Key=key, UpdateExpression="SET n = :n", ConditionExpression="n = :no", ExpressionAttributeValues={":n": {"N": "1"}, ":no": {"N": "7"}})
    refuse("DeleteItem", "ConditionalCheckFailedException", **this, Key=key, ConditionExpression="attribute_not_exists(n)")
    call("DeleteItem", **this, Key=key, ReturnValues="ALL_OLD")
    call("GetItem", **this, Key=key)
    refuse("GetItem", "ValidationException", **this, Key={"nonsense": {"S": "x"}})
    refuse("UpdateItem", "ValidationException", **this, Key=key, UpdateExpression="NONSENSE")
    for verb, more in {"PutItem": {"Item": key}, "GetItem": {"Key": key}, "UpdateItem": {"Key": key}, "DeleteItem": {"Key": key}, "DescribeTable": {}, "Query": query}.items():
        refuse(verb, "ResourceNotFoundException", TableName="nobody", **more)


def exists(play, name):
    try:
        play.client.describe_table(TableName=name)
        return True
    except ClientError:
        return False


def sns(play):
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:lifeguard-Topic"
    play.call("Publish", TopicArn=topic, Subject="hello", Message="from boto3", MessageAttributes={"outcome": {"DataType": "String", "StringValue": "recovered"}})
    play.refuse("Publish", "NotFound", TopicArn=topic + "x", Message="to nobody")
    play.refuse("Publish", "InvalidParameter", TopicArn=topic, Message="")
    play.refuse("Publish", "InvalidParameter", TopicArn=topic, Message="x", Subject="Grüße")


def events(play):
    entry = {"Source": "played", "DetailType": "played with", "Detail": "{}"}
    if play.call("PutEvents", Entries=[entry])["FailedEntryCount"]:
        play.complain("PutEvents", "a good entry failed")
    for wrong in ({**entry, "Detail": "{"}, {**entry, "Source": "aws.ec2"}, {**entry, "EventBusName": "nobody"}):
        if play.call("PutEvents", Entries=[wrong])["FailedEntryCount"] != 1:
            play.complain("PutEvents", f"{wrong} was taken")
    play.refuse("PutEvents", "ValidationException", Entries=[entry] * 11)


def cloudwatch(play):
    call, refuse = play.call, play.refuse
    alarm = {
        "AlarmName": NAME, "Namespace": "AWS/KinesisAnalytics", "MetricName": "downtime", "Dimensions": [{"Name": "Application", "Value": "orders"}], "Statistic": "Maximum",
        "Period": 60, "EvaluationPeriods": 1, "Threshold": 0.0, "ComparisonOperator": "GreaterThanThreshold", "Tags": [{"Key": "team", "Value": "payments"}],
    }
    call("PutMetricAlarm", **alarm)
    call("PutCompositeAlarm", AlarmName="both", AlarmRule=f"ALARM({NAME})")
    call("DescribeAlarms")
    call("DescribeAlarms", AlarmNames=[NAME, "both"], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    page = call("DescribeAlarms", MaxRecords=1)
    call("DescribeAlarms", MaxRecords=1, NextToken=page["NextToken"])
    call("ListTagsForResource", ResourceARN=f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{NAME}")
    call("SetAlarmState", AlarmName=NAME, StateValue="ALARM", StateReason="played with", StateReasonData="{}")
    call("DescribeAlarms", StateValue="ALARM")
    call("SetAlarmState", AlarmName=NAME, StateValue="OK", StateReason="played with")
    history(play)
    metric_data(play)
    refuse("SetAlarmState", "ResourceNotFound", AlarmName="nobody", StateValue="OK", StateReason="x")
    refuse("SetAlarmState", "InvalidFormat", AlarmName=NAME, StateValue="OK", StateReason="x", StateReasonData="{")
    refuse("DescribeAlarms", "InvalidNextToken", NextToken="nonsense")
    refuse("PutMetricAlarm", None, **{**alarm, "Period": 7})
    refuse("PutCompositeAlarm", None, AlarmName="third", AlarmRule="ALARM(nobody)")
    refuse("DeleteAlarms", "ResourceNotFound", AlarmNames=["nobody"])
    refuse("ListTagsForResource", "ResourceNotFoundException", ResourceARN=f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:nobody")
    call("DeleteAlarms", AlarmNames=["both", NAME])


def history(play):
    """The changes of the alarms that [`cloudwatch`] has set, page by page."""
    call, refuse = play.call, play.refuse
    page = call("DescribeAlarmHistory", AlarmName=NAME, HistoryItemType="StateUpdate", MaxRecords=1, ScanBy="TimestampAscending")
    rest = call("DescribeAlarmHistory", AlarmName=NAME, MaxRecords=1, ScanBy="TimestampAscending", NextToken=page["NextToken"])
    data = json.loads(page["AlarmHistoryItems"][0]["HistoryData"])
    if not rest["AlarmHistoryItems"] or "stateValue" not in data["newState"]:
        play.complain("DescribeAlarmHistory", f"two changes are expected: {page}, {rest}")
    call("DescribeAlarmHistory", AlarmTypes=["CompositeAlarm"])
    refuse("DescribeAlarmHistory", "InvalidNextToken", NextToken="nonsense")
    refuse("DescribeAlarmHistory", None, MaxRecords=100, ScanBy="Sideways")


def metric_data(play):
    """A minute of a metric, by itself and in an expression, over pages; what is listed of it."""
    call, refuse = play.call, play.refuse
    now = time.time()
    metric = {"Namespace": "AWS/KinesisAnalytics", "MetricName": "uptime", "Dimensions": [{"Name": "Application", "Value": "orders"}]}
    query = {"Id": "m1", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}
    expression = {"Id": "e1", "Expression": "DIFF(m1)", "Label": "growth"}
    # The region's time is its own: all that it can have is asked for.
    span = {"StartTime": now - 400 * 86_400, "EndTime": now + 400 * 86_400}
    call("GetMetricData", **span, MetricDataQueries=[query, expression])
    hours = {**query, "MetricStat": {**query["MetricStat"], "Period": 3600}}
    call("GetMetricData", **span, MetricDataQueries=[hours], ScanBy="TimestampAscending", MaxDatapoints=1)
    refuse("GetMetricData", "InvalidNextToken", **span, MetricDataQueries=[query], NextToken="nonsense")
    refuse("GetMetricData", None, **span, MetricDataQueries=[query, query])
    refuse("GetMetricData", None, **span, MetricDataQueries=[query, {"Id": "e1", "Expression": "RATE(m1)"}])
    call("ListMetrics", Namespace=metric["Namespace"], MetricName="uptime", Dimensions=[{"Name": "Application"}])
    call("ListMetrics", RecentlyActive="PT3H")
    refuse("ListMetrics", None, NextToken="nonsense")


def functions(play):
    name = "lifeguard-AlarmHandler"
    answer = play.call("Invoke", FunctionName=name, Payload=b'{"nothing":"known"}')
    if not json.loads(answer["Payload"].read()):
        play.complain("Invoke", "an empty answer")
    broken = play.call("Invoke", FunctionName="lifeguard-Rollback", Payload=b"{}")
    if broken.get("FunctionError") != "Unhandled" or json.loads(broken["Payload"].read()).get("errorType") != "Lifeguard.BadInput":
        play.complain("Invoke", f"bad input is answered with {broken}")
    if play.call("Invoke", FunctionName=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}", InvocationType="Event", Payload=b"{}")["StatusCode"] != 202:
        play.complain("Invoke", "an event is not answered with 202")
    play.refuse("Invoke", "ResourceNotFoundException", FunctionName="nobody")
    play.refuse("Invoke", "InvalidRequestContentException", FunctionName=name, Payload=b"{")
    play.refuse("Invoke", "InvalidParameterValueException", FunctionName=name, InvocationType="DryRun")


PLAYS = {"kinesisanalyticsv2": managed_flink, "stepfunctions": step_functions, "dynamodb": dynamodb, "sns": sns, "events": events, "cloudwatch": cloudwatch, "lambda": functions}
# How a service says that it does not know a verb; None where the protocol leaves it open.
REFUSES = {"sns": "InvalidAction", "scheduler": "UnknownService", "cloudformation": "UnknownService"}


def main(address):
    for service, known in KNOWN.items():
        play = Play(service, address)
        try:
            if service in PLAYS:
                PLAYS[service](play)
            play.refuse_the_rest(REFUSES.get(service, "UnknownOperationException"))
        except (BotoCoreError, ClientError, ResponseParserError, RuntimeError, LookupError, StopIteration) as error:
            play.complain("the play", f"ended early: {error!r}")
        missing = [verb for verb in known.split() if not any(tried.startswith(f"{service}:{verb}") for tried in Play.found["verbs"])]
        if missing:
            play.complain("the play", f"never tried {missing}")
    print(json.dumps(Play.found, default=sorted))


if __name__ == "__main__":
    main(sys.argv[1])
