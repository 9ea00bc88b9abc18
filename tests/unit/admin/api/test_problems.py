"""Guarantees of gateway/admin/api/problems.py: each refusal at the desk has one status, code and sentence."""

import json
from http import HTTPStatus

import pytest

from gateway.admin.api.problems import NO_SUCH_KEY, Code, Refused, invalid, malformed, problem_of
from gateway.core.refusal import Reason
from gateway.keeper.desk import NameAmbiguous, NotAllowed, Outdated, Problem, RuleBroken, StateConflict
from gateway.keeper.ports import KeyNotFound, StoreUnavailable
from gateway.store.faults import StoreFull

PATH = "/var/lib/keyhatch/keyhatch.db"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Outdated("it was rotated"), 409, "outdated"),
        (StateConflict("it was revoked"), 409, "state_conflict"),
        (NameAmbiguous("two keys have it"), 409, "state_conflict"),
        (RuleBroken("it has too many"), 422, "field_invalid"),
        (NotAllowed("this takes more"), 403, "not_allowed"),
    ],
)
def test_a_refusal_at_the_desk_is_told_in_its_words(error: Exception, status: int, code: str) -> None:
    told = problem_of(error)
    assert told is not None
    assert (told.status, told.code, told.errors) == (status, code, ())
    words = str(error)
    assert told.detail == f"{words[0].upper()}{words[1:]}."


def test_broken_rules_are_told_by_field_all_at_once() -> None:
    problems = (Problem("name", "is taken"), Problem("owner", "is unknown"))
    told = problem_of(RuleBroken("both", problems))
    assert told is not None
    assert (told.status, told.code, told.errors) == (422, "field_invalid", problems)
    assert "2 fields are" in told.detail
    assert "a field is" in invalid(problems[:1]).problem.detail


def test_a_key_that_is_not_there_is_told_without_its_id() -> None:
    told = problem_of(KeyNotFound("there is no key with the id key_0123456789abcdef"))
    assert told is not None
    assert (told.status, told.code, told.detail) == (404, "key_not_found", NO_SUCH_KEY)


@pytest.mark.parametrize(
    ("error", "status", "code", "headers"),
    [
        (StoreUnavailable(PATH), 503, "store_unavailable", {"Retry-After": "1"}),
        (StoreFull(PATH), 507, "store_full", None),
    ],
)
def test_trouble_of_the_store_names_no_path(
    error: Exception, status: int, code: str, headers: dict[str, str] | None
) -> None:
    told = problem_of(error)
    assert told is not None
    assert (told.status, told.code, told.headers) == (status, code, headers)
    assert PATH not in told.text("id")


@pytest.mark.parametrize("error", [ZeroDivisionError(), ValueError("x"), OSError(2, "x"), KeyError("x")])
def test_an_accident_is_no_refusal(error: Exception) -> None:
    assert problem_of(error) is None


def test_a_problem_is_what_rfc_9457_says() -> None:
    headers = {"Accept": "application/json"}
    refused = Refused(HTTPStatus.FORBIDDEN, Code.NOT_ALLOWED, 'Not "this".', [Problem("a", "é")], headers)
    told = problem_of(refused)
    assert told is refused.problem
    assert json.loads(told.text("0123")) == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "code": "not_allowed",
        "detail": 'Not "this".',
        "errors": [{"field": "a", "message": "é"}],
        "request_id": "0123",
    }
    assert told.headers == headers
    assert str(refused) == 'Not "this".'


def test_what_cannot_be_read_is_400() -> None:
    told = malformed("No.").problem
    assert (told.status, told.code, told.detail) == (400, "request_malformed", "No.")


def test_codes_and_reasons_that_are_spelled_alike_mean_the_same() -> None:
    both = {code.value for code in Code} & {reason.value for reason in Reason}
    assert both == {"body_too_large", "request_malformed", "request_timeout", "store_unavailable"}
