"""The scrubber: blanks whatever has the form of a credential in a text, as the second line of defence.

The first line is that no code logs a secret. This one assumes that somebody did: an upstream's error, a
library's debug line, a key pasted into a path. It goes by form alone, so it cannot know an imported secret of
no form (docs/moving-in.md says not to put one into a path), and it would rather blank a harmless word than
leave a key. What it knows:

1. Our keys, under every configured prefix: `kh_` and at least 16 base62 characters (a preview such as
   `kh_AbCd…wXyZ` stays), percent-encoded once or many times too, in the prefix or in the body.
2. What follows `Bearer` or `Basic`, a header or parameter named for a credential or a signature, or the
   subprotocol `openai-insecure-api-key.`; and the user and password of a URL.
3. Other services' keys by their documented prefixes, and JSON Web Tokens.

Each pattern is linear: no alternative can match the same text in two ways. And each is run only on a text
that holds one of its hints, because looking for a fixed text is twenty times faster than any pattern.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

MASK: Final = "****"
BODY_CHARS_MIN: Final = 16
"""Fewer than 96 of a key's 256 random bits may stay: enough to tell keys apart, not enough to guess one."""

SECRET_NAMES: Final = frozenset(
    {"authorization", "proxy_authorization", "cookie", "set_cookie", "password", "passwd", "secret"}
    | {"api_key", "apikey", "x_api_key", "xi_api_key", "x_goog_api_key", "token", "access_token"}
    | {"refresh_token", "id_token", "client_secret", "private_key", "sec_websocket_protocol"}
)
"""Names (lower case, `-` as `_`) whose values are blanked whole, in headers and in structured fields."""

Scrub = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Rule:
    """Blank what `pattern` finds by `mask`; it finds nothing in a lower-cased text without any of `hints`."""

    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    mask: str


def _after(hints: str, start: str, rest: str) -> Rule:
    """A rule that keeps what `start` (with one group) matches and blanks what `rest` matches behind it."""
    return Rule(tuple(hints.split()), re.compile(start + rest), rf"\1{MASK}")


_B64: Final = r"[0-9A-Za-z._~+/%=-]"  # the b64token of RFC 6750, and what percent-encoding makes of it
_IS: Final = r"(?:[\"']?\s*(?:[=:]|%3[Dd]|%3[Aa])\s*|[\"'],\s*)b?[\"']?"  # between a name and its value
_NAMED: Final = (
    r"(?:access|refresh|id)[_-]token|api[_-]?key|(?:client[_-])?secret|private[_-]key|passw(?:or)?d"
)

_RULES: Final = (
    # A scheme and what follows it, but for a word of prose ("Bearer authentication").
    _after(
        "bearer basic",
        r"(?<![A-Za-z])((?i:bearer|basic)(?:[\s:+]|%20|%3[Aa])+)",
        rf"(?![a-z]{{1,19}}(?!{_B64})){_B64}{{8,}}",
    ),
    # Headers that hold nothing else: to the end of the line or of the quoted text.
    _after("authorization cookie", rf"((?i:authorization|cookie){_IS})", r"[^\r\n\"']+"),
    _after("token key secret passw", rf"((?i:{_NAMED}){_IS})", r"[^\s\"'&,;]+"),
    _after("token=", r"((?i:(?:^|[?&;\s])token)=)", r"[^\s\"'&,;]+"),
    _after("_signature", r"([0-9A-Za-z]_signature(?:=|%(?:25)*3[Dd]))", r"[^\s\"'&,;]+"),
    _after("insecure-api-key.", r"((?i:openai-insecure-api-key)\.)", r"[^\s\"',]+"),
    _after("://", r"(://)", r"[^/\s\"'@]+(?:@[^/\s\"'@]*)*(?=@)"),
    _after("k- k_", r"(?<![0-9A-Za-z])((?:sk|pk|rk)[-_])", r"[0-9A-Za-z_-]{16,}"),
    _after(
        "pst- xai- nvapi- pplx- glpat-",
        r"(?<![0-9A-Za-z])(pst-|xai-|nvapi-|pplx-|glpat-)",
        r"[0-9A-Za-z_-]{12,}",
    ),
    _after(
        "gsk_ hf_ r8_ vx_ gh",
        r"(?<![0-9A-Za-z])(gsk_|hf_|r8_|vx_|gh[pousr]_|github_pat_)",
        r"[0-9A-Za-z_]{12,}",
    ),
    _after("aiza", r"(AIza)", r"[0-9A-Za-z_-]{30,}"),
    _after("eyj", r"(?<![0-9A-Za-z])(eyJ)", r"[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}(?:\.[0-9A-Za-z_-]*)?"),
)


def scrubber(prefixes: Iterable[str]) -> Scrub:
    """A function that blanks credentials in a text. `prefixes` are those of our keys, old ones included."""
    rules = (*map(_our_keys, dict.fromkeys(prefixes)), *_RULES)
    steps = tuple((rule.hints, rule.pattern.sub, rule.mask) for rule in rules)

    def scrub(text: str) -> str:
        lower = text.lower()
        for hints, blank_out, mask in steps:
            for hint in hints:
                if hint in lower:
                    text = blank_out(mask, text)
                    break
        return text

    return scrub


def names_a_secret(name: str) -> bool:
    """Whether a field or header of this name holds a credential and nothing else."""
    return name.lower().replace("-", "_") in SECRET_NAMES


def _our_keys(prefix: str) -> Rule:
    """Keys under this prefix, in any mixture of plain and percent-encoded characters."""
    head = "".join(f"(?:{char}|%(?:25)*(?:{_hex(char)}))" for char in f"{prefix}_")
    body = rf"(?:[0-9a-z]|%(?:25)*[3-7][0-9a-f]){{{BODY_CHARS_MIN},}}"
    pattern = re.compile(head + body, re.IGNORECASE | re.ASCII)
    return Rule((f"{prefix}_", "%"), pattern, f"{prefix}_{MASK}")


def _hex(char: str) -> str:
    return f"{ord(char):02x}|{ord(char.upper()):02x}"
