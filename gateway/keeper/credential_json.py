"""A credential as it is told to people and programs, by the management API and the command line alike."""

from typing import Any

from gateway.keeper.credentials import CredentialRecord, Trial
from gateway.wire.key_json import rfc3339


def credential_json(record: CredentialRecord) -> dict[str, Any]:
    """A credential without its value."""
    return {
        "name": record.name,
        "preview": record.preview,
        "state": record.state.value,
        "why": record.why,
        "set_at": rfc3339(record.set_at),
        "set_by": record.set_by,
        "last_used_at": rfc3339(record.last_used_at),
        "refused_at": rfc3339(record.refused_at),
        "upstreams": list(record.upstreams),
    }


def trial_json(trial: Trial) -> dict[str, Any]:
    """What one upstream said."""
    return {
        "upstream": trial.upstream,
        "result": trial.result.value,
        "asked": trial.asked,
        "status": trial.status,
    }
