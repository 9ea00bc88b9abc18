"""The words of the control socket about credentials: there and back, and a value in no repr."""

from gateway.admin.credential_words import AskPutCredential, TellCredential, TellTrial
from gateway.keeper.credentials import CredentialRecord, CredentialState, Trial, TrialResult


def test_records_and_trials_travel_unchanged() -> None:
    record = CredentialRecord("a", "****", CredentialState.LOCKED, 1.0, "host", None, 2.0, ("main",), "why")
    assert TellCredential.model_validate(record).record() == record
    trial = Trial("main", TrialResult.REFUSED, "GET /", 401)
    assert TellTrial.model_validate(trial).trial() == trial


def test_a_value_stands_in_no_repr() -> None:
    assert "sk-1" not in repr(AskPutCredential(name="a", value="sk-1"))
