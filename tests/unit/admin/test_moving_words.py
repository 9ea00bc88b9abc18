"""Guarantees of gateway/admin/moving_words.py: what is said is what is heard, and nothing else is."""

import pytest
from pydantic import ValidationError

from gateway.admin.moving_words import AskDigests, AskExport, AskImport, TellExport, TellImported
from gateway.keeper.batch import DIGESTS_MAX, PAGE_KEYS_MAX, Existing, Imported, KeyImport, Named
from gateway.keeper.desk import RuleBroken
from gateway.keeper.ports import WholeKey
from tests.support.records import NOW, digest, record

KEY = record("key_0000000000000001", previous_digest=digest("before"))
WHOLE = WholeKey(KEY, {KEY.digest: True, digest("before"): False})
ASKED = KeyImport(
    existing=(Existing(name="app", digest=digest("x"), preview="x…", line=3),),
    records=(WHOLE,),
    scopes=("a:b",),
    owner="ann",
    expires_at=NOW,
    skip_existing=True,
)


def test_an_import_is_heard_as_it_was_said() -> None:
    said = AskImport.of(ASKED).model_dump_json()
    assert AskImport.model_validate_json(said).asked() == ASKED


def test_an_answer_is_heard_as_it_was_said() -> None:
    told = Imported((Named("key_1", "app", "x…"),), 2)
    assert TellImported.model_validate_json(TellImported.of(told).model_dump_json()).imported() == told
    page = TellExport.of([(7, WHOLE)]).model_dump_json()
    assert TellExport.model_validate_json(page).whole_keys() == [(7, WHOLE)]


def test_a_record_that_is_none_is_refused_in_words() -> None:
    asked = AskImport.of(ASKED).model_copy(update={"records": ({"id": 1},)})
    with pytest.raises(RuleBroken, match="a record cannot be read"):
        asked.asked()


@pytest.mark.parametrize("wrong", ["", "ab", "AB" * 32, "ab" * 32 + "\n", "zz" * 32])
def test_a_digest_has_one_spelling(wrong: str) -> None:
    with pytest.raises(ValidationError):
        AskDigests(digests=(wrong,))


def test_what_is_asked_is_bounded() -> None:
    with pytest.raises(ValidationError):
        AskDigests(digests=("ab" * 32,) * (DIGESTS_MAX + 1))
    for limit in (0, PAGE_KEYS_MAX + 1):
        with pytest.raises(ValidationError):
            AskExport(after=0, limit=limit)


def test_no_repr_shows_a_digest() -> None:
    shown = repr((AskImport.of(ASKED), TellExport.of([(7, WHOLE)])))
    assert KEY.digest.hex() not in shown
