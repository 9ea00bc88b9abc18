"""How hard a text is to guess: whether a string that somebody has already may become a key.

Only a SHA-256 digest of a secret is kept. That is right for one of 256 random bits, and wrong for one that
can be guessed: whoever had read the store could try 10^12 guesses a second. So a string is taken only if it
is estimated to hold `BITS_MIN` bits. The estimate is coarse, and errs on the side of refusing:

1. What everybody knows costs nothing: words at the beginning such as `sk-` or `sk-proj-`. An address
   (`https://…`, `host:port`, IPv6) and the digest of a well-known word hold no chance at all.
2. Small and capital letters are one, and signs that stand for letters are read as those (`0` as o, `@` as
   a), except in hexadecimal. A word out of the few that people begin with (`password`, `key`) counts 8 bits,
   as a date does. What reads as words counts 1.5 bits a letter: five letters that often follow each other,
   four words `InARowLikeThese`, and what stands alone between signs and can be spoken.
3. A sign that repeats or continues what stands before it (`aaaa`, `1234`, `AbCd`, three signs seen earlier)
   counts 1, and so do `-`, `_`, `.` and `:`, and each step to a key beside the last one, if three stand in
   one line of a keyboard (`1qa`, `!QA`) or five touch.
4. Every other sign counts as much as a random one out of the kinds of signs that occur: 4 bits in
   hexadecimal, 6 in base62.
5. What base64 or hexadecimal says, if it can be read, is judged in the same way.

So twenty random letters and digits pass but for one in a thousand, a UUID does; sixteen hexadecimal digits
(64 bits), `sk-1234` and sentences do not. Each rule takes time in proportion to
the text, but for signs seen earlier: those are looked for in 512 at the most.

No estimate knows what somebody else knows: a string that was published, or made from a name and a birthday by
a rule of its own, looks as random as any. The safe way is always a new key.
"""

import hashlib
import re
from base64 import b64decode
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, pairwise
from math import log2
from typing import Final

from gateway.core.credentials import SUBPROTOCOL_PREFIX, forgive
from gateway.core.keys import Shape, shape_of
from gateway.core.ours import IMPORTED_CHARS_MAX, IMPORTED_CHARS_MIN

BITS_MIN: Final = 68.0
"""At 10^12 guesses a second half of them take five years; sixteen hexadecimal digits have 64."""
DIFFERENT_MIN: Final = 8

_VISIBLE: Final = re.compile(r"[!-~]*")
_HAS_OTHER_MEANING: Final = frozenset("\"'`,;<>\\%")
"""Signs that quoting, lists, cookies and percent-encoding give a meaning of their own."""
_PUBLIC: Final = re.compile(r"(?:[a-z]{2,8}[-_]){1,3}")
_HEXADECIMAL: Final = re.compile(r"[0-9a-f:-]*|[0-9A-F:-]*")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_TO_STANDARD_ALPHABET: Final = str.maketrans("-_", "+/")
_SEPARATORS: Final = "-_.:"
_NO_SEPARATORS: Final = str.maketrans("", "", _SEPARATORS)

_ADDRESS: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://.*|[A-Za-z0-9.-]+:[0-9]{2,5}(?:[/?#].*)?"
    r"|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:/.*)?|\[[0-9A-Fa-f:.]+\].*"
)
_WELL_KNOWN: Final = (
    re.compile(
        r"(?:19|20)[0-9]{2}([-./]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12][0-9]|3[01])"
        r"(?:[Tt_-]?(?:[01][0-9]|2[0-3]):?[0-5][0-9](?::?[0-5][0-9])?(?:\.[0-9]{1,9})?[Zz]?)?"
    ),
    re.compile(r"(?:0[1-9]|[12][0-9]|3[01])([-./]?)(?:0[1-9]|1[0-2])\1(?:19|20)[0-9]{2}(?![0-9])"),
    re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])"),
    re.compile(r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9.])"),
)
"""A day, perhaps with its hour, as computers and as people write it; a year; an address of IPv4."""

_ALONE: Final = re.compile(r"(?<![0-9A-Za-z])(?:[A-Z]?[a-z]{1,11}|[A-Z]{2,12})(?![0-9A-Za-z])")
_IN_TITLE: Final = re.compile(r"(?:[A-Z][a-z]++){4,}")
_CAPITAL: Final = re.compile(r"[A-Z][a-z]+")
_VOWEL: Final = re.compile("[aeiouy]", re.IGNORECASE)
_MUTE: Final = re.compile("[^aeiouy]{4}", re.IGNORECASE)
_LEET: Final = tuple(str.maketrans("0134579@$!", f"o{one}eastgas{one}") for one in "il")
_FOLLOWS: Final = dict(
    each.split(":")
    for each in (  # noqa: SIM905
        "a:bcdgilmnprstuy b:aeilouy c:aehiklortu d:adeiosu e:acdefglmnpqrstuvx f:aefiortu g:einrs "
        "h:aeino i:abcdefglmnoprstvz j:aou k:aeor l:adeilostuy m:abeimopy n:acdefginostuv "
        "o:bcdlmnoprstuvw p:aeiloprtu q:u r:acdegimnorstuy s:acehiopstuy t:acehilorstuyz u:beilmnprst "
        "v:aei w:aehior x:t y:p z:eiu"
    ).split()
)
"""Which letters often follow one: nine in ten pairs of those in English words, and one in three of all."""
_WORDS: Final = (  # noqa: SIM905
    "password passwort passw pass changeme change secret letmein welcome qwertz qwerty admin master "
    "default example sample dummy test demo user litellm openai ollama server localhost local home "
    "apikey token hello world prod guest root please iloveyou monkey dragon love none null abcdef "
    "keyhatch key api dev live access auth login strong company name assistant gateway proxy bearer "
    "model chat llm gpt claude anthropic internal public private service client team office summer "
    "winter spring autumn sommer berlin football princess sunshine batman superman shadow hallo open web "
    "geheim schluessel quick brown jumps over lazy the and deadbeef cafebabe fox dog cat "
).split()
_WORD: Final = re.compile("|".join(sorted(_WORDS, key=len, reverse=True)))
_HASHES: Final = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}

_UNSHIFTED: Final = str.maketrans("!@#$%^&*()", "1234567890")
_OTHER_LAYOUT: Final = str.maketrans("yz", "zy")
_PLACE_OF_KEY: Final = {
    sign: (row, column)
    for row, signs in enumerate(("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"))
    for column, sign in enumerate(signs)
}
_STRETCH_MIN: Final = 5
_LEET_STRETCH_MIN: Final = 6
_WORD_BITS: Final = 8.0
_LETTER_BITS: Final = 1.5


def weakness(text: str, prefix: str) -> str | None:
    """Why this string cannot become a key, in words that repeat nothing of it; None if it can."""
    if len(text) < IMPORTED_CHARS_MIN:
        return f"it has {len(text)} characters, {IMPORTED_CHARS_MIN} is the least"
    if len(text) > IMPORTED_CHARS_MAX:
        return f"it has {len(text)} characters, {IMPORTED_CHARS_MAX} is the most"
    if _VISIBLE.fullmatch(text) is None:
        return (
            "it holds a blank, a control character or one that is not ASCII, which no header carries safely"
        )
    if not _HAS_OTHER_MEANING.isdisjoint(text):
        return "it holds a quote, comma, semicolon, angle bracket, backslash or %, which mean something else"
    if forgive(f"Bearer {text}") != text or text.startswith(SUBPROTOCOL_PREFIX):
        return "it begins with what stands before a key, such as Bearer or a colon: give the key alone"
    if shape_of(text, prefix) not in (Shape.NOT_OURS, Shape.WELL_FORMED):
        return f"it begins with {prefix}_ like a key of this gateway, and is mistyped or cut short"
    if len(set(text)) < DIFFERENT_MIN:
        return f"it has only {len(set(text))} different characters, {DIFFERENT_MIN} is the least"
    if estimated_bits(text) < BITS_MIN:
        return "it can be guessed: too little of it is random"
    return None


def estimated_bits(text: str) -> float:
    """About how many bits of chance are in a text; see the module's rules."""
    public = _PUBLIC.match(text)
    rest = text[public.end() :] if public else text
    if _ADDRESS.fullmatch(text) or rest.lower() in _digests_of_words(_HASHES.get(len(rest), "")):
        return 0.0
    said = _said(rest)
    return min(_bits(rest), _bits(said)) if said else _bits(rest)


def _bits(text: str) -> float:
    """Rules 2 to 4."""
    kinds, folded = _kinds(text), text.lower()
    cost = [log2(kinds)] * len(text)
    for at in range(2, len(text)):
        if _continues(folded, at):
            cost[at] = 1.0
    for layout in (folded, folded.translate(_OTHER_LAYOUT)):
        for at in _walked(layout.translate(_UNSHIFTED)):
            cost[at] = 1.0
    for begin, end, bits in _known(text, leet=kinds > 16):
        for at in range(begin, end):
            cost[at] = min(cost[at], bits / (end - begin))
    return sum(1.0 if sign in _SEPARATORS else each for sign, each in zip(text, cost, strict=True))


def _kinds(text: str) -> int:
    """Out of how many signs each was drawn, as it seems; two at least, so that nothing is free."""
    if _HEXADECIMAL.fullmatch(text) and not text.translate(_NO_SEPARATORS).isdigit():
        return 16
    kinds = ((r"[0-9]", 10), (r"[a-z]", 26), (r"[A-Z]", 26), (r"[^0-9A-Za-z]", 4))
    return max(2, sum(many for pattern, many in kinds if re.search(pattern, text)))


def _continues(text: str, at: int) -> bool:
    """Whether a sign goes on as the two before it did, or the three stood together before."""
    first, second, third = (ord(sign) for sign in text[at - 2 : at + 1])
    steps = second - first, third - second
    return (steps[0] == steps[1] and abs(steps[0]) <= 1) or text[at - 2 : at + 1] in text[: at - 1]


def _walked(text: str) -> Iterator[int]:
    """Which signs were found by going on to a key beside the last: four or more so, or three in one line."""
    steps = [None, *(_step(one, other) for one, other in pairwise(text))]
    begin = 0
    for at in range(1, len(steps)):
        if steps[at] is None:
            begin = at
        elif at - begin >= _STRETCH_MIN - 1:
            yield from range(max(begin + 1, at - _STRETCH_MIN + 2), at + 1)
        elif steps[at] == steps[at - 1]:
            yield from (at - 1, at)


def _step(one: str, other: str) -> tuple[int, int] | None:
    """By how many rows and columns two keys differ; None if they do not touch."""
    if one not in _PLACE_OF_KEY or other not in _PLACE_OF_KEY:
        return None
    (row, column), (next_row, next_column) = _PLACE_OF_KEY[one], _PLACE_OF_KEY[other]
    down, right = next_row - row, next_column - column
    return (down, right) if abs(down) <= 1 and abs(right) <= 1 and down * right <= 0 else None


def _known(text: str, *, leet: bool) -> Iterator[tuple[int, int, float]]:
    """From where to where something stands that people know or can speak, and for how many bits it counts."""
    for found in chain.from_iterable(pattern.finditer(text) for pattern in _WELL_KNOWN):
        yield *found.span(), _WORD_BITS
    for title in _IN_TITLE.finditer(text):
        if all(map(_is_spoken, _CAPITAL.findall(title[0]))):
            yield *title.span(), _LETTER_BITS * len(title[0])
    for read in {text, *(text.translate(table) for table in _LEET)} if leet else {text}:
        for word in _WORD.finditer(read.lower()):
            yield *word.span(), _WORD_BITS
        for alone in _ALONE.finditer(read):
            if _is_spoken(alone[0]):
                yield *alone.span(), _LETTER_BITS * len(alone[0])
        for begin, end in _stretches(read):
            if text[begin:end].isalpha() or end - begin >= _LEET_STRETCH_MIN:
                yield begin, end, _LETTER_BITS * (end - begin)


def _is_spoken(letters: str) -> bool:
    return _VOWEL.search(letters) is not None and _MUTE.search(letters) is None


def _stretches(text: str) -> Iterator[tuple[int, int]]:
    """From where to where each letter is one that often follows the one before it, in the same case.

    Only the first may be a capital before small ones: `NameProd` are two.
    """
    begin, folded = 0, text.lower()
    for at in range(1, len(text) + 1):
        if at < len(text) and folded[at] in _FOLLOWS.get(folded[at - 1], ""):
            small = text[at].islower()
            if small == text[at - 1].islower() or (small and at - 1 == begin):
                continue
        if at - begin >= _STRETCH_MIN:
            yield begin, at
        begin = at


def _said(text: str) -> str | None:
    """What a text says in hexadecimal or base64, if that can be read."""
    try:
        if len(text) % 2 == 0 and _HEXADECIMAL.fullmatch(text):
            raw = bytes.fromhex(text)
        elif _BASE64.fullmatch(text):
            raw = b64decode(text.rstrip("=").translate(_TO_STANDARD_ALPHABET) + "==")
        else:
            return None
        said = raw.decode("ascii").strip()
    except ValueError:
        return None
    return said if said.isprintable() else None


@lru_cache(maxsize=len(_HASHES) + 1)
def _digests_of_words(algorithm: str) -> frozenset[str]:
    """What a computer makes of a well-known word, with the end of the line or without."""
    if not algorithm:
        return frozenset()
    words = ("", "123456", "12345678", "123456789", "1234567890", *_WORDS)
    texts = (f"{word}{end}".encode() for word in words for end in ("", "\n", "1", "123"))
    return frozenset(hashlib.new(algorithm, each, usedforsecurity=False).hexdigest() for each in texts)
