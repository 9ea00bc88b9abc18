"""Guarantees of gateway/keeper/credential_json.py: people and programs are told the same, and no value."""

from gateway.keeper.credential_json import credential_json, trial_json
from gateway.keeper.credentials import CredentialRecord, CredentialState, Trial, TrialResult
from tests.support.records import NOW


def test_a_credential_is_told_in_the_words_of_the_api() -> None:
    record = CredentialRecord(
        "openai", "sk-r…def", CredentialState.REFUSED, NOW, "host:0", None, NOW + 1, ("main",), "set another"
    )
    assert credential_json(record) == {
        "name": "openai",
        "preview": "sk-r…def",
        "state": "refused",
        "why": "set another",
        "set_at": "2027-01-15T08:00:00Z",
        "set_by": "host:0",
        "last_used_at": None,
        "refused_at": "2027-01-15T08:00:01Z",
        "upstreams": ["main"],
    }


def test_a_trial_is_told_with_what_was_asked() -> None:
    trial = Trial("main", TrialResult.ACCEPTED, "GET /v1/models", 200)
    assert trial_json(trial) == {
        "upstream": "main",
        "result": "accepted",
        "asked": "GET /v1/models",
        "status": 200,
    }
