"""Escapes: no character of a log line commands a terminal, hides text or begins a new line.

What is not printable (controls, ESC among them, line and paragraph separators, the marks that turn the
direction of writing, lone surrogates) is written as Python would write it in a string. Printable text of
any language stays.
"""


def escape(text: str) -> str:
    r"""The text with every unprintable character as `\n`, `\x1b` or `\u202e`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _ESCAPES.get(char) or _code(char) for char in text)


def shorten(text: str, chars_max: int) -> str:
    """The text, or as much of its beginning as fits with an ellipsis behind it."""
    return text if len(text) <= chars_max else f"{text[: chars_max - 1]}…"


_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def _code(char: str) -> str:
    number = ord(char)
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
