"""Hears every answer that the AWS CLI and boto3 get, has it walked, and writes what was found, one JSON line an answer.

The AWS CLI loads this file as a plugin (`awscli_initialize`); boto3's sessions are given to `attend`. Both therefore go
through the same event of botocore, `after-call`, which carries the raw answer beside what the parser made of it.
"""

import fcntl
import json
import os

import recorded
import walker

LOG = "CONFORMANCE_LOG"


def awscli_initialize(events):
    """The entry point of plugins of the AWS CLI."""
    attend(events)


def attend(events):
    events.register("after-call", _heard)


def _heard(http_response, parsed, model, **_):
    _write(
        {
            "service": model.service_model.service_id,
            "operation": model.name,
            "status": http_response.status_code,
            "problems": found_in(http_response, model) + against_recordings(http_response, parsed, model),
        }
    )


def found_in(http_response, model):
    """What the walker has against a raw answer. Of one that streams only the headers: its body is the caller's to read."""
    streams = model.has_streaming_output and http_response.status_code < 300
    body = b"" if streams else http_response.content
    return walker.problems(model, http_response.status_code, http_response.headers, body)


def against_recordings(http_response, parsed, model):
    """What recorded answers of AWS have against one that succeeded."""
    return recorded.problems(model, parsed) if http_response.status_code < 300 else []


def _write(line):
    with open(os.environ[LOG], "a", encoding="utf-8") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        log.write(json.dumps(line) + "\n")
