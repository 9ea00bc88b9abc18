"""The acts on credentials over the control socket are those of their desk."""

from gateway.admin.control_app import ACTS
from gateway.admin.credential_acts import CREDENTIAL_ACTS
from gateway.keeper.credentials import CredentialDesk


def test_the_acts_are_those_of_the_desk() -> None:
    desk = {name for name in vars(CredentialDesk) if not name.startswith("_")}
    assert set(CREDENTIAL_ACTS) == desk - {"acting"}
    assert not set(CREDENTIAL_ACTS) & set(ACTS)
