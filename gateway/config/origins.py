"""How CORS is written: off, on, or the origins of pages as browsers name them."""

import re
from typing import Annotated, Final

from pydantic import PlainSerializer, PlainValidator

from gateway.config.fields import read_switch
from gateway.config.problems import Unfit
from gateway.core.cors import ANY_ORIGIN, Cors

_ORIGIN: Final = re.compile(
    r"([a-z][a-z0-9+.-]*)://(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?"
)
_OWN_PORTS: Final = {"http": ":80", "https": ":443"}
_NOBODY: Final = {
    "*": "on answers every origin",
    "null": "many pages call themselves so, and none can be told",
}


def read_cors(value: object) -> Cors | None:
    """`off`, `on` for any origin, or a list of origins."""
    if value is None:
        raise Unfit("has no value: give it one, or remove the key")
    if isinstance(value, Cors):
        return value
    if isinstance(value, (list, tuple)):
        if not value:
            raise Unfit("lists nobody: off says so plainly")
        return Cors(frozenset(map(_read_origin, value)))
    try:
        return ANY_ORIGIN if read_switch(value) else None
    except Unfit:
        raise Unfit("must be off, on, or a list of origins, like [https://app.example]") from None


def _read_origin(value: object) -> str:
    text = str(value)
    match = _ORIGIN.fullmatch(text)
    if match is None:
        bare = text.rstrip("/").lower()
        meant = f"did you mean '{bare}'?" if _ORIGIN.fullmatch(bare) else ""
        raise Unfit(
            "must hold origins as browsers name them, like https://app.example or http://nas:3000",
            _NOBODY.get(text, meant),
        )
    if match[2] is not None and match[2] == _OWN_PORTS.get(match[1]):
        meant = text[: match.start(2)]
        raise Unfit("must leave out the scheme's own port, as browsers do", f"did you mean '{meant}'?")
    return text


def write_cors(cors: Cors | None) -> str | list[str]:
    """The same as it is written."""
    if cors is None:
        return "off"
    return "on" if cors.any_origin else sorted(cors.origins)


CorsField = Annotated[
    Cors | None, PlainValidator(read_cors), PlainSerializer(write_cors, return_type=str | list[str])
]
