"""Guarantees of gateway/admin/api/openapi.py: the document is the router, in both directions."""

import json
import re
from http import HTTPStatus
from typing import Any

import jsonschema_rs
import pytest

from gateway import __version__
from gateway.admin.api.operations import BASE, OPERATIONS, Operation
from gateway.admin.api.words import KEY_ID, Nothing
from tests.unit.admin.api.stand import BODIES, DOCUMENT, Stand

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def told_of(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][operation.path][operation.method.lower()]
    return found


def routed() -> set[tuple[str, str]]:
    """What the application answers under the base, without HEAD, which goes with GET."""
    found = set()
    for route in Stand().app.router.routes():
        path = "" if route.resource is None else route.resource.canonical
        if path.startswith(f"{BASE}/") and route.method != "HEAD":
            found.add((route.method, path.removeprefix(BASE)))
    return found


def documented() -> set[tuple[str, str]]:
    return {(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item}


def test_every_route_stands_in_the_document_and_the_other_way_round() -> None:
    assert routed() - {("GET", "/openapi.json")} == documented()


def test_the_document_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert DOCUMENT["info"]["version"] == __version__
    assert DOCUMENT["servers"] == [{"url": "/api/v1"}]
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT


async def test_what_is_told_is_the_document(stand: Stand) -> None:
    assert (await stand.ask(None, "GET", "/openapi.json")).json == DOCUMENT


def test_every_reference_leads_somewhere_and_every_shape_is_used() -> None:
    text = json.dumps(DOCUMENT)
    used = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert used == set(DOCUMENT["components"]["schemas"])


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["schemas"]))
def test_every_shape_is_json_schema(name: str) -> None:
    schema = {"$schema": DRAFT, "$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    jsonschema_rs.meta.validate(schema)
    jsonschema_rs.validator_for(schema)


@each_operation
def test_every_answer_of_an_operation_is_described(operation: Operation) -> None:
    told = told_of(operation)
    assert told["operationId"] == operation.name
    assert told["summary"].endswith(".")
    statuses = set(told["responses"])
    assert str(operation.status.value) in statuses
    assert {"400", "401", "403", "422", "429", "503"} <= statuses
    assert ("404" in statuses) >= operation.has_id
    assert ("412" in statuses) == operation.guarded
    assert ("507" in statuses) == (operation.method != "GET")
    assert {"413", "415"} <= statuses or operation.shows_key


@each_operation
def test_every_refusal_is_a_problem(operation: Operation) -> None:
    for status, answer in told_of(operation)["responses"].items():
        if status.startswith("2"):
            continue
        assert answer["description"] == HTTPStatus(int(status)).phrase
        assert answer["content"] == {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemTold"}}
        }


@each_operation
def test_a_body_is_described_where_one_is_read(operation: Operation) -> None:
    told: Any = told_of(operation).get("requestBody")
    if operation.body is Nothing:
        assert told is None
    else:
        name = operation.body.__name__
        assert told["content"]["application/json"]["schema"] == {"$ref": f"#/components/schemas/{name}"}
        assert told["required"] == (operation.name not in ("editKey", "rotateKey", "importKeys"))
        schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
        jsonschema_rs.validate(schema, BODIES.get(operation.name, {}))
        assert not jsonschema_rs.is_valid(schema, {**BODIES.get(operation.name, {}), "unknown": 1})


@each_operation
def test_every_parameter_is_described_once(operation: Operation) -> None:
    parameters = told_of(operation)["parameters"]
    names = [each["name"] for each in parameters]
    expected = [
        *(["id"] if operation.has_id else []),
        *(["name"] if operation.has_name else []),
        *(["upstream", "target"] if operation.has_target else []),
        *(["If-Match"] if operation.guarded else []),
        *(["Idempotency-Key"] if operation.once else []),
        *operation.query.model_fields,
    ]
    assert names == expected
    for each in parameters:
        jsonschema_rs.meta.validate({"$schema": DRAFT, **each["schema"]})
        assert "anyOf" not in each["schema"]
        assert "null" not in json.dumps(each["schema"].get("type"))


def test_the_words_of_a_query_are_those_that_are_read() -> None:
    (listing,) = [each for each in OPERATIONS if each.name == "listKeys"]
    told = {each["name"]: each for each in told_of(listing)["parameters"]}
    assert told["limit"]["schema"] == {"default": 50, "minimum": 1, "maximum": 200, "type": "integer"}
    assert told["status"]["schema"]["enum"] == ["active", "expiring", "expired", "disabled", "revoked", "all"]
    assert told["q"]["description"]


def test_one_question_alone_needs_no_key_of_its_own() -> None:
    assert DOCUMENT["security"] == [{"bearer": []}, {"header": []}]
    free = [operation.name for operation in OPERATIONS if "security" in told_of(operation)]
    assert free == ["revokeByValue"]


def test_the_form_of_an_id_is_told() -> None:
    (parameter,) = [each for each in told_of(OPERATIONS[3])["parameters"] if each["name"] == "id"]
    assert parameter["schema"]["pattern"] == KEY_ID
    assert re.fullmatch(KEY_ID, parameter["example"])


def test_a_secret_is_told_by_the_answers_that_make_one_and_by_no_other() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    holding = {name for name, schema in schemas.items() if "key" in schema.get("properties", {})}
    secret = {n for n in holding if schemas[n]["properties"]["key"].get("format") == "password"}
    assert secret == {"IssuedKey", "ShowKey"}
    issuing = {each.name for each in OPERATIONS if each.tells and each.tells.__name__ == "IssuedKey"}
    assert issuing == {"createKey", "rotateKey"}
