"""The desk at a distance: asks the process that holds the store, over its control socket.

It has the methods of the keyring and raises what the keyring would have raised. Each question has a
connection of its own and is sent once: where no answer comes, nobody knows whether it was done, so nothing is
ever asked twice.

Finding the socket proves nothing: whoever may write in the folder can listen there. So the kernel tells who
it is, on each connection and before a byte is sent; only root, our own user and the store's owner are asked.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
from aiohttp.connector import Connection
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from gateway.admin.control_path import HAS_SOCKETS, NO_SOCKETS, address_of, socket_path
from gateway.admin.control_peer import Peer, may_serve, uid_of_peer
from gateway.admin.control_words import (
    REFUSALS,
    TEXT_CHARS_MAX,
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
    TellIssued,
    TellKey,
    TellKeys,
    TellRefusal,
    TellSigned,
    TellUsage,
    TellVerification,
    Words,
    places,
)
from gateway.admin.moving_words import (
    AskDigests,
    AskExport,
    AskImport,
    TellExport,
    TellImported,
    TellVerifications,
)
from gateway.admin.reload_words import TellReload
from gateway.core.credentials import forgive
from gateway.core.keys import ApiKey, Secret
from gateway.keeper.audit import FIRST_ENTRIES, AuditEntry, AuditQuery
from gateway.keeper.batch import PAGE_KEYS_MAX, Imported, KeyImport
from gateway.keeper.days import UsageDay, UsageQuery
from gateway.keeper.desk import (
    KeyDraft,
    KeyEdit,
    NotAllowed,
    Problem,
    Rotation,
    RuleBroken,
    SignedAddress,
    StatusFilter,
    Verification,
)
from gateway.keeper.ports import StoreUnavailable, WholeKey

TIMEOUT_ANSWER_S: Final = 15.0
TIMEOUT_IMPORT_S: Final = 60.0
TIMEOUT_PING_S: Final = (
    5.0  # the first one waits for what serves it to be loaded: 0.6 s, more on a slow machine
)
_UNSURE: Final = "keyhatch keys list --status all shows whether it was done"

_Told = TypeVar("_Told", bound=Words)


class DeskUnreachable(StoreUnavailable):
    """Nobody listens on the control socket. Nothing was asked."""


class RemoteKeyring:
    """The desk of whichever process holds the store in this file. Only moved records carry digests.

    `peer_uid` tells which user listens, None where the system cannot say. Every method raises `NotAllowed`
    where it is nobody who may answer for this store; nothing was sent then.
    """

    def __init__(
        self,
        store_path: Path,
        *,
        timeout_answer_s: float = TIMEOUT_ANSWER_S,
        peer_uid: Callable[[Peer], int | None] = uid_of_peer,
    ) -> None:
        self._store_path = store_path
        self._path = socket_path(store_path)
        self._timeout_answer_s = timeout_answer_s
        self._peer_uid = peer_uid

    async def is_there(self) -> bool:
        """Whether somebody serves the desk; raises `StoreUnavailable` if somebody is there and silent."""
        if not HAS_SOCKETS:
            return False
        try:
            await self.ask("ping", worded(AskNothing), TellDone, TIMEOUT_PING_S)
        except DeskUnreachable:
            return False
        return True

    def acting(self, actor: str, request_id: str | None = None) -> "RemoteKeyring":  # noqa: ARG002
        """Itself: the process that holds the store sees for itself who asks."""
        return self

    async def create(self, draft: KeyDraft) -> tuple[ApiKey, Secret]:
        """Make a key."""
        return _issued(await self.ask("create", worded(AskCreate, **_values(draft)), TellIssued))

    async def list_keys(self, status: StatusFilter = None, owner: str | None = None) -> list[ApiKey]:
        """Records, newest first."""
        told = await self.ask("list", worded(AskList, status=status, owner=owner), TellKeys)
        return [key.key() for key in told.keys]

    async def resolve(self, id_or_name: str) -> ApiKey:
        """The one record that is meant."""
        return await self._one("resolve", id_or_name)

    async def revoke(self, id_or_name: str) -> ApiKey:
        """End a key for good."""
        return await self._one("revoke", id_or_name)

    async def disable(self, id_or_name: str) -> ApiKey:
        """Switch a key off."""
        return await self._one("disable", id_or_name)

    async def enable(self, id_or_name: str) -> ApiKey:
        """Switch a disabled key on again."""
        return await self._one("enable", id_or_name)

    async def edit(self, id_or_name: str, edit: KeyEdit) -> ApiKey:
        """Change what stands in a record."""
        asked = worded(AskEdit, id_or_name=id_or_name, **_values(edit))
        return (await self.ask("edit", asked, TellKey)).key()

    async def rotate(self, id_or_name: str, rotation: Rotation) -> tuple[ApiKey, Secret]:
        """Give a key a new secret."""
        asked = worded(AskRotate, id_or_name=id_or_name, **_values(rotation))
        return _issued(await self.ask("rotate", asked, TellIssued))

    async def undo_rotation(self, id_or_name: str) -> ApiKey:
        """Make the secret before the key's own again."""
        return await self._one("undo_rotation", id_or_name)

    async def finish_rotation(self, id_or_name: str) -> ApiKey:
        """End the secret before at once."""
        return await self._one("finish_rotation", id_or_name)

    async def revoke_by_value(self, text: str) -> ApiKey:
        """End the secret that this text is."""
        return (await self.ask("revoke_by_value", worded(AskVerify, text=_sendable(text)), TellKey)).key()

    async def delete(self, id_or_name: str) -> ApiKey:
        """Remove the record of a revoked key."""
        return await self._one("delete", id_or_name)

    async def verify(self, text: str) -> Verification:
        """Say what a text is. What no key can hold is cut off or replaced before it is sent."""
        asked = worded(AskVerify, text=_sendable(text))
        return (await self.ask("verify", asked, TellVerification)).verification()

    async def sign(self, id_or_name: str, address: str, life_s: float) -> SignedAddress:
        """An address that opens by the right of a key."""
        asked = worded(AskSign, id_or_name=id_or_name, address=address, life_s=life_s)
        return (await self.ask("sign", asked, TellSigned)).signed()

    async def import_keys(self, asked: KeyImport) -> Imported:
        """Make keys of existing strings or records; it may take a while."""
        return (
            await self.ask("import_keys", _made(lambda: AskImport.of(asked)), TellImported, TIMEOUT_IMPORT_S)
        ).imported()

    async def export_keys(self, after: int = 0, limit: int = PAGE_KEYS_MAX) -> list[tuple[int, WholeKey]]:
        """Records with their digests, oldest first."""
        told = await self.ask("export_keys", worded(AskExport, after=after, limit=limit), TellExport)
        return told.whole_keys()

    async def verify_digests(self, digests: Sequence[bytes]) -> list[Verification]:
        """What stands behind each digest."""
        asked = worded(AskDigests, digests=tuple(digest.hex() for digest in digests))
        return [
            each.verification() for each in (await self.ask("verify_digests", asked, TellVerifications)).found
        ]

    async def audit(self, query: AuditQuery = FIRST_ENTRIES) -> list[AuditEntry]:
        """What was done, in the order asked for."""
        asked = worded(AskAudit, **_values(query))
        return [entry.entry() for entry in (await self.ask("audit", asked, TellAudit)).entries]

    async def reload(self) -> TellReload:
        """Have the configuration read anew."""
        return await self.ask("reload", worded(AskNothing), TellReload)

    async def usage(self, id_or_name: str | None = None, query: UsageQuery | None = None) -> list[UsageDay]:
        """What keys did, day by day."""
        asked = _values(query or UsageQuery())
        del asked["key_id"]
        told = await self.ask("usage", worded(AskUsage, id_or_name=id_or_name, **asked), TellUsage)
        return [day.value() for day in told.days]

    async def _one(self, act: str, id_or_name: str) -> ApiKey:
        return (await self.ask(act, worded(AskOne, id_or_name=id_or_name), TellKey)).key()

    async def ask(self, act: str, asked: bytes, shape: type[_Told], timeout_s: float | None = None) -> _Told:
        """Ask one thing, in the words of `worded`; raises what was raised there."""
        status, body = await self._exchange(act, asked, timeout_s or self._timeout_answer_s)
        try:
            if status == 200:
                return shape.model_validate_json(body)
            refusal = TellRefusal.model_validate_json(body)
        except ValidationError as error:
            raise StoreUnavailable(
                f"the gateway that holds {self._store_path} gave an answer ({status}) that cannot be read: "
                f"is it of another version? {_UNSURE}"
            ) from error
        raise _exception_of(refusal)

    async def _exchange(self, act: str, asked: bytes, timeout_s: float) -> tuple[int, bytes]:
        if not HAS_SOCKETS:
            raise StoreUnavailable(NO_SOCKETS)
        try:
            with address_of(self._path) as address:
                return await _post(_Connector(address, self._recognise), act, asked, timeout_s)
        except TimeoutError as error:
            raise StoreUnavailable(
                f"the gateway that holds {self._store_path} did not answer within {timeout_s:g} s: see "
                f"whether it hangs; {_UNSURE}"
            ) from error
        except aiohttp.ClientConnectorError as error:
            raise self._unreachable(error.os_error) from error
        except aiohttp.ClientError as error:
            raise StoreUnavailable(
                f"the gateway that holds {self._store_path} stopped before it answered: {_UNSURE}"
            ) from error
        except OSError as error:
            raise self._unreachable(error) from error

    def _recognise(self, peer: Peer | None) -> None:
        uid = None if peer is None else self._peer_uid(peer)
        if uid not in may_serve(self._store_path):
            raise NotAllowed(
                f"who listens on {self._path} is user {uid}, neither root, nor you, nor the owner of the "
                "store: nothing was sent. If no gateway of yours runs there, remove it and see who may write "
                "in that folder; else ask as the gateway's user or as root"
            )

    def _unreachable(self, error: OSError) -> Exception:
        if isinstance(error, PermissionError):
            return NotAllowed(
                f"a gateway holds {self._store_path} and runs as another user: ask as that user or as root"
            )
        return DeskUnreachable(f"no gateway listens on {self._path}: {error.strerror or error}")


class _Connector(aiohttp.UnixConnector):
    """Connects, and has whoever listens recognised before anything is sent."""

    def __init__(self, address: str, recognise: Callable[[Peer | None], None]) -> None:
        super().__init__(path=address, force_close=True)
        self._recognise = recognise

    async def connect(self, *arguments: Any, **options: Any) -> Connection:
        """A connection to somebody who may answer."""
        connection = await super().connect(*arguments, **options)
        try:
            transport = connection.transport
            self._recognise(None if transport is None else transport.get_extra_info("socket"))
        except BaseException:
            connection.close()
            raise
        return connection


async def _post(connector: _Connector, act: str, asked: bytes, timeout_s: float) -> tuple[int, bytes]:
    async with (
        asyncio.timeout(timeout_s),
        aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
        ) as session,
        session.post(
            f"http://keyhatch/v1/{act}",
            data=asked,
            headers={"Content-Type": "application/json"},
        ) as response,
    ):
        return response.status, await response.read()


def _values(asked: KeyDraft | KeyEdit | Rotation | AuditQuery | UsageQuery) -> dict[str, Any]:
    return {field.name: getattr(asked, field.name) for field in fields(asked)}


def _sendable(text: str) -> str:
    return forgive(text)[:TEXT_CHARS_MAX].encode("utf-8", "replace").decode("utf-8")


def _issued(told: TellIssued) -> tuple[ApiKey, Secret]:
    return told.key.key(), Secret(told.secret)


def _exception_of(refusal: TellRefusal) -> Exception:
    for kind, _, exception in REFUSALS:
        if kind == refusal.kind and issubclass(exception, RuleBroken):
            return exception(
                refusal.message, tuple(Problem(each.field, each.message) for each in refusal.problems)
            )
        if kind == refusal.kind:
            return exception(refusal.message)
    return StoreUnavailable(refusal.message)


def worded(shape: type[Words], **values: Any) -> bytes:
    """What is asked, ready to be sent; raises `RuleBroken` where that cannot be said."""
    return _made(lambda: shape(**values))


def _made(make: Callable[[], Words]) -> bytes:
    """What is asked, in words; what cannot be said breaks a rule here as it would there."""
    try:
        return make().model_dump_json().encode()
    except ValidationError as error:
        raise RuleBroken(f"this cannot be asked, its form is wrong: {places(error)}") from None
    except PydanticSerializationError:
        raise RuleBroken("this cannot be asked, it holds characters that cannot be printed") from None
