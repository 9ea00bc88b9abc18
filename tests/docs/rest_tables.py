"""docs/rest.md, made from the OpenAPI document of the management API.

    python -m tests.docs.rest_tables

writes the page anew below the comment that names this module; what stands above it is written by hand.
"""

from collections.abc import Iterator
from typing import Any, Final

from gateway.admin.api.openapi import document
from gateway.admin.api.operations import BASE, OPERATIONS
from tests.arch.sources import ROOT

PAGE: Final = ROOT / "docs/rest.md"
MARK: Final = (
    "<!-- From here on the page is made from gateway/admin/api: python -m tests.docs.rest_tables -->\n"
)

_DOCUMENT: Final[dict[str, Any]] = document(OPERATIONS)
_SHAPES: Final[dict[str, Any]] = _DOCUMENT["components"]["schemas"]
_SHAPE_OF: Final = "#/components/schemas/"


def page() -> str:
    """The whole page as it should be."""
    by_hand = PAGE.read_text("utf-8").partition(MARK)[0]
    return by_hand + MARK + "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield from ("", "## Operations")
    for path, methods in _DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if isinstance(operation, dict):
                yield from _operation(method.upper(), path.removeprefix(BASE), operation)
    yield from ("", "## Shapes")
    for name, shape in _SHAPES.items():
        yield from _shape(name, shape)


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield from ("", f"### {method} {path}", "", _plain(operation["summary"]), "")
    body = operation.get("requestBody")
    if body is not None:
        yield f"Body: {_type(_json(body))}." + ("" if body.get("required") else " May be left out.")
    told = [(status, answer) for status, answer in operation["responses"].items() if status < "300"]
    answers = [f"{status} {_type(_json(answer))}" for status, answer in told]
    refusals = [status for status in operation["responses"] if status >= "300"]
    yield f"Answers: {', '.join(answers)}. Refusals: {', '.join(refusals)}."
    parameters = operation.get("parameters", [])
    if parameters:
        yield from ("", "| parameter | in | value | |", "|---|---|---|---|")
    for each in parameters:
        says = _plain(each.get("description", ""))
        yield f"| `{each['name']}` | {each['in']} | {_type(each['schema'])} | {says} |"


def _json(part: dict[str, Any]) -> dict[str, Any]:
    """The shape of a body, empty where there is none."""
    kinds: dict[str, Any] = part.get("content", {})
    found: dict[str, Any] = {}
    for kind in kinds.values():
        found = kind["schema"]
    return found


def _shape(name: str, shape: dict[str, Any]) -> Iterator[str]:
    yield from ("", f"### {name}", "", _plain(shape.get("description", "")))
    if "enum" in shape:
        yield f"One of {_words(shape['enum'])}."
    needed = shape.get("required", [])
    if "properties" in shape:
        yield from ("", "| field | value | |", "|---|---|---|")
    for field, each in shape.get("properties", {}).items():
        says = [
            _plain(each.get("description", "")),
            "Needed." if field in needed and _is_asked(shape) else "",
        ]
        yield f"| `{field}` | {_type(each)} | {' '.join(filter(None, says))} |"


def _is_asked(shape: dict[str, Any]) -> bool:
    """Whether callers send it: what they send has no other fields, what they are told may have more."""
    return shape.get("additionalProperties") is False


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_SHAPE_OF)
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(_type(each) for each in schema[several])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return _words(schema["enum"])
    kind = schema.get("type", "")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return {"date-time": "time", "date": "day"}.get(schema.get("format", ""), kind or "nothing")


def _words(words: list[Any]) -> str:
    return " ".join(f"`{word}`" for word in words)


def _plain(text: str) -> str:
    """A description on one line, with nothing that a table would stumble over."""
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
