"""A mistake on purpose: a rollback that sends its change again until it can read the answer. Speaks Lambda's Runtime API and one verb, with nothing but Python's library."""

import http.client
import json
import os
import urllib.parse

TRIES = 3
RUNTIME = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"


def request(method, address, body=b"", headers=None):
    where = urllib.parse.urlsplit(address)
    connection = http.client.HTTPConnection(where.netloc, timeout=30)
    try:
        connection.request(method, where.path or "/", body, headers or {})
        answer = connection.getresponse()
        return answer.headers, answer.read()
    finally:
        connection.close()


def rolled_back(plan, application):
    """The answer to the first request whose answer can be read."""
    key = f"{os.environ['AWS_ACCESS_KEY_ID']}/20260101/us-east-1/kinesisanalytics/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={key}, SignedHeaders=host, Signature=0",
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "KinesisAnalytics_20180523.RollbackApplication",
    }
    body = json.dumps({"ApplicationName": application, "CurrentApplicationVersionId": plan["versionId"]}).encode()
    for _ in range(TRIES):
        try:
            answer = json.loads(request("POST", os.environ["AWS_ENDPOINT_URL"], body, headers)[1])
        except (OSError, ValueError, http.client.HTTPException):
            continue
        if "OperationId" in answer:
            return {"outcome": "accepted", "operationId": answer["OperationId"]}
    return None


def main():
    while True:
        told, event = request("GET", f"{RUNTIME}/next")
        event = json.loads(event)
        answer = rolled_back(event["plan"], event["applicationName"])
        failure = {"errorType": "Lifeguard.OutcomeUnknown", "errorMessage": "no answer could be read"}
        end = "response" if answer else "error"
        request("POST", f"{RUNTIME}/{told['Lambda-Runtime-Aws-Request-Id']}/{end}", json.dumps(answer or failure).encode())


if __name__ == "__main__":
    main()
