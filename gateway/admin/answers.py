"""Answers of the admin listener as bytes, for whoever gives them without aiohttp.

The application (`gateway.admin.app`) lets aiohttp write its answers. What is answered before it, by the
porter or for what never became a request, says the same in the same fields.
"""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from gateway.wire.date import http_date

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""No answer is stored, guessed at by type, or told where it came from."""

JSON: Final = "application/json; charset=utf-8"
PROBLEM: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered, whoever writes it."""

    body: bytes
    content_type: str = JSON
    status: HTTPStatus = HTTPStatus.OK


def problem_text(status: HTTPStatus, detail: str | None = None) -> str:
    """A refusal as RFC 9457 has it. `detail` is for the caller's eyes."""
    body: dict[str, str | int] = {"type": "about:blank", "title": status.phrase, "status": status.value}
    if detail is not None:
        body["detail"] = detail
    return json.dumps(body)


def last_words(status: HTTPStatus, detail: str | None, now: float) -> bytes:
    """A whole answer where there is no request to answer; behind it the connection closes."""
    page = Page(problem_text(status, detail).encode("ascii"), PROBLEM, status)
    return page_bytes(page, now, connection="close")


def page_bytes(
    page: Page, now: float, *, minor: int = 1, connection: str | None = None, is_head: bool = False
) -> bytes:
    """A whole answer in HTTP/1.`minor`, framed by its length; without its body for HEAD."""
    fields = {
        "Content-Type": page.content_type,
        "Content-Length": str(len(page.body)),
        "Date": http_date(now),
        **({} if connection is None else {"Connection": connection}),
        **HEADERS,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    head = f"HTTP/1.{minor} {page.status.value} {page.status.phrase}\r\n{lines}\r\n".encode("ascii")
    return head if is_head else head + page.body
