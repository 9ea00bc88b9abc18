"""The desk of targets at a distance: asks the running gateway, over its control socket."""

from gateway.admin.control_client import RemoteKeyring, worded
from gateway.admin.control_words import AskNothing
from gateway.admin.target_words import AskTarget, TellTargets
from gateway.keeper.draining import TargetSeen


class RemoteTargets:
    """Raises what the desk would have raised there."""

    def __init__(self, remote: RemoteKeyring) -> None:
        self._remote = remote

    def acting(self, actor: str, request_id: str | None = None) -> "RemoteTargets":  # noqa: ARG002
        """Itself: the running gateway sees for itself who asks."""
        return self

    async def list_targets(self) -> list[TargetSeen]:
        """All of them."""
        return _seen(await self._remote.ask("list_targets", worded(AskNothing), TellTargets))

    async def drain(self, upstream: str, target: str | None = None) -> list[TargetSeen]:
        """Take out."""
        asked = worded(AskTarget, upstream=upstream, target=target)
        return _seen(await self._remote.ask("drain_target", asked, TellTargets))

    async def resume(self, upstream: str, target: str | None = None) -> list[TargetSeen]:
        """Take back."""
        asked = worded(AskTarget, upstream=upstream, target=target)
        return _seen(await self._remote.ask("resume_target", asked, TellTargets))


def _seen(told: TellTargets) -> list[TargetSeen]:
    return [each.seen() for each in told.targets]
