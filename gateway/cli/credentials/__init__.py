"""`keyhatch credentials …`: what upstreams ask of the gateway, kept in the vault, told to nobody.

Every command goes through `gateway.keeper.credentials.CredentialDesk`, directly at the store or at the server
that holds it, so a running gateway lends what was set from the next request on. No command takes a credential
as an argument, and none prints one.
"""

from gateway.cli.credentials.group import credentials

__all__ = ["credentials"]
