"""Guarantees of gateway/service/lender.py: what is lent follows configuration, key and records."""

import logging
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from gateway.config.load import Loaded, load
from gateway.keeper.audit import Act
from gateway.keeper.credential_uses import Loan
from gateway.keeper.credentials import Trial, TrialResult
from gateway.service.lender import Lender, judge
from gateway.store.memory import MemoryKeyStore
from tests.support.records import StillClock
from tests.support.vaults import OTHER_RAW, RAW, VALUE, sealed

UPSTREAMS = {
    "main": {"url": "http://127.0.0.1:1", "credential": "vault:openai"},
    "open": {"url": "http://127.0.0.1:2", "credential": "sk-1", "pass_caller_credential": "on"},
    "plain": {"url": "http://127.0.0.1:3"},
}


def loaded(raw: bytes | None = RAW, **sections: Any) -> Loaded:
    vault = {} if raw is None else {"key": b64encode(raw).decode()}
    given = {"vault": vault, "upstreams": UPSTREAMS, **sections}
    return load(None, {}, {}, given=given, need_upstream=False)


@pytest.fixture
def changes() -> list[str]:
    return []


@pytest.fixture
async def lender(changes: list[str]) -> Lender:
    """Holds one credential, and has taken nothing yet."""
    store = MemoryKeyStore()
    await store.put_credentials([sealed()], Act("set_credential"))
    made = Lender(
        store, StillClock(), on_store_error=lambda: None, on_change=lambda: changes.append("changed")
    )
    await made.load()
    return made


async def test_upstreams_are_lent_what_the_configuration_says(lender: Lender) -> None:
    lender.take(loaded())
    assert lender.uses.loans == {"main": Loan("openai"), "open": Loan(None, is_certain=False)}
    assert lender.reveal("openai") == VALUE
    assert (lender.locked(), await lender.warning()) == ({}, None)


async def test_each_configuration_brings_its_key(lender: Lender) -> None:
    for raw, value in ((RAW, VALUE), (OTHER_RAW, None), (None, None), (RAW, VALUE)):
        lender.take(loaded(raw))
        assert lender.reveal("openai") == value


async def test_what_cannot_be_lent_is_logged_once_each_way(
    lender: Lender, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for raw in (None, None, OTHER_RAW, RAW, RAW):
        lender.take(loaded(raw))
        lender.tell()
    told = [record.getMessage() for record in caplog.records]
    assert ["cannot be used" in each for each in told] == [True, True, False]
    assert "can be used again" in told[2]


@pytest.mark.parametrize(("raw", "bad"), [(RAW, 1), (None, 2)])
async def test_anybody_may_be_told_how_many_do_not_work_and_no_name(
    lender: Lender, raw: bytes | None, bad: int
) -> None:
    missing = {"url": "http://127.0.0.1:9", "credential": "vault:missing"}
    lender.take(loaded(raw, upstreams={**UPSTREAMS, "more": missing}))
    warning = await lender.warning()
    assert warning is not None
    assert warning.startswith(f"{bad} credential")
    assert "openai" not in warning


async def test_where_no_upstream_names_one_nothing_is_warned_of(lender: Lender) -> None:
    lender.take(loaded(None, upstreams={"plain": UPSTREAMS["plain"]}))
    assert (lender.locked(), await lender.warning()) == ({}, None)


async def test_a_change_at_the_desk_is_told(lender: Lender, changes: list[str]) -> None:
    lender.take(loaded())
    told = await lender.vault.put_credential("openai", "sk-new")
    assert (lender.reveal("openai"), told.upstreams, changes) == ("sk-new", ("main",), ["changed"])


async def test_records_that_another_program_changed_are_read_anew(lender: Lender) -> None:
    lender.take(loaded())
    assert lender.reveal("openai") == VALUE
    await lender._store.put_credentials([sealed(value="sk-2", version=2)], Act("restore"))
    await lender.load()
    assert lender.reveal("openai") == "sk-2"


async def test_a_trial_asks_the_upstreams_that_are_lent_it(lender: Lender) -> None:
    lender.take(loaded())
    found = await lender.vault.test_credential("openai")
    assert found == [Trial("main", TrialResult.UNREACHABLE, "GET /v1/models")]
    lender.take(loaded(upstreams={"plain": UPSTREAMS["plain"]}))
    assert await lender.vault.test_credential("openai") == []


async def test_a_key_that_others_can_read_is_warned_of(
    lender: Lender, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "vault.key"
    path.write_bytes(b64encode(RAW))
    path.chmod(0o644)
    lender.take(load(None, {}, {}, given={"vault": {"key_file": str(path)}}, need_upstream=False))
    assert lender.reveal("openai") == VALUE
    assert "chmod 600" in caplog.text


def test_a_name_and_a_value_are_judged_at_once() -> None:
    assert judge("openai", "sk-1") == ()
    assert [each.field for each in judge("Open AI", "")] == ["name", "value"]


def test_what_opens_a_vault_is_not_loaded_before_somebody_needs_it() -> None:
    script = "import sys, gateway.service.gateway; print('cryptography' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


async def test_a_configuration_that_was_not_put_in_force_leaves_no_trace(lender: Lender) -> None:
    for raw in (RAW, None):  # the vault is made with the first reveal
        with pytest.raises(RuntimeError), lender.taking(loaded(OTHER_RAW, upstreams={})):
            raise RuntimeError
        lender.take(loaded(raw))
        with pytest.raises(RuntimeError), lender.taking(loaded(OTHER_RAW, upstreams={})):
            raise RuntimeError
        assert lender.reveal("openai") == (VALUE if raw else None)
        assert set(lender.uses.loans) == {"main", "open"}
    with lender.taking(loaded()):
        pass
    assert lender.reveal("openai") == VALUE
