"""THE table of the management API: what can be asked, in which shapes, and who answers it.

The router and the OpenAPI document are both made of it, and a test holds them to each other.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from gateway.admin.api import credentials, keys, moving, record, reloading, seen
from gateway.admin.api.ask import Answer, Ask
from gateway.admin.api.asked import BODY_BYTES_MAX
from gateway.admin.api.credential_words import CredentialList, CredentialTold, PutCredential, TrialList
from gateway.admin.api.reloading import ReloadTold
from gateway.admin.api.seen_words import LastCall, Overview
from gateway.admin.api.signing_words import SignAddress, SignedAddressTold
from gateway.admin.api.words import (
    Asked,
    AuditList,
    ChainState,
    CreateKey,
    EditKey,
    Explained,
    ExplainRequest,
    ExportList,
    ImportedKeys,
    ImportKeys,
    IssuedKey,
    KeyList,
    KeyRecord,
    ListAudit,
    ListKeys,
    ListUsage,
    Nothing,
    Paged,
    RotateKey,
    ScopeList,
    ShowKey,
    Told,
    UsageList,
    Verified,
)
from gateway.keeper.authority import Want
from gateway.keeper.terms import Rules

BASE: Final = "/api/v1"
IMPORT_BYTES_MAX: Final = 4 * 1024 * 1024  # a list that is longer goes in parts, or by `keyhatch keys import`

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
    def has_name(self) -> bool:
        """Whether it is about one credential."""
        return "{name}" in self.path


def _on_key(name: str, word: str, summary: str, do: Do) -> Operation:
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


REVOKE_BY_VALUE: Final = Operation(
    name="revokeByValue",
    want=None,
    method="POST",
    path="/keys/revoke-by-value",
    summary="End the key in the body: holding it is enough, no other credential is asked for.",
    do=keys.revoke_by_value,
    body=ShowKey,
    tells=KeyRecord,
    shows_key=True,
)

OPERATIONS: Final = (
    REVOKE_BY_VALUE,
    Operation(
        name="createKey",
        want=Want.CHANGE,
        method="POST",
        path="/keys",
        summary="Make a key. Its secret stands in this answer and nowhere else.",
        do=keys.create,
        body=CreateKey,
        judge=keys.judge_draft,
        tells=IssuedKey,
        status=HTTPStatus.CREATED,
        once=True,
        refuses=(HTTPStatus.CONFLICT,),
    ),
    Operation(
        name="listKeys",
        want=Want.LOOK,
        method="GET",
        path="/keys",
        summary="List keys, newest first.",
        do=keys.list_keys,
        query=ListKeys,
        tells=KeyList,
    ),
    Operation(
        name="getKey",
        want=Want.LOOK,
        method="GET",
        path="/keys/{id}",
        summary="Show a key.",
        do=keys.show,
        tells=KeyRecord,
    ),
    Operation(
        name="lastCall",
        want=Want.LOOK,
        method="GET",
        path="/keys/{id}/last-call",
        summary="Tell the last call that was made with a key while somebody watches it.",
        do=seen.last_call,
        tells=LastCall,
    ),
    Operation(
        name="editKey",
        want=Want.CHANGE,
        method="PATCH",
        path="/keys/{id}",
        summary="Change a key's name, scopes, owner, note, addresses or expiry.",
        do=keys.edit,
        body=EditKey,
        judge=keys.judge_edit,
        tells=KeyRecord,
        guarded=True,
        refuses=(HTTPStatus.CONFLICT,),
    ),
    Operation(
        name="deleteKey",
        want=Want.DELETE,
        method="DELETE",
        path="/keys/{id}",
        summary="Remove the record of a revoked key. Takes keyhatch:admin.",
        do=keys.delete,
        tells=None,
        status=HTTPStatus.NO_CONTENT,
        guarded=True,
        refuses=(HTTPStatus.CONFLICT,),
    ),
    Operation(
        name="rotateKey",
        want=Want.CHANGE,
        method="POST",
        path="/keys/{id}/rotate",
        summary="Give a key a new secret, told in this answer alone; the one before ends after the overlap.",
        do=keys.rotate,
        body=RotateKey,
        tells=IssuedKey,
        once=True,
        guarded=True,
        refuses=(HTTPStatus.CONFLICT,),
    ),
    _on_key(
        "undoRotation",
        "undo-rotation",
        "Within the overlap: take the secret before back, and end the new one.",
        keys.undo_rotation,
    ),
    _on_key(
        "finishRotation", "finish-rotation", "End the secret before a rotation at once.", keys.finish_rotation
    ),
    Operation(
        name="signAddress",
        want=Want.CHANGE,
        method="POST",
        path="/keys/{id}/sign",
        summary="Make an address that opens for a while by the right of a key, with GET and HEAD alone.",
        do=keys.sign,
        body=SignAddress,
        tells=SignedAddressTold,
        guarded=True,
        refuses=(HTTPStatus.CONFLICT,),
    ),
    _on_key("revokeKey", "revoke", "End a key for good, open streams included.", keys.revoke),
    _on_key("disableKey", "disable", "Switch a key off.", keys.disable),
    _on_key("enableKey", "enable", "Switch a disabled key on again.", keys.enable),
    Operation(
        name="verifyKey",
        want=Want.LOOK,
        method="POST",
        path="/keys/verify",
        summary="Say what a text is, and why it would be refused as a key.",
        do=keys.verify,
        body=ShowKey,
        tells=Verified,
    ),
    Operation(
        name="exportKeys",
        want=Want.DELETE,
        method="GET",
        path="/keys/export",
        summary="Tell all records with their digests, to be imported elsewhere. Takes keyhatch:admin.",
        do=moving.export_keys,
        query=Paged,
        tells=ExportList,
    ),
    Operation(
        name="importKeys",
        want=Want.DELETE,
        method="POST",
        path="/keys/import",
        summary="Make keys of records or of existing strings, all or none. Takes keyhatch:admin.",
        do=moving.import_keys,
        body=ImportKeys,
        body_bytes_max=IMPORT_BYTES_MAX,
        tells=ImportedKeys,
        refuses=(HTTPStatus.CONFLICT,),
    ),
    Operation(
        name="listScopes",
        want=Want.LOOK,
        method="GET",
        path="/scopes",
        summary="List the scopes that keys may hold.",
        do=record.scopes,
        tells=ScopeList,
    ),
    Operation(
        name="listUsage",
        want=Want.LOOK,
        method="GET",
        path="/usage",
        summary="List what keys did on the callers' port, by day, by key or for all keys.",
        do=record.usage,
        query=ListUsage,
        tells=UsageList,
    ),
    Operation(
        name="listAudit",
        want=Want.LOOK,
        method="GET",
        path="/audit",
        summary="List what was done, oldest first unless asked otherwise.",
        do=record.audit,
        query=ListAudit,
        tells=AuditList,
    ),
    Operation(
        name="verifyAudit",
        want=Want.LOOK,
        method="GET",
        path="/audit/chain",
        summary="Verify that the record of what was done is whole.",
        do=record.chain,
        tells=ChainState,
    ),
    Operation(
        name="getOverview",
        want=Want.LOOK,
        method="GET",
        path="/overview",
        summary="Tell how the gateway fares: requests, refusals, what is open, keys, upstreams.",
        do=seen.overview,
        tells=Overview,
    ),
    Operation(
        name="reloadConfiguration",
        want=Want.DELETE,
        method="POST",
        path="/reload",
        summary="Read the configuration anew: all of it, or on any problem none. Takes keyhatch:admin.",
        do=reloading.reload,
        tells=ReloadTold,
    ),
    Operation(
        name="explainRequest",
        want=Want.LOOK,
        method="POST",
        path="/explain",
        summary="Say which route a request would meet, what it needs, and how a key would fare there.",
        do=record.explain,
        body=ExplainRequest,
        tells=Explained,
    ),
    Operation(
        name="listCredentials",
        want=Want.DELETE,
        method="GET",
        path="/credentials",
        summary="List the credentials of upstreams. Takes keyhatch:admin, as all about them does.",
        do=credentials.list_credentials,
        tells=CredentialList,
    ),
    Operation(
        name="getCredential",
        want=Want.DELETE,
        method="GET",
        path="/credentials/{name}",
        summary="Show a credential of upstreams, without its value.",
        do=credentials.show,
        tells=CredentialTold,
    ),
    Operation(
        name="putCredential",
        want=Want.DELETE,
        method="PUT",
        path="/credentials/{name}",
        summary="Set or replace a credential of upstreams. It counts from the next request on.",
        do=credentials.put,
        body=PutCredential,
        tells=CredentialTold,
        refuses=(HTTPStatus.CONFLICT,),
    ),
    Operation(
        name="deleteCredential",
        want=Want.DELETE,
        method="DELETE",
        path="/credentials/{name}",
        summary="Remove a credential. Its upstreams are closed until it is set again.",
        do=credentials.remove,
        tells=None,
        status=HTTPStatus.NO_CONTENT,
    ),
    Operation(
        name="testCredential",
        want=Want.DELETE,
        method="POST",
        path="/credentials/{name}/test",
        summary="Show a credential to its upstreams, with one request each, and tell what they say.",
        do=credentials.test,
        tells=TrialList,
    ),
    Operation(
        name="getMe",
        want=None,
        method="GET",
        path="/me",
        summary="Show the key that asks.",
        do=record.me,
        tells=KeyRecord,
    ),
)
