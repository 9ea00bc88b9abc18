"""Guarantees of gateway/admin/control_words.py: nothing is lost on the way, nothing extra gets in."""

import json
from dataclasses import replace
from datetime import date
from ipaddress import ip_network
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.admin.control_words import (
    REFUSALS,
    AskCreate,
    AskList,
    AskRotate,
    AskUsage,
    AskVerify,
    TellIssued,
    TellKey,
    TellUsageDay,
    TellVerification,
    places,
)
from gateway.core.keys import ApiKey, Secret, Shape
from gateway.core.refusal import Reason
from gateway.keeper.days import USAGE_LIMIT_MAX, UsageDay, UsageQuery
from gateway.keeper.desk import KeyDraft, Verification
from tests.support.records import NOW, digest, record

FULL = record(
    "key_full",
    scopes=frozenset({"chat:*", "*:read"}),
    created_by="cli",
    owner="ann",
    note="two\nlines ☃",
    allow_from=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
    expires_at=NOW + 0.1,
    disabled_at=NOW + 0.2,
    revoked_at=NOW + 0.3,
    rotated_at=NOW + 0.4,
    previous_preview="kh_eFgH…sTuV",
    previous_until_first_use=True,
    previous_secret_valid_until=NOW + 0.5,
    previous_secret_last_used_at=NOW + 0.6,
    previous_secret_last_used_from="fd00::2",
    last_used_at=NOW + 0.7,
    last_used_from="fd00::1",
    use_count=2**53,
    in_path=True,
)
DRAFT: dict[str, Any] = {
    "name": "laptop",
    "scopes": ["chat:write"],
    "owner": "",
    "note": "",
    "allow_from": [],
    "expires_at": None,
    "created_by": "",
    "in_path": True,
}


@pytest.mark.parametrize("key", [record(), FULL], ids=["sparse", "full"])
def test_a_record_arrives_as_it_was_sent_without_its_digests(key: ApiKey) -> None:
    words = TellKey.model_validate(key).model_dump_json()
    arrived = TellKey.model_validate_json(words).key()
    assert arrived == replace(key, digest=b"")
    assert digest(key.id).hex() not in words


def test_a_record_has_a_word_for_every_field_but_the_digests() -> None:
    assert set(TellKey.model_fields) == set(ApiKey.__dataclass_fields__) - {"digest", "previous_digest"}


def test_a_draft_has_a_word_for_every_field() -> None:
    assert set(AskCreate.model_fields) == set(KeyDraft.__dataclass_fields__)
    assert AskCreate.model_validate_json(json.dumps(DRAFT)).draft() == KeyDraft(
        name="laptop", scopes=("chat:write",), expires_at=None, in_path=True
    )


@pytest.mark.parametrize("expires_at", ["default", None, NOW, 0])
def test_never_default_and_a_moment_are_told_apart(expires_at: Any) -> None:
    asked = AskCreate.model_validate_json(json.dumps(DRAFT | {"expires_at": expires_at}))
    assert asked.draft().expires_at == expires_at


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"name": 1},
        {"name": None},
        {"scopes": "chat:write"},
        {"scopes": [1]},
        {"expires_at": "never"},
        {"expires_at": True},
        {"expires_at": "1"},
    ],
    ids=str,
)
def test_a_draft_of_another_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AskCreate.model_validate_json(json.dumps(DRAFT | change))


def test_a_number_that_is_none_is_refused() -> None:
    for text in ("NaN", "Infinity", "-Infinity"):
        with pytest.raises(ValidationError):
            AskRotate.model_validate_json(f'{{"id_or_name": "x", "overlap_s": {text}}}')


def test_a_status_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError):
        AskList.model_validate_json('{"status": "asleep", "owner": null}')


@pytest.mark.parametrize(
    "found",
    [
        Verification(shape=Shape.NOT_OURS, looks_like="an OpenAI key", reason=Reason.CREDENTIAL_FOREIGN),
        Verification(shape=Shape.WELL_FORMED, reason=Reason.KEY_UNKNOWN),
        Verification(shape=Shape.WELL_FORMED, reason=Reason.KEY_REVOKED, facts={"since": "2027"}),
    ],
    ids=lambda found: found.reason.value,
)
def test_a_finding_arrives_as_it_was_sent(found: Verification) -> None:
    words = TellVerification.of(found).model_dump_json()
    assert TellVerification.model_validate_json(words).verification() == found


def test_a_finding_brings_its_record() -> None:
    words = TellVerification.of(Verification(shape=Shape.WELL_FORMED, key=record())).model_dump_json()
    arrived = TellVerification.model_validate_json(words).verification()
    assert arrived.key is not None
    assert arrived.key.id == "key_1"


def test_a_secret_is_in_the_words_and_never_in_what_is_printed() -> None:
    told = TellIssued.of(record(), Secret("kh_the-secret"))
    assert TellIssued.model_validate_json(told.model_dump_json()).secret == "kh_the-secret"
    assert "kh_the-secret" not in repr(told) + str(told)
    assert "kh_the-secret" not in repr(AskVerify(text="kh_the-secret"))


def test_what_is_wrong_is_named_by_its_place_and_not_repeated() -> None:
    with pytest.raises(ValidationError) as error:
        AskVerify.model_validate_json('{"text": 1, "kh_the-secret": "kh_the-secret", "other": 2}')
    assert "other" in places(error.value)
    assert "1" not in places(error.value)
    with pytest.raises(ValidationError) as error:
        AskVerify.model_validate_json("kh_the-secret")
    assert places(error.value) == "all of it"


def test_refusals_are_told_apart_by_kind_and_status() -> None:
    assert len({kind for kind, _, _ in REFUSALS}) == len(REFUSALS)
    for number, (_, _, exception) in enumerate(REFUSALS):
        assert not any(issubclass(exception, earlier) for _, _, earlier in REFUSALS[:number])


@pytest.mark.parametrize(
    "query",
    [
        UsageQuery(),
        UsageQuery(since=date(2027, 1, 1), per="total", limit=1, after=(date(2027, 1, 2), "key_1")),
    ],
    ids=["everything", "some"],
)
def test_a_query_for_usage_arrives_as_it_was_sent(query: UsageQuery) -> None:
    asked = {name: getattr(query, name) for name in AskUsage.model_fields if name != "id_or_name"}
    words = AskUsage(id_or_name=None, **asked).model_dump_json()
    assert AskUsage.model_validate_json(words).query() == query
    assert set(asked) == set(UsageQuery.__dataclass_fields__) - {"key_id"}


@pytest.mark.parametrize(
    "change",
    [
        {"limit": 0},
        {"limit": USAGE_LIMIT_MAX + 1},
        {"since": "yesterday"},
        {"until": "2027-02-30"},
        {"after": ["2027-01-01"]},
        {"per": "week"},
    ],
    ids=str,
)
def test_a_query_for_usage_of_another_form_is_refused(change: dict[str, Any]) -> None:
    fitting = {
        "id_or_name": None,
        "since": "2027-01-01",
        "until": "2027-01-31",
        "per": "key",
        "limit": USAGE_LIMIT_MAX,
        "after": None,
    }
    AskUsage.model_validate_json(json.dumps(fitting))
    with pytest.raises(ValidationError):
        AskUsage.model_validate_json(json.dumps(fitting | change))


def test_a_day_of_usage_arrives_as_it_was_sent() -> None:
    day = UsageDay("key_1", date(2027, 1, 15), 2**53, {Reason.SCOPE_MISSING: 1}, 3, 4, "fd00::1")
    words = TellUsageDay.model_validate(day).model_dump_json()
    assert TellUsageDay.model_validate_json(words).value() == day
    assert set(TellUsageDay.model_fields) == set(UsageDay.__dataclass_fields__)
