"""Guarantees of gateway/keeper/exports.py: what is read back was written so, and nothing else is taken."""

import hashlib
import json
from dataclasses import fields
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.keys import ApiKey
from gateway.keeper import exports
from gateway.keeper.desk import RuleBroken
from gateway.keeper.expiry import MOMENT_MAX
from gateway.keeper.exports import NotAnExport, as_data, end, head, line_of, read_export, whole_of
from gateway.keeper.ports import WholeKey
from tests.support.records import NOW, digest, record


def whole(number: int = 1, **changes: Any) -> WholeKey:
    key = record(f"key_{number:016d}", **changes)
    return WholeKey(key, {key.digest: False, digest("long ago"): True})


def written(*keys: WholeKey) -> bytes:
    lines = head(len(keys)) + b"".join(map(line_of, keys))
    return lines + end(hashlib.sha256(lines).hexdigest())


FULL = whole(
    2,
    allow_from=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
    note="Grüße\n",
    expires_at=NOW + 1,
    previous_digest=digest("before"),
    previous_preview="kh_…",
    previous_until_first_use=True,
    last_used_from="::1",
    use_count=7,
    revision=3,
    in_path=True,
)


def test_what_was_written_is_read_back() -> None:
    full = WholeKey(FULL.key, {**FULL.secrets, digest("before"): False})
    assert read_export(written(whole(), full)) == (whole(), full)
    assert read_export(written()) == ()


def test_every_field_of_a_record_is_in_it() -> None:
    assert set(as_data(whole())) == {*(each.name for each in fields(ApiKey)), "secrets"}
    assert written(FULL).isascii()


def test_digests_that_the_record_names_lead_to_it_whatever_secrets_says() -> None:
    told = as_data(FULL) | {"secrets": {}}
    assert set(whole_of(told).secrets) == {FULL.key.digest, digest("before")}


@pytest.mark.parametrize(
    "change",
    [
        *({name: None} for name in ("id", "name", "digest", "scopes", "created_at", "use_count", "secrets")),
        *({"id": each} for each in ("key_1", "", "../../etc/passwd")),
        *({"digest": each} for each in ("", "zz" * 32, "00" * 31)),
        {"scopes": "*"},
        {"scopes": [1]},
        {"scopes": {"a": 1}},
        {"expires_at": "1"},
        *({"expires_at": each} for each in (True, float("inf"), float("nan"), -float("inf"))),
        *({"use_count": each} for each in (-1, 1.5, True)),
        *(
            {name: each}
            for name in (
                "expires_at",
                "created_at",
                "last_used_at",
                "rotated_at",
                "revoked_at",
                "disabled_at",
            )
            for each in (1e15, 1e18, 10**400, -1, MOMENT_MAX + 1)
        ),
        *({"previous_secret_valid_until": each} for each in (1e17, -1e17)),
        *({"previous_secret_last_used_at": each} for each in (1e17, -1e17)),
        *({name: each} for name in ("use_count", "revision") for each in (2**52 + 1, 2**63 - 1, 10**30)),
        *(
            {name: each}
            for name in ("preview", "previous_preview", "last_used_from", "previous_secret_last_used_from")
            for each in ("A" * 65, f"kh_{'a1B2' * 12}x", "\x1b[2J", "\ud800")
        ),
        {"secrets": []},
        {"secrets": {"00": True}},
        {"secrets": {"ab" * 32: 1}},
        {"revision": 0},
        {"allow_from": ["10.0.0.1/8"]},
        {"allow_from": ["nowhere"]},
        {"previous_until_first_use": 1},
        {"in_path": 1},
        {"more": 1},
    ],
    ids=repr,
)
def test_what_we_would_not_have_written_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        whole_of(as_data(FULL) | change)


def test_an_export_from_before_keys_could_lead_paths_is_read() -> None:
    told = as_data(FULL)
    del told["in_path"]
    assert not whole_of(told).key.in_path


def test_a_record_that_lacks_a_field_or_is_none_is_refused() -> None:
    told = as_data(FULL)
    del told["note"]
    wrongs: tuple[object, ...] = (told, [], None, "x")
    for wrong in wrongs:
        with pytest.raises(ValueError, match="other fields"):
            whole_of(wrong)


def signed(lines: bytes) -> bytes:
    return lines + end(hashlib.sha256(lines).hexdigest())


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(b"", "no export", id="empty"),
        pytest.param(b"a,b\n", "no export of keyhatch keys export: of a list", id="a-list"),
        pytest.param(b"[" * 100_000, "no export", id="deep"),
        pytest.param(b'{"format":"keyhatch-keys","version":2}\n', "of a newer Keyhatch", id="newer"),
        pytest.param(head(0), "cut short or changed", id="no-end"),
        pytest.param(written(whole()).replace(b"laptop", b"latpop"), "cut short or changed", id="changed"),
        pytest.param(written(whole(), FULL)[:-100], "cut short or changed", id="cut-short"),
        pytest.param(signed(head(2) + line_of(whole())), "another number of records", id="count"),
        pytest.param(signed(head(1) + b'{"id":1}\n'), "line 2 of the export is no record", id="no-record"),
        pytest.param(signed(head(1) + b"nonsense\n"), "line 2 of the export is no record", id="no-json"),
    ],
)
def test_what_is_no_whole_export_is_refused_with_the_reason(raw: bytes, why: str) -> None:
    with pytest.raises(RuleBroken, match=why):
        read_export(raw)


def test_a_list_of_strings_is_told_from_a_broken_export() -> None:
    with pytest.raises(NotAnExport):
        read_export(b"sk-something\n")


def test_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "KEYS_MAX", 1)
    with pytest.raises(RuleBroken, match="2 keys are too many"):
        read_export(written(whole(), FULL))


@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise_anything_else(raw: bytes) -> None:
    for each in (
        raw,
        b'{"format":"keyhatch-keys","version":1,"count":1}\n' + raw,
        signed(head(1) + raw + b"\n"),
    ):
        with pytest.raises(RuleBroken):
            read_export(each)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda kids: st.lists(kids) | st.dictionaries(st.text(), kids),
    )
)
def test_no_value_in_a_record_makes_it_raise_anything_but_a_value_error(value: object) -> None:
    for name in as_data(FULL):
        told = json.loads(json.dumps(as_data(FULL))) | {name: value}
        try:
            whole_of(told)
        except (ValueError, TypeError):
            continue
