"""How hard a text is to guess: whether a string that somebody has already may become a key.

Only a SHA-256 digest of a secret is kept. That is right for one of 256 random bits, and wrong for one that
can be guessed: whoever had read the store could try 10^12 guesses a second. So a string is taken only if it
is estimated to hold `BITS_MIN` bits. The estimate is coarse, and errs on the side of refusing:

1. What everybody knows costs nothing: words at the beginning such as `sk-` or `sk-proj-`.
2. A word out of the few that people begin with (`password`, `changeme`, `0` and `@` read as letters) counts
   8 bits, as a year does. What can be spoken and may be a word (six letters in one case anywhere, or two
   that stand alone between signs) counts 2 bits a letter.
3. A sign that repeats or continues what stands before it (`aaaa`, `1234`, three signs seen earlier) counts 1,
   and so does a dash, a dot or an underscore.
4. Every other sign counts as much as a random one out of the kinds of signs that occur: 4 bits in
   hexadecimal, 6 in base62.

So twenty random letters and digits pass (but for one in a thousand that can be spoken), twenty hexadecimal
digits do (80 bits), a UUID does; sixteen hexadecimal digits (64), `sk-1234` and sentences do not.
"""

import re
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
_RUN: Final = re.compile(
    r"[A-Z]?[a-z]{5,}|[A-Z]{6,}|(?<![0-9A-Za-z])(?:[A-Z]?[a-z]+|[A-Z]{2,})(?![0-9A-Za-z])"
)
_VOWEL: Final = re.compile("[aeiouy]", re.IGNORECASE)
_MUTE: Final = re.compile("[^aeiouy]{4}", re.IGNORECASE)
_YEAR: Final = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")
_LEET: Final = str.maketrans("0134579@$", "oieastgas")
_WORDS: Final = (
    *("password", "passwort", "passw", "changeme", "change", "secret", "letmein", "welcome", "qwertz"),
    *(
        "qwertyuiop",
        "qwerty",
        "asdfghjkl",
        "asdfgh",
        "zxcvbnm",
        "admin",
        "master",
        "default",
        "example",
        "sample",
        "dummy",
        "test",
        "demo",
        "user",
    ),
    *("litellm", "openai", "ollama", "server", "local", "apikey", "token", "hello", "world", "prod", "guest"),
    *("root", "please", "iloveyou", "monkey", "dragon", "love", "none", "null", "abcdef", "keyhatch"),
)
_WORD: Final = re.compile("|".join(sorted(_WORDS, key=len, reverse=True)))
_WORD_BITS: Final = 8.0
_LETTER_BITS: Final = 2.0


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
    cost = [log2(_kinds(rest))] * len(rest)
    for at in range(2, len(rest)):
        if _continues(rest, at):
            cost[at] = 1.0
    for run in _RUN.finditer(rest):
        if _VOWEL.search(run[0]) and not _MUTE.search(run[0]):
            begin, end = run.span()
            cost[begin:end] = [min(each, _LETTER_BITS) for each in cost[begin:end]]
    for word in (*_WORD.finditer(rest.lower().translate(_LEET)), *_YEAR.finditer(rest)):
        begin, end = word.span()
        cost[begin:end] = [min(each, _WORD_BITS / (end - begin)) for each in cost[begin:end]]
    return sum(1.0 if sign in "-_." else each for sign, each in zip(rest, cost, strict=True))


def _kinds(text: str) -> int:
    """Out of how many signs each was drawn, as it seems; two at least, so that nothing is free."""
    hexadecimal = re.fullmatch(r"[0-9a-f-]*|[0-9A-F-]*", text)
    if hexadecimal and not text.replace("-", "").isdigit():
        return 16
    kinds = ((r"[0-9]", 10), (r"[a-z]", 26), (r"[A-Z]", 26), (r"[^0-9A-Za-z]", 4))
    return max(2, sum(many for pattern, many in kinds if re.search(pattern, text)))


def _continues(text: str, at: int) -> bool:
    """Whether a sign goes on as the two before it did, or the three stood together before."""
    first, second, third = (ord(sign) for sign in text[at - 2 : at + 1])
    steps = second - first, third - second
    return (steps[0] == steps[1] and abs(steps[0]) <= 1) or text[at - 2 : at + 1] in text[: at - 1]
