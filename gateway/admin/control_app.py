"""The application on the control socket: one POST per act, whoever may ask it, and what each act answers.

Loaded with the first question (`gateway.admin.control` holds the socket and the promises).
"""

import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from gateway.admin.control_peer import Peer
from gateway.admin.control_words import (
    ASKED_BYTES_MAX,
    REFUSALS,
    AskAudit,
    AskCreate,
    AskEdit,
    AskList,
    AskNothing,
    AskOne,
    AskRotate,
    AskSign,
    AskUsage,
    AskVerify,
    TellAudit,
    TellDone,
    TellEntry,
    TellIssued,
    TellKey,
    TellKeys,
    TellProblem,
    TellRefusal,
    TellSigned,
    TellUsage,
    TellUsageDay,
    TellVerification,
    Words,
    places,
)
from gateway.admin.credential_acts import CREDENTIAL_ACTS
from gateway.admin.moving_words import (
    IMPORT_BYTES_MAX,
    AskDigests,
    AskExport,
    AskImport,
    TellExport,
    TellImported,
    TellVerifications,
)
from gateway.admin.reload_words import tell_reload
from gateway.admin.target_words import TARGET_ACTS
from gateway.config.reloaded import Reload
from gateway.core.keys import ApiKey
from gateway.keeper.audit import host_actor
from gateway.keeper.credentials import CredentialDesk
from gateway.keeper.desk import KeyDesk, NotAllowed, Problem, RuleBroken
from gateway.keeper.draining import TargetDesk

_log: Final = logging.getLogger("gateway.control")

Act = tuple[type[Words], Callable[[KeyDesk, Any], Awaitable[Words]]]


def control_runner(
    desk: KeyDesk,
    peer_uid: Callable[[Peer], int | None],
    reload: Reload | None = None,
    *,
    close_grace_s: float,
    credentials: Callable[[], CredentialDesk],
    targets: Callable[[], TargetDesk],
) -> web.AppRunner:
    """What serves both desks, not set up yet."""
    app = web.Application(client_max_size=ASKED_BYTES_MAX)
    app.router.add_route("*", "/{tail:.*}", _Questions(desk, peer_uid, reload, credentials, targets).answer)
    return web.AppRunner(app, access_log=None, shutdown_timeout=close_grace_s)


class _Questions:
    """Answers what is asked of one desk, or of those of credentials and of targets."""

    def __init__(
        self,
        desk: KeyDesk,
        peer_uid: Callable[[Peer], int | None],
        reload: Reload | None,
        credentials: Callable[[], CredentialDesk],
        targets: Callable[[], TargetDesk],
    ) -> None:
        self._desk = desk
        self._peer_uid = peer_uid
        self._reload = reload
        self._credentials = credentials
        self._targets = targets

    async def answer(self, request: web.Request) -> web.Response:
        """The answer to one question, whatever it is."""
        try:
            told = await self._act(self._admit(request), request)
        except web.HTTPRequestEntityTooLarge:
            return _refuse(RuleBroken("what was asked is too long"))
        except Exception as error:  # noqa: BLE001 - the last one to see it; logged and told below
            return _refuse(error)
        return web.Response(body=told.model_dump_json().encode(), content_type="application/json")

    def _admit(self, request: web.Request) -> str:
        """Who asks; raises `NotAllowed`."""
        peer = None if request.transport is None else request.transport.get_extra_info("socket")
        uid = None if peer is None else self._peer_uid(peer)
        if uid not in (0, os.geteuid()):
            raise NotAllowed(
                f"only root and the user that runs the gateway (uid {os.geteuid()}) manage its keys"
            )
        return host_actor(uid)

    async def _act(self, actor: str, request: web.Request) -> Words:
        name = request.path.removeprefix("/v1/")
        if request.method == "POST" and name in ACTS:
            shape, do = ACTS[name]
            asked = await _asked(shape, request)
            return await do(self._desk.acting(actor), asked)
        if request.method == "POST" and name in CREDENTIAL_ACTS:
            shape, do_with_credentials = CREDENTIAL_ACTS[name]
            asked = await _asked(shape, request)
            return await do_with_credentials(self._credentials().acting(actor), asked)
        if request.method == "POST" and name == "reload" and self._reload is not None:
            return tell_reload(self._reload)
        if request.method == "POST" and name in TARGET_ACTS:
            shape, do_with_targets = TARGET_ACTS[name]
            asked = await _asked(shape, request)
            return await do_with_targets(self._targets().acting(actor), asked)
        raise RuleBroken("the running gateway does not know this act: is it of another version?")


async def _asked(shape: type[Words], request: web.Request) -> Words:
    if shape is AskImport:
        request = request.clone(client_max_size=IMPORT_BYTES_MAX)
    try:
        return shape.model_validate_json(await request.read())
    except ValidationError as error:
        raise RuleBroken(f"the running gateway cannot read what was asked: {places(error)}") from None


def _refuse(error: Exception) -> web.Response:
    for kind, status, exception in REFUSALS:
        if isinstance(error, exception):
            return _refusal(status, kind, str(error), getattr(error, "problems", ()))
    _log.exception("the control socket met something unexpected", exc_info=error)
    return _refusal(503, "store_unavailable", "the running gateway met something unexpected: see its log")


def _refusal(status: int, kind: str, message: str, problems: tuple[Problem, ...] = ()) -> web.Response:
    told = tuple(TellProblem(field=each.field, message=each.message) for each in problems)
    body = TellRefusal(kind=kind, message=message, problems=told).model_dump_json().encode()
    return web.Response(status=status, body=body, content_type="application/json")


def _key(key: ApiKey) -> TellKey:
    return TellKey.model_validate(key)


async def _ping(_: KeyDesk, asked: AskNothing) -> Words:  # noqa: ARG001 - every act has this shape
    return TellDone()


async def _create(desk: KeyDesk, asked: AskCreate) -> Words:
    return TellIssued.of(*await desk.create(asked.draft()))


async def _list(desk: KeyDesk, asked: AskList) -> Words:
    return TellKeys(keys=tuple(_key(key) for key in await desk.list_keys(asked.status, asked.owner)))


async def _resolve(desk: KeyDesk, asked: AskOne) -> Words:
    return _key(await desk.resolve(asked.id_or_name))


async def _revoke(desk: KeyDesk, asked: AskOne) -> Words:
    return _key(await desk.revoke(asked.id_or_name))


async def _disable(desk: KeyDesk, asked: AskOne) -> Words:
    return _key(await desk.disable(asked.id_or_name))


async def _enable(desk: KeyDesk, asked: AskOne) -> Words:
    return _key(await desk.enable(asked.id_or_name))


async def _rotate(desk: KeyDesk, asked: AskRotate) -> Words:
    return TellIssued.of(*await desk.rotate(asked.id_or_name, asked.rotation()))


async def _edit(desk: KeyDesk, asked: AskEdit) -> Words:
    return _key(await desk.edit(asked.id_or_name, asked.edit()))


async def _undo_rotation(desk: KeyDesk, asked: AskOne) -> Words:
    return _key(await desk.undo_rotation(asked.id_or_name))


async def _finish_rotation(desk: KeyDesk, asked: AskOne) -> Words:
    return _key(await desk.finish_rotation(asked.id_or_name))


async def _revoke_by_value(desk: KeyDesk, asked: AskVerify) -> Words:
    return _key(await desk.revoke_by_value(asked.text))


async def _delete(desk: KeyDesk, asked: AskOne) -> Words:
    return _key(await desk.delete(asked.id_or_name))


async def _audit(desk: KeyDesk, asked: AskAudit) -> Words:
    entries = await desk.audit(asked.query())
    return TellAudit(entries=tuple(map(TellEntry.of, entries)))


async def _usage(desk: KeyDesk, asked: AskUsage) -> Words:
    days = await desk.usage(asked.id_or_name, asked.query())
    return TellUsage(days=tuple(map(TellUsageDay.model_validate, days)))


async def _verify(desk: KeyDesk, asked: AskVerify) -> Words:
    return TellVerification.of(await desk.verify(asked.text))


async def _sign(desk: KeyDesk, asked: AskSign) -> Words:
    told = await desk.sign(asked.id_or_name, asked.address, asked.life_s)
    return TellSigned(key_id=told.key_id, address=told.address, expires_at=told.expires_at)


async def _import(desk: KeyDesk, asked: AskImport) -> Words:
    return TellImported.of(await desk.import_keys(asked.asked()))


async def _export(desk: KeyDesk, asked: AskExport) -> Words:
    return TellExport.of(await desk.export_keys(asked.after, asked.limit))


async def _digests(desk: KeyDesk, asked: AskDigests) -> Words:
    found = await desk.verify_digests([bytes.fromhex(each) for each in asked.digests])
    return TellVerifications(found=tuple(map(TellVerification.of, found)))


ACTS: Final[dict[str, Act]] = {
    "ping": (AskNothing, _ping),
    "create": (AskCreate, _create),
    "list": (AskList, _list),
    "resolve": (AskOne, _resolve),
    "revoke": (AskOne, _revoke),
    "disable": (AskOne, _disable),
    "enable": (AskOne, _enable),
    "edit": (AskEdit, _edit),
    "rotate": (AskRotate, _rotate),
    "undo_rotation": (AskOne, _undo_rotation),
    "finish_rotation": (AskOne, _finish_rotation),
    "revoke_by_value": (AskVerify, _revoke_by_value),
    "delete": (AskOne, _delete),
    "verify": (AskVerify, _verify),
    "sign": (AskSign, _sign),
    "audit": (AskAudit, _audit),
    "usage": (AskUsage, _usage),
    "import_keys": (AskImport, _import),
    "export_keys": (AskExport, _export),
    "verify_digests": (AskDigests, _digests),
}
