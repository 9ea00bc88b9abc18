"""The OpenAPI 3.1 document of the management API, made of its table and its shapes."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway import __version__
from gateway.admin.answers import PROBLEM
from gateway.admin.api.credential_words import CREDENTIAL_NAME, CREDENTIAL_NAME_CHARS_MAX
from gateway.admin.api.operations import BASE, Operation
from gateway.admin.api.words import KEY_ID, Asked, Nothing, ProblemTold, Told

_REF: Final = "#/components/schemas/{model}"
_ALWAYS: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_OF_BODIES: Final = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)
_INTRODUCTION: Final = """\
Manage the keys of a Keyhatch gateway. Show a key that holds `keyhatch:read`, `keyhatch:write`,
`keyhatch:admin` or `keyhatch:own` as `Authorization: Bearer …` or `X-API-Key: …`. Refusals are
`application/problem+json`. Times are RFC 3339 in UTC."""
_IF_MATCH: Final[dict[str, Any]] = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of the state you looked at: 412 if somebody changed the key since.",
    "schema": {"type": "string", "pattern": r'^(\*|"[0-9]{1,9}")$'},
}
_ONCE: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A name of your own for this request, such as a UUID. Asked again under it within a day, "
    "what was done is told and not done again; the secret is never told twice.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
_ID: Final[dict[str, Any]] = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": KEY_ID},
    "example": "key_0123456789abcdef",
}


_NAME: Final[dict[str, Any]] = {
    "name": "name",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": CREDENTIAL_NAME, "maxLength": CREDENTIAL_NAME_CHARS_MAX},
    "example": "openai",
}


_TARGET: Final[list[dict[str, Any]]] = [
    {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": CREDENTIAL_NAME, "maxLength": CREDENTIAL_NAME_CHARS_MAX},
        "example": example,
    }
    for name, example in (("upstream", "local-ai"), ("target", "big"))
]


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The whole document."""
    operations = tuple(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Keyhatch management API",
            "version": __version__,
            "summary": "Keys people can live with.",
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": BASE}],
        "security": [{"bearer": []}, {"header": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(operations),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": _responses(operation),
    }
    if operation.body is not Nothing:
        told["requestBody"] = {
            "required": any(field.is_required() for field in operation.body.model_fields.values()),
            "content": {"application/json": {"schema": _ref(operation.body)}},
        }
    if operation.shows_key:
        told["security"] = []
    return told


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    parameters = [_ID] if operation.has_id else []
    parameters += [_NAME] if operation.has_name else []
    parameters += _TARGET if operation.has_target else []
    parameters += [_IF_MATCH] if operation.guarded else []
    parameters += [_ONCE] if operation.once else []
    schema = operation.query.model_json_schema()
    for name, of in schema.get("properties", {}).items():
        described = {"name": name, "in": "query", "schema": _plain(of)}
        if "description" in of:
            described["description"] = of["description"]
        parameters.append(described)
    return parameters


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter's schema: what is left out of a query is null here, which no query can say."""
    options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    return {name: value for name, value in options[0].items() if name not in ("title", "description")}


def _responses(operation: Operation) -> dict[str, Any]:
    refused = {*_ALWAYS, *operation.refuses}
    if not operation.shows_key:
        refused.update(_OF_BODIES)  # a body is read, and found wanting, where none is asked for too
    names_key = "key_id" in {*operation.query.model_fields, *operation.body.model_fields}
    if operation.has_id or operation.has_name or operation.has_target or operation.once or names_key:
        refused.add(HTTPStatus.NOT_FOUND)
    if operation.guarded:
        refused.add(HTTPStatus.PRECONDITION_FAILED)
    if operation.method != "GET":
        refused.add(HTTPStatus.INSUFFICIENT_STORAGE)
    responses: dict[str, Any] = {str(operation.status.value): _success(operation)}
    if operation.once and operation.status is not HTTPStatus.OK:
        responses["200"] = {
            "description": "Done before under this Idempotency-Key; the secret is not told again.",
            "content": {"application/json": {"schema": {"$ref": _REF.format(model="KeyRecord")}}},
        }
    for status in sorted(refused):
        responses[str(status.value)] = {
            "description": status.phrase,
            "content": {PROBLEM: {"schema": _ref(ProblemTold)}},
        }
    return responses


def _success(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {"description": operation.status.phrase}
    if operation.tells is None:
        return told
    schema: dict[str, Any] = _ref(operation.tells)
    if operation.once and operation.status is HTTPStatus.OK:
        schema = {"anyOf": [schema, {"$ref": _REF.format(model="KeyRecord")}]}
    told["content"] = {"application/json": {"schema": schema}}
    return told


def _ref(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": _REF.format(model=model.__name__)}


def _schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    asked: set[type[Asked]] = set()
    told: set[type[Told]] = {ProblemTold}
    for operation in operations:
        if operation.body is not Nothing:
            asked.add(operation.body)
        if operation.tells is not None:
            told.add(operation.tells)
    _, schemas = models_json_schema(
        [(model, "validation") for model in sorted(asked, key=lambda each: each.__name__)]
        + [(model, "serialization") for model in sorted(told, key=lambda each: each.__name__)],
        ref_template=_REF,
    )
    definitions: dict[str, Any] = schemas["$defs"]
    return definitions
