"""Guarantees of gateway/keeper/credential_uses.py: what upstreams say is noted, and written behind."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

import pytest

from gateway.core.refusal import Reason
from gateway.keeper.audit import Act
from gateway.keeper.credential_uses import CredentialUses, Loan
from gateway.keeper.credentials import CredentialNote
from gateway.keeper.ports import Exchange, StoreUnavailable
from gateway.store.memory import MemoryKeyStore
from tests.support.raw_connection import eventually
from tests.support.records import NOW, StillClock
from tests.support.vaults import sealed

INVALID = Reason.UPSTREAM_CREDENTIAL_INVALID


class Breakable(MemoryKeyStore):
    trouble: Exception | None = None
    written = 0

    async def note_credentials(self, notes: Sequence[CredentialNote]) -> None:
        if self.trouble is not None:
            raise self.trouble
        await super().note_credentials(notes)
        self.written += 1


class Noted:
    """Uses over a store in memory, with a credential of each kind on loan."""

    def __init__(self) -> None:
        self.store, self.clock, self.errors = Breakable(), StillClock(), 0
        self.uses = CredentialUses(self.store, self.clock, self._count)
        self.uses.loans = {
            "main": Loan("openai"),
            "shared": Loan("openai", is_certain=False),
            "text": Loan(None),
            "open": Loan(None, is_certain=False),
        }

    def _count(self) -> None:
        self.errors += 1

    def exchange(self, upstream: str | None, reason: Reason | None = None, *, answered: bool = True) -> None:
        self.uses.exchange_began()
        self.uses.exchange_ended(
            Exchange(
                request_id="r",
                kind="plain",
                method="GET",
                path="/",
                route_id="r",
                upstream=upstream,
                key_id=None,
                key_name=None,
                peer="",
                status=200,
                reason=reason,
                cut=None,
                bytes_in=0,
                bytes_out=0,
                duration_s=0.1,
                first_byte_s=0.1 if answered else None,
                own_s=None,
            )
        )

    def told(self) -> tuple[float | None, float | None]:
        latest = self.uses.latest(sealed())
        return latest.last_used_at, latest.refused_at


@pytest.fixture
def noted() -> Noted:
    return Noted()


def test_an_answer_is_a_use(noted: Noted) -> None:
    noted.exchange("main")
    assert noted.told() == (NOW, None)


@pytest.mark.parametrize("upstream", [None, "other"])
def test_an_upstream_that_is_lent_nothing_says_nothing(noted: Noted, upstream: str | None) -> None:
    noted.exchange(upstream, INVALID)
    assert noted.told() == (None, None)


def test_what_was_never_answered_says_nothing(noted: Noted) -> None:
    noted.exchange("main", INVALID, answered=False)  # a lock
    noted.exchange("main", Reason.UPSTREAM_UNREACHABLE, answered=False)
    assert noted.told() == (None, None)


def test_it_is_refused_from_the_first_time_until_it_is_taken_and_each_is_logged_once(
    noted: Noted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    noted.exchange("main", INVALID)
    noted.clock.time += 60
    noted.exchange("main", INVALID)
    assert noted.told() == (NOW + 60, NOW)
    noted.exchange("main", Reason.UPSTREAM_PROTOCOL)
    assert noted.told() == (NOW + 60, NOW)
    noted.exchange("main")
    noted.exchange("main")
    assert noted.told() == (NOW + 60, None)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "refused by its upstream since 2027-01-15T08:00:00Z" in told[0]
    assert "taken again" in told[1]


def test_where_callers_may_show_their_own_an_answer_does_not_say_that_ours_was_taken(noted: Noted) -> None:
    noted.exchange("shared", INVALID)
    noted.exchange("shared")
    assert noted.told() == (NOW, NOW)


def test_one_that_stands_in_the_configuration_is_told_of_in_the_log(
    noted: Noted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for upstream in ("text", "open"):
        for reason in (None, INVALID, INVALID, None, None):
            noted.exchange(upstream, reason)
    told = [record.getMessage() for record in caplog.records]
    assert ["refuses" in each for each in told] == [True, False, True]
    assert "'text'" in told[0]
    assert "'open'" in told[2]


async def test_what_was_noted_is_written_and_known_after_a_start(noted: Noted) -> None:
    await noted.store.put_credentials([sealed()], Act("set_credential"))
    noted.exchange("main", INVALID)
    await noted.uses.flush()
    [found] = await noted.store.credentials()
    assert (found.last_used_at, found.refused_at) == (NOW, NOW)
    after = CredentialUses(noted.store, noted.clock, lambda: None)
    after.know(found)
    after.know(sealed("other"))
    assert after.latest(found) == found
    after.accept("openai")
    await after.flush()
    assert [each.refused_at for each in await noted.store.credentials()] == [None]


async def test_a_flush_that_fails_loses_nothing(noted: Noted, caplog: pytest.LogCaptureFixture) -> None:
    await noted.store.put_credentials([sealed()], Act("set_credential"))
    noted.exchange("main")
    noted.store.trouble = StoreUnavailable("the disk is full")
    await noted.uses.flush()
    assert (noted.errors, "the disk is full" in caplog.text) == (1, True)
    noted.store.trouble = RuntimeError("an accident")
    with pytest.raises(RuntimeError):
        await noted.uses.flush()
    noted.store.trouble = None
    await noted.uses.flush()
    await noted.uses.flush()
    assert [each.last_used_at for each in await noted.store.credentials()] == [NOW]


async def test_flushes_go_on_after_an_accident(noted: Noted, caplog: pytest.LogCaptureFixture) -> None:
    await noted.store.put_credentials([sealed()], Act("set_credential"))
    noted.store.trouble = RuntimeError("an accident")
    noted.exchange("main")
    running = asyncio.ensure_future(noted.uses.run(0.0))
    await eventually(lambda: noted.errors or None, "an accident")
    noted.store.trouble = None
    await eventually(lambda: noted.store.written or None, "a flush")
    running.cancel()
    assert "it is tried again" in caplog.text


def test_a_new_value_begins_with_a_clean_sheet(noted: Noted) -> None:
    noted.exchange("main", INVALID)
    noted.uses.forget("openai")
    assert noted.told() == (NOW, None)


def test_the_later_of_two_uses_counts(noted: Noted) -> None:
    noted.exchange("main")
    stored = replace(sealed(), last_used_at=NOW + 9)
    assert noted.uses.latest(stored).last_used_at == NOW + 9
