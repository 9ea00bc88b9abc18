"""From a tree to `Settings`: every problem at its place, in our words, none of them twice.

Pydantic judges the fields; `gateway.config.rules` and `gateway.config.loops` judge what holds between them,
also where some fields are broken. What any of them says about an expanded scalar is shown with the `${…}`
that was written.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.config.applied import conflicts, scopes_of
from gateway.config.loops import loops, urls_of
from gateway.config.model import RULES_BROKEN, Settings
from gateway.config.parts import parts_of
from gateway.config.problems import Loc, Problem, Unfit, meant, problem_at, with_hint
from gateway.config.rules import Finding, broken_rules
from gateway.config.shape import keys_of, section_at
from gateway.config.tree import Node, find, nearest

_MESSAGES: Final = {
    "missing": "is missing",
    "extra_forbidden": "unknown key",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of reasonable size",
    "string_type": "must be text",
    "tuple_type": "must be a list, like [one, two]",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "too_short": "must not be empty",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
}
_KEY_MARK: Final = "[key]"
_AT_NULL: Final = ("extra_forbidden", "missing")
"""What is wrong beside a value that is null, not with it."""


def validate(root: Node) -> tuple[Settings | None, list[Problem]]:
    """The settings, or why there are none: exactly one of the two is empty."""
    plain = root.plain()
    settings: Settings | None = None
    findings: list[Finding] = []
    try:
        settings = Settings.model_validate(plain)
    except ValidationError as error:
        findings += [_finding(detail, root) for detail in error.errors() if not _is_echo(detail, root)]
        parts = parts_of(plain)
        catalogue = [*scopes_of(parts.upstreams), *_keys(plain, "scopes")]
        findings += broken_rules(parts.drafts, catalogue, _keys(plain, "upstreams"))
        findings += conflicts(parts.upstreams)
        findings += loops(parts.listeners, urls_of(parts.upstreams))
    return settings, problems_of(findings, root)


def problems_of(findings: Iterable[Finding], root: Node) -> list[Problem]:
    """The findings at their places. Those about a scalar that could not be expanded were told already."""
    expanded = {str(node.content): node.written for node in root.below() if node.written is not None}
    told = ((finding, nearest(root, finding.loc)) for finding in findings)
    return [_problem(finding, node, root, expanded) for finding, node in told if not node.failed]


def _problem(finding: Finding, node: Node, root: Node, expanded: Mapping[str, str]) -> Problem:
    message = _masked(finding.message, expanded) if finding.quotes else finding.message
    hint = "" if node.written is not None else finding.hint
    origin = (node.named_at if finding.at_key else None) or node.origin
    # A variable or a flag is path enough, unless the problem is what it leaves out.
    said = origin.line is None and origin != root.origin and find(root, finding.loc) is not None
    return problem_at(origin, () if said else finding.loc, with_hint(message, hint))


def _masked(text: str, expanded: Mapping[str, str]) -> str:
    """The text with every expanded value in it shown as it was written; the longest one goes first."""
    values = sorted(filter(None, expanded), key=len, reverse=True)
    if not values:
        return text
    anywhere = rf"(?<!\w)(?:{'|'.join(map(re.escape, values))})(?!\w)"
    return re.sub(anywhere, lambda match: expanded[match[0]], text)


def _is_echo(detail: ErrorDetails, root: Node) -> bool:
    """Whether an error only follows from others.

    A list whose items are broken is not also empty, and a default that depends on a broken value is no fault.
    """
    if detail["type"] == "too_short":
        node = find(root, detail["loc"])
        return node is not None and node.content not in ([], {})
    return detail["type"] in (RULES_BROKEN, "default_factory_not_called")


def _finding(detail: ErrorDetails, root: Node) -> Finding:
    loc: Loc = tuple(part for part in detail["loc"] if part != _KEY_MARK)
    at_key = detail["type"] == "extra_forbidden" or loc != detail["loc"]
    context = detail.get("ctx", {})
    unfit = context.get("error")
    if isinstance(unfit, Unfit):
        return Finding(loc, unfit.message, unfit.hint, quotes=unfit.quotes, at_key=at_key)
    node = find(root, loc)
    if node is not None and node.content is None and detail["type"] not in _AT_NULL:
        return Finding(loc, "has no value")
    message = _MESSAGES.get(detail["type"], detail["msg"]).format_map(context)
    content = None if node is None else node.content
    return Finding(loc, message, _hint(detail, loc, content), at_key=at_key)


def _hint(detail: ErrorDetails, loc: Loc, content: object) -> str:
    if detail["type"] == "extra_forbidden":
        return _elsewhere(str(loc[-1])) or _meant_key(loc)
    if detail["type"] == "literal_error":
        return meant(str(content), re.findall("'([^']*)'", detail["ctx"]["expected"]))
    return ""


def _meant_key(loc: Loc) -> str:
    section = section_at(loc[:-1])
    return meant(str(loc[-1]), keys_of(section) if section else ())


def _elsewhere(key: str) -> str:
    """Where a key belongs that was written at the wrong level: mostly a matter of indentation."""
    for name in keys_of(Settings):
        section = section_at((name,))
        if section is not None and key in keys_of(section):
            return f"it belongs under {name}:"
    return ""


def _keys(plain: Mapping[str, Any], section: str) -> list[str]:
    found = plain.get(section)
    return list(found) if isinstance(found, dict) else []
