"""The words of the control socket about targets of upstreams, and what it answers."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from pydantic import ConfigDict

from gateway.admin.control_words import AskNothing, Words
from gateway.keeper.draining import TargetDesk, TargetSeen
from gateway.wire.targets import State

TargetAct = tuple[type[Words], Callable[[TargetDesk, Any], Awaitable[Words]]]


class AskTarget(Words):
    """Which targets are meant: all of the upstream's where none is named."""

    upstream: str
    target: str | None = None


class TellTarget(Words):
    """How a target stands."""

    model_config = ConfigDict(from_attributes=True, strict=True, frozen=True)

    upstream: str
    target: str
    state: State
    busy: int
    since: float
    last_error: str | None

    def seen(self) -> TargetSeen:
        """The words as a value."""
        return TargetSeen(**{name: getattr(self, name) for name in type(self).model_fields})


class TellTargets(Words):
    """Targets, in the order of the configuration."""

    targets: tuple[TellTarget, ...]

    @classmethod
    def of(cls, found: Iterable[TargetSeen]) -> "TellTargets":
        """The values in words."""
        return cls(targets=tuple(map(TellTarget.model_validate, found)))


async def _list(desk: TargetDesk, asked: AskNothing) -> Words:  # noqa: ARG001 - every act has this shape
    return TellTargets.of(await desk.list_targets())


async def _drain(desk: TargetDesk, asked: AskTarget) -> Words:
    return TellTargets.of(await desk.drain(asked.upstream, asked.target))


async def _resume(desk: TargetDesk, asked: AskTarget) -> Words:
    return TellTargets.of(await desk.resume(asked.upstream, asked.target))


TARGET_ACTS: Final[dict[str, TargetAct]] = {
    "list_targets": (AskNothing, _list),
    "drain_target": (AskTarget, _drain),
    "resume_target": (AskTarget, _resume),
}
