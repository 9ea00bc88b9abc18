"""Signing addresses: who asks for one says for which key, what it opens, and for how long.

1. Only a key that works now can stand behind an address, and the address ends no later than the key does.
2. What is signed is a target that the gateway would take as it is: nothing in it is changed, and nothing in
   it is a credential. Scheme and host before it are kept, for whoever pastes a whole URL, and are not signed.
3. How long an address may live is bounded by the configuration (`keys.signed_url_max`).
4. Without a vault's key nothing is signed: whoever has a copy of the store must not be able to.

Nothing is written and nothing is recorded: an address counts as a use of its key when it is opened.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from gateway.core.credentials import find
from gateway.core.keys import ApiKey
from gateway.core.ours import Ours
from gateway.core.policy import standing
from gateway.core.refusal import Deny
from gateway.core.request import RequestView, Target, read_target
from gateway.core.signed_url import sign, signed_query
from gateway.keeper.desk import Problem, RuleBroken, SignedAddress, StateConflict

LIFE_S: Final = 300.0
"""How long an address lives unless said otherwise."""

NO_SIGNING: Final = (
    "addresses are signed with a key that is derived from the vault's, and there is none: make one with "
    "keyhatch credentials new-key, name its file in vault.key_file, and reload"
)

_SERVER: Final = re.compile(r"(?i:https?)://[!-~]*?(?=[/?#]|\Z)")

Signing = Callable[[], bytes | None]
"""What addresses are signed with, None where there is nothing."""


def nothing_signs() -> bytes | None:
    """Where nobody said what signs."""
    return None


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs addresses under one prefix, with `key` (None: with nothing), for at most `life_s_max` seconds."""

    key: bytes | None
    prefix: str
    life_s_max: float

    def sign(
        self, record: ApiKey, address: str, life_s: float, now: float, digest: bytes | None = None
    ) -> SignedAddress:
        """The address, to be opened by whoever has it; raises `RuleBroken` or `StateConflict`.

        It stands for the secret with this digest, unless said otherwise for the key's present one.
        """
        digest = digest or record.digest
        server, target = self._read(address)
        if not 1 <= life_s <= self.life_s_max:
            _refuse(
                "expires_in",
                f"an address lives from 1 to {self.life_s_max:.0f} seconds (keys.signed_url_max)",
            )
        if self.key is None:
            raise StateConflict(NO_SIGNING)
        dead = standing(record, digest, now)
        if dead is not None:
            raise StateConflict(
                f"key {record.id} does not work ({dead.reason.value}): no address opens with it"
            )
        until = now + life_s if record.expires_at is None else min(now + life_s, record.expires_at)
        ends, path = int(until), target.path.encode("ascii")
        signature = sign(self.key, digest, record.id, path, target.query, ends)
        query = signed_query(self.prefix, target.query, record.id, ends, signature)
        return SignedAddress(record.id, f"{server}{target.path}?{query.decode('ascii')}", float(ends))

    def _read(self, address: str) -> tuple[str, Target]:
        found = _SERVER.match(address)
        server = "" if found is None else found[0]
        path = address[len(server) :] or ("/" if server else "")
        target = read_target(path.encode("utf-8", "surrogatepass"))
        if isinstance(target, Deny):
            _refuse("path", f"this path cannot be opened: {target.facts['rule']}")
        if "@" in server:
            _refuse("path", "the address holds a user or a password: leave them out")
        seen = find(RequestView("GET", target, (), ""), Ours(self.prefix))
        if seen.is_signed:
            _refuse("path", "the address is signed already, or has such a parameter: leave it out")
        if seen.ours or seen.in_path:
            _refuse("path", "the address holds a key: leave it out")
        return server, target


def _refuse(field: str, message: str) -> NoReturn:
    raise RuleBroken(message, (Problem(field, message),))
