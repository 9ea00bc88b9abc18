"""Guarantees of gateway/keeper/signing.py: what is signed opens, and nothing is signed that should not be."""

import re

import pytest

from gateway.core.credentials import find
from gateway.core.decision import Allow, NeedKey
from gateway.core.keys import ApiKey, compose_secret, digest_of
from gateway.core.ours import Ours
from gateway.core.refusal import Deny, Reason
from gateway.core.request import RequestView, Target, read_target
from gateway.core.signed_url import digest_behind
from gateway.keeper.desk import RuleBroken, StateConflict
from gateway.keeper.signing import Signer, nothing_signs
from tests.support.records import NOW, digest, record
from tests.unit.keeper.stage import EPOCH_S, PEER, DictStore, keeper_of, key_of, view_of

SIGNING = bytes(range(32))
SIGNER = Signer(SIGNING, "kh", 3_600.0)
SECRET = compose_secret("kh", bytes(32)).reveal()


@pytest.mark.parametrize(
    ("address", "begins"),
    [
        ("/audio/a.mp3", "/audio/a.mp3?kh_key="),
        ("/audio/a.mp3?voice=anna&x=%2F", "/audio/a.mp3?voice=anna&x=%2F&kh_key="),
        ("/audio/a.mp3?", "/audio/a.mp3?kh_key="),
        ("/", "/?kh_key="),
        ("https://gate.example:8080/a?b=1", "https://gate.example:8080/a?b=1&kh_key="),
        ("HTTP://[::1]:8080/a", "HTTP://[::1]:8080/a?kh_key="),
        ("http://gate.example", "http://gate.example/?kh_key="),
    ],
)
def test_what_is_signed_is_what_will_be_asked_for(address: str, begins: str) -> None:
    key = record()
    told = SIGNER.sign(key, address, 300, NOW + 0.5)
    assert told.address.startswith(begins)
    assert (told.key_id, told.expires_at) == (key.id, float(int(NOW + 300)))
    target = read_target(re.sub("(?i)^https?://[^/]*", "", told.address).encode())
    assert isinstance(target, Target)
    signed = find(RequestView("GET", target, (), "::1"), Ours("kh")).signed
    assert signed is not None
    assert signed.expires_at == int(told.expires_at)
    assert digest_behind(SIGNING, signed, key) == key.digest


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "must begin with '/'"),
        ("audio/a.mp3", "must begin with '/'"),
        ("/a b", "percent-encoded"),
        ("/a/../b", "dot segments"),
        ("/a#b", "no fragment"),
        ("/ä", "percent-encoded"),
        ("/\udcff", "percent-encoded"),
        ("ftp://gate/a", "must begin with '/'"),
        ("http://x:y@gate/a", "a user or a password"),
        ("http://gate\r\nx/a", "begin with '/'"),
        ("http://g ate/a", "begin with '/'"),
        ("https://gate\u202e/a", "begin with '/'"),
        ("https://\x1b[2Jgate", "begin with '/'"),
        (f"http://{SECRET}@gate/a", "a user or a password"),
        ("/a?kh_expires=1", "signed already"),
        ("/a?b&kh%5Fkey=1", "signed already"),
        (f"/k/{SECRET}/a", "a key"),
        (f"/a?access_token={SECRET}", "a key"),
        (f"/a?b={SECRET}", "a key"),
    ],
)
def test_what_could_not_be_opened_or_holds_a_credential_is_not_signed(address: str, why: str) -> None:
    with pytest.raises(RuleBroken, match=re.escape(why)) as refusal:
        SIGNER.sign(record(), address, 300, NOW)
    assert [each.field for each in refusal.value.problems] == ["path"]
    assert SECRET not in str(refusal.value)


def test_what_was_signed_is_not_signed_again() -> None:
    told = SIGNER.sign(record(), "/a", 300, NOW)
    with pytest.raises(RuleBroken, match="signed already"):
        SIGNER.sign(record(), told.address, 300, NOW)


@pytest.mark.parametrize("life_s", [0, -1, 0.5, 3_601, 1e300])
def test_an_address_lives_no_longer_than_it_may(life_s: float) -> None:
    with pytest.raises(RuleBroken, match="from 1 to 3600 seconds") as refusal:
        SIGNER.sign(record(), "/a", life_s, NOW)
    assert [each.field for each in refusal.value.problems] == ["expires_in"]


def test_an_address_ends_no_later_than_its_key() -> None:
    assert SIGNER.sign(record(expires_at=NOW + 10), "/a", 300, NOW).expires_at == NOW + 10


@pytest.mark.parametrize(
    "dead",
    [record(revoked_at=NOW), record(expires_at=NOW), record(disabled_at=NOW)],
    ids=["revoked", "expired", "disabled"],
)
def test_a_key_that_does_not_work_signs_nothing(dead: ApiKey) -> None:
    with pytest.raises(StateConflict, match="no address opens with it"):
        SIGNER.sign(dead, "/a", 300, NOW)


def test_the_old_secret_signs_for_itself_within_the_overlap_alone() -> None:
    before = digest("before")
    key = record(previous_digest=before, previous_secret_valid_until=NOW + 10, rotated_at=NOW)
    assert SIGNER.sign(key, "/a", 300, NOW, before).address != SIGNER.sign(key, "/a", 300, NOW).address
    with pytest.raises(StateConflict, match="key_rotated"):
        SIGNER.sign(key, "/a", 300, NOW + 10, before)
    with pytest.raises(StateConflict, match="key_rotated"):
        SIGNER.sign(key, "/a", 300, NOW, digest_of("another"))


def test_without_a_vaults_key_nothing_is_signed_and_the_mend_is_told() -> None:
    with pytest.raises(StateConflict, match=r"name its file in vault\.key_file"):
        Signer(nothing_signs(), "kh", 3_600.0).sign(record(), "/a", 300, NOW)


# --- At the gate --------------------------------------------------------------------------------------


def signed_view(key: ApiKey) -> RequestView:
    address = SIGNER.sign(key, "/chat", 300, EPOCH_S).address
    return view_of(None, address)


async def test_the_gate_asks_the_store_once_and_counts_each_time_as_a_use_of_the_key() -> None:
    key = key_of(1)
    store = DictStore(key)
    keeper = keeper_of(store)
    keeper.signing = SIGNING
    need = keeper.peek(signed_view(key))
    assert isinstance(need, NeedKey)
    first = await keeper.settle(need)
    assert isinstance(first, Allow)
    assert (first.key, first.digest, store.asked) == (key, key.digest, [key.id])
    again = keeper.peek(signed_view(key))
    assert isinstance(again, Allow)
    assert len(store.asked) == 1
    assert keeper.usage.last_of(key.id) == (EPOCH_S, PEER)


async def test_an_address_is_no_first_use_of_a_new_secret() -> None:
    key = key_of(
        1,
        previous_digest=digest("before"),
        previous_secret_valid_until=EPOCH_S + 60,
        previous_until_first_use=True,
        rotated_at=EPOCH_S,
    )
    keeper = keeper_of(DictStore(key))
    keeper.signing = SIGNING
    need = keeper.peek(signed_view(key))
    assert isinstance(need, NeedKey)
    told = await keeper.settle(need)
    assert isinstance(told, Allow)
    assert told.key == key
    assert keeper.latest(key).overlap_runs(EPOCH_S)


async def test_an_address_of_no_key_is_asked_for_once() -> None:
    store = DictStore()
    keeper = keeper_of(store)
    keeper.signing = SIGNING
    for _ in range(3):
        decision = keeper.peek(signed_view(key_of(1)))
        told = await keeper.settle(decision) if isinstance(decision, NeedKey) else decision
        assert isinstance(told, Deny)
        assert told.reason is Reason.SIGNATURE_INVALID
    assert len(store.asked) == 1
