"""`keyhatch doctor`: everything that may be wrong around a gateway, one line each, with the mend.

A check is a function that takes the `Patient` and yields findings; its module says what it looks at, and
`gateway.cli.doctor.rounds` has the list. A new check goes into the module of its subject, or into a new one
and the list.
Checks look and never touch: nothing is made or changed, no lock of a gateway is taken, no credential is sent
anywhere.
"""

from gateway.cli.doctor.command import doctor

__all__ = ["doctor"]
