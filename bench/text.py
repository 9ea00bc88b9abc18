"""Fills configuration text: ``@port@`` becomes the port.

Braces and ``$`` stay what they are, because they belong to the languages of the peers.
"""

import re


def fill(text: str, **values: object) -> str:
    """``text`` with each ``@name@`` replaced; KeyError for a name that has no value."""
    return re.sub(r"@([a-z_]+)@", lambda found: str(values[found[1]]), text)
