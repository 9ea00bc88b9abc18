"""Guarantees of gateway/wire/dialects.py: the sentence stands where each SDK looks for it."""

import json
from typing import Any

import pytest

from gateway.core.dialect import Dialect
from gateway.wire.dialects import FORMS
from gateway.wire.refusal_body import body_of

SENTENCE = 'No API key was sent. Ask for one – it\'s free: "kh_…".'
PLACES: dict[str, tuple[tuple[Any, ...], ...]] = {
    "combined": (("error", "message"), ("detail", "message")),
    "openai": (("error", "message"),),
    "anthropic": (("error", "message"),),
    "elevenlabs": (("detail", "message"),),
    "ollama": (("error",),),
    "fastapi": (("detail",),),
    "azure": (("error", "message"),),
    "gemini": (("error", "message"),),
    "comfyui": (("error", "message"),),
    "message": (("message",),),
}


def told(dialect: Dialect, status: int = 401) -> Any:
    return json.loads(body_of(dialect, status, "key_unknown", SENTENCE, "5f0f5c2b3d1e4a69"))


@pytest.mark.parametrize("dialect", [each for each in Dialect if each is not Dialect.TEXT])
def test_the_sentence_stands_where_the_sdk_reads_it(dialect: Dialect) -> None:
    for place in PLACES[dialect]:
        found = told(dialect)
        for part in place:
            found = found[part]
        assert found == SENTENCE
    assert body_of(dialect, 401, "r", "m", "i").endswith(b"}\n")


def test_text_is_the_sentence_alone() -> None:
    assert body_of(Dialect.TEXT, 401, "key_unknown", SENTENCE, "id") == SENTENCE.encode() + b"\n"


@pytest.mark.parametrize(
    ("dialect", "envelope"),
    [
        ("openai", {"error": {"message": SENTENCE, "type": "T", "param": None, "code": "key_unknown"}}),
        (
            "anthropic",
            {"type": "error", "error": {"type": "T", "message": SENTENCE}, "request_id": "5f0f5c2b3d1e4a69"},
        ),
        ("azure", {"error": {"code": "key_unknown", "message": SENTENCE}}),
        ("message", {"message": SENTENCE, "statusCode": 401}),
        (
            "comfyui",
            {
                "error": {"type": "key_unknown", "message": SENTENCE, "details": "", "extra_info": {}},
                "node_errors": {},
            },
        ),
    ],
)
def test_an_envelope_is_the_providers_own(dialect: str, envelope: Any) -> None:
    assert told(Dialect(dialect)) == json.loads(json.dumps(envelope).replace('"T"', '"authentication_error"'))


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "INVALID_ARGUMENT", "invalid_request_error"),
        (401, "UNAUTHENTICATED", "authentication_error"),
        (403, "PERMISSION_DENIED", "permission_error"),
        (404, "NOT_FOUND", "not_found_error"),
        (413, "INVALID_ARGUMENT", "request_too_large"),
        (502, "UNAVAILABLE", "api_error"),
        (503, "UNAVAILABLE", "api_error"),
        (504, "DEADLINE_EXCEEDED", "timeout_error"),
    ],
)
def test_a_status_has_its_name_in_each_envelope(status: int, name: str, kind: str) -> None:
    google = told(Dialect.GEMINI, status)["error"]
    assert (google["code"], google["status"]) == (status, name)
    assert google["details"][0]["reason"] == "key_unknown"
    assert told(Dialect.ANTHROPIC, status)["error"]["type"] == kind
    assert told(Dialect.COMBINED, status)["error"]["type"] == kind


def test_there_is_a_form_for_every_dialect_but_the_combined_one() -> None:
    assert set(FORMS) == set(Dialect) - {Dialect.COMBINED}
