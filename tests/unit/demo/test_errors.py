"""Guarantees of gateway/demo/errors.py: an error is in the envelope that OpenAI's SDK reads."""

import json

from gateway.demo.errors import error_reply


def test_an_error_has_its_status_and_its_sentence_where_sdks_look() -> None:
    reply = error_reply(400, "The body is not JSON.", "invalid_body")
    assert (reply.status, reply.content_type) == (400, "application/json")
    error = json.loads(reply.text or "")["error"]
    assert error == {
        "message": "The body is not JSON.",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_body",
    }
