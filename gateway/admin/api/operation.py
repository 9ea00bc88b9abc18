"""One thing that can be asked of the management API, as the table of all of them holds it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gateway.admin.api.ask import Answer, Ask
from gateway.admin.api.asked import BODY_BYTES_MAX
from gateway.admin.api.targets import TargetTold
from gateway.admin.api.words import Asked, KeyRecord, Nothing, Told
from gateway.keeper.authority import Want
from gateway.keeper.terms import Rules

Do = Callable[[Ask], Awaitable[Answer]]
Judge = Callable[[Mapping[str, Any], Rules, float], None]
"""Raises `RuleBroken` with the rules that some fields break at a moment; the shapes know only of types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be asked. Who may do `want` with no key at all is refused before the body is read.

    `once`: takes Idempotency-Key; `guarded`: takes If-Match. `shows_key`: the body holds the key on whose
    strength it is asked.
    """

    name: str
    method: str
    path: str
    summary: str
    do: Do
    want: Want | None
    tells: type[Told] | None
    body: type[Asked] = Nothing
    body_bytes_max: int = BODY_BYTES_MAX
    query: type[Asked] = Nothing
    judge: Judge | None = None
    status: HTTPStatus = HTTPStatus.OK
    once: bool = False
    guarded: bool = False
    shows_key: bool = False
    refuses: tuple[HTTPStatus, ...] = ()

    @property
    def has_id(self) -> bool:
        """Whether it is about one key."""
        return "{id}" in self.path

    @property
    def has_target(self) -> bool:
        """Whether it is about one target of an upstream."""
        return "{target}" in self.path

    @property
    def has_name(self) -> bool:
        """Whether it is about one credential."""
        return "{name}" in self.path


def on_key(name: str, word: str, summary: str, do: Do) -> Operation:
    """An act on one key that needs no more words."""
    return Operation(
        name=name,
        method="POST",
        path=f"/keys/{{id}}/{word}",
        summary=summary,
        do=do,
        want=Want.CHANGE,
        tells=KeyRecord,
        guarded=True,
        refuses=(HTTPStatus.CONFLICT,),
    )


def on_target(name: str, word: str, summary: str, do: Do) -> Operation:
    """An act on one target of an upstream."""
    return Operation(
        name=name,
        method="POST",
        path=f"/upstreams/{{upstream}}/targets/{{target}}/{word}",
        summary=summary,
        do=do,
        want=Want.DELETE,
        tells=TargetTold,
    )
