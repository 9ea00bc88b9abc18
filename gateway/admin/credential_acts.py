"""What the control socket answers about credentials: one act each, asked of the credentials' desk."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from gateway.admin.control_words import AskNothing, Words
from gateway.admin.credential_words import (
    AskCredential,
    AskPutCredential,
    AskRekey,
    TellCredential,
    TellCredentials,
    TellRekeyed,
    TellTrial,
    TellTrials,
)
from gateway.config.vault_section import vault_key_of
from gateway.keeper.credentials import CredentialDesk
from gateway.keeper.desk import RuleBroken

CredentialAct = tuple[type[Words], Callable[[CredentialDesk, Any], Awaitable[Words]]]


async def _list(desk: CredentialDesk, asked: AskNothing) -> Words:  # noqa: ARG001 - every act has this shape
    found = await desk.list_credentials()
    return TellCredentials(credentials=tuple(map(TellCredential.model_validate, found)))


async def _get(desk: CredentialDesk, asked: AskCredential) -> Words:
    return TellCredential.model_validate(await desk.get_credential(asked.name))


async def _put(desk: CredentialDesk, asked: AskPutCredential) -> Words:
    return TellCredential.model_validate(await desk.put_credential(asked.name, asked.value))


async def _remove(desk: CredentialDesk, asked: AskCredential) -> Words:
    return TellCredential.model_validate(await desk.remove_credential(asked.name))


async def _test(desk: CredentialDesk, asked: AskCredential) -> Words:
    found = await desk.test_credential(asked.name)
    return TellTrials(trials=tuple(map(TellTrial.model_validate, found)))


async def _rekey(desk: CredentialDesk, asked: AskRekey) -> Words:
    raw = vault_key_of(asked.key)
    if raw is None:
        raise RuleBroken("that is no key of a vault")
    return TellRekeyed(count=await desk.rekey(raw))


CREDENTIAL_ACTS: Final[dict[str, CredentialAct]] = {
    "list_credentials": (AskNothing, _list),
    "get_credential": (AskCredential, _get),
    "put_credential": (AskPutCredential, _put),
    "remove_credential": (AskCredential, _remove),
    "test_credential": (AskCredential, _test),
    "rekey": (AskRekey, _rekey),
}
