"""The desk of upstreams' targets: how each stands, and taking one out by name.

1. A drained target is given nothing new; what is under way there goes on to its end.
2. It is remembered in memory alone: a restart forgets it, a reload does not (`wire.targets` rule 5).
3. Each change is recorded before it counts; what is as it should be is left alone and not recorded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.keeper.audit import HOST, Act, ActName
from gateway.keeper.ports import Clock, KeyNotFound, Recorder
from gateway.wire.key_json import rfc3339
from gateway.wire.targets import Standing, State
from gateway.wire.upstream import Upstream

_SHOWN_CHARS: Final = 64


class TargetNotFound(KeyNotFound):
    """There is no such upstream, or none of its targets has this name."""


@dataclass(frozen=True, slots=True)
class TargetSeen:
    """How a target stands. `since` in seconds since 1970; `last_error` never holds an address."""

    upstream: str
    target: str
    state: State
    busy: int
    since: float
    last_error: str | None


def target_json(seen: TargetSeen) -> dict[str, object]:
    """A target as programs read it."""
    return {
        "upstream": seen.upstream,
        "target": seen.target,
        "state": seen.state.value,
        "busy": seen.busy,
        "since": rfc3339(seen.since),
        "last_error": seen.last_error,
    }


class TargetDesk(Protocol):
    """What can be asked about targets. `target` None: all of the upstream's."""

    def acting(self, actor: str, request_id: str | None = None) -> "TargetDesk":
        """The same desk for somebody else."""

    async def list_targets(self) -> list[TargetSeen]:
        """All of them, in the order of the configuration."""

    async def drain(self, upstream: str, target: str | None = None) -> list[TargetSeen]:
        """Take out; raises `TargetNotFound`."""

    async def resume(self, upstream: str, target: str | None = None) -> list[TargetSeen]:
        """Take back; raises `TargetNotFound`."""


class Targets:
    """The desk where the gateway runs. `upstreams` is called each time: a reload may replace them."""

    def __init__(
        self,
        upstreams: Callable[[], Mapping[str, Upstream]],
        recorder: Recorder,
        clock: Clock,
        actor: str = HOST,
        request_id: str | None = None,
    ) -> None:
        self._upstreams = upstreams
        self._recorder = recorder
        self._clock = clock
        self._actor = actor
        self._request_id = request_id

    def acting(self, actor: str, request_id: str | None = None) -> "Targets":
        """The same desk for somebody else."""
        return Targets(self._upstreams, self._recorder, self._clock, actor, request_id)

    async def list_targets(self) -> list[TargetSeen]:
        """All of them, in the order of the configuration."""
        upstreams = self._upstreams().items()
        return [self._seen(name, each) for name, upstream in upstreams for each in upstream.crew.standings]

    async def drain(self, upstream: str, target: str | None = None) -> list[TargetSeen]:
        """Take out; raises `TargetNotFound`."""
        return await self._change(upstream, target, drained=True)

    async def resume(self, upstream: str, target: str | None = None) -> list[TargetSeen]:
        """Take back; raises `TargetNotFound`."""
        return await self._change(upstream, target, drained=False)

    async def _change(self, upstream: str, target: str | None, *, drained: bool) -> list[TargetSeen]:
        found = self._found(upstream, target)
        for standing in found:
            if standing.is_drained is not drained:
                await self._record(upstream, standing, drained=drained)
                standing.drain(self._clock.monotonic(), drained=drained)
        return [self._seen(upstream, standing) for standing in found]

    def _found(self, upstream: str, target: str | None) -> list[Standing]:
        known = self._upstreams().get(upstream)
        if known is None:
            raise TargetNotFound(f"there is no upstream {upstream[:_SHOWN_CHARS]!r}")
        found = [each for each in known.crew.standings if target in (None, each.target.name)]
        if not found:
            raise TargetNotFound(f"upstream {upstream} has no target {(target or '')[:_SHOWN_CHARS]!r}")
        return found

    async def _record(self, upstream: str, standing: Standing, *, drained: bool) -> None:
        name: ActName = "drain" if drained else "resume"
        act = Act(name, self._actor, self._request_id, self._clock.now())
        about = {"upstream": upstream, "target": standing.target.name}
        await self._recorder.note_act(act, {**about, "drained": not drained}, {**about, "drained": drained})

    def _seen(self, upstream: str, standing: Standing) -> TargetSeen:
        ago_s = 0.0 if standing.since is None else self._clock.monotonic() - standing.since
        return TargetSeen(
            upstream,
            standing.target.name,
            standing.state,
            standing.busy,
            self._clock.now() - ago_s,
            standing.last_error,
        )
