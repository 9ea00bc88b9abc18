"""Guarantees of gateway/admin/answers.py: whole answers, framed and guarded, that name no version."""

import json
from http import HTTPStatus

from gateway.admin.answers import Page, last_words, page_bytes

NOW = 1_800_000_000.0
GUARDS = b"Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\r\n"
DATED = b"Date: Fri, 15 Jan 2027 08:00:00 GMT\r\n"


def test_an_answer_is_framed_dated_and_guarded() -> None:
    assert page_bytes(Page(b"abc", "text/plain", HTTPStatus.SERVICE_UNAVAILABLE), NOW) == (
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
        + DATED
        + GUARDS
        + b"abc"
    )


def test_head_is_answered_with_the_same_head_and_no_body() -> None:
    whole = page_bytes(Page(b"{}"), NOW)
    assert page_bytes(Page(b"{}"), NOW, is_head=True) + b"{}" == whole


def test_the_version_and_what_becomes_of_the_connection_are_said_as_asked() -> None:
    raw = page_bytes(Page(b"{}"), NOW, minor=0, connection="keep-alive")
    assert raw.startswith(b"HTTP/1.0 200 OK\r\n")
    assert DATED + b"Connection: keep-alive\r\n" in raw


def test_last_words_are_a_problem_and_close_the_connection() -> None:
    head, _, body = last_words(HTTPStatus.REQUEST_TIMEOUT, "too late", NOW).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\nContent-Type: application/problem+json\r\n")
    assert b"\r\nConnection: close\r\n" in head
    assert json.loads(body) == {
        "type": "about:blank",
        "title": "Request Timeout",
        "status": 408,
        "detail": "too late",
    }
