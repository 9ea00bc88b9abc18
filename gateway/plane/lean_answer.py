"""The upstream's answer: bytes of the upstream in, bytes for the caller out. Pure; it knows no connection.

1. A head is read whole, judged, and written anew; interim ones (1xx) are read away, at most `INTERIM_MAX`.
2. A body passes as it was received wherever both sides frame it alike: by length, or by chunks that have
   neither extensions nor trailer fields. Otherwise it is framed anew, and trailer fields pass by the rules
   of `wire.trailers`.
3. `keeps_link` is true only if the answer came to its end by its own framing, nothing came behind it, and
   the upstream means to keep the connection. Anything else and it must not serve another caller.
4. Only `Fault` is raised, before or after the head was given out (`is_begun`).

A head's meaning is kept for the next one of the same bytes: a server that answers the same within one second,
`Date` included, answers with the same bytes. A head with a cookie is not kept: it may be somebody's session.
Nor is one that names a location: it means another one on the way back of another route (`wire.way_back`).
"""

from collections.abc import Callable
from typing import Final

from gateway.core.request import Headers
from gateway.plane.lean_codec import ANSWER_HEAD_BYTES_MAX, HEAD_END, parse_answer
from gateway.plane.lean_framing import ByChunks, ByLength, Fault, Framing, Span, ToTheEnd, chunk, payload
from gateway.wire.by_address import ByAddress
from gateway.wire.headers import tokens
from gateway.wire.request_head import Version
from gateway.wire.response_head import (
    KEY_EXPIRES,
    ResponseFault,
    check_status,
    contradicts_itself,
    expiry,
    has_body,
    head_bytes,
    relayed_headers,
    response_length,
    status_line,
)
from gateway.wire.trailers import TrailerFault, passed_on
from gateway.wire.way_back import NAMING, WayBack

INTERIM_MAX: Final = 32
HEADS_MAX: Final = 512
HEAD_BYTES_KEPT_MAX: Final = 2_048


_Name = bytes | tuple[bytes, bytes]
"""The bytes of a head; with whom it is shared, where its route answers CORS."""


class AnswerHead:
    """One response head's meaning. `lead` is the caller's head up to our request id and the framing.

    `date` is the moment that we said, empty where the upstream said one. `whole` is what follows the request
    id where a body of `length` comes behind it, and the connection stays.
    """

    __slots__ = (
        "date",
        "fields",
        "is_chunked",
        "is_personal",
        "keeps_link",
        "lead",
        "length",
        "status",
        "whole",
    )

    def __init__(
        self,
        raw: bytes,
        date: bytes,
        back: WayBack | None,
        *,
        identified: bool,
        address: ByAddress | None = None,
    ) -> None:
        parts = parse_answer(raw)
        self.status = parts.status
        self.fields: Headers = parts.fields
        self.date = b"" if any(name == b"date" for name, _ in parts.fields) else date
        self.is_personal = any(name in NAMING for name, _ in parts.fields)
        self.lead = b""
        self.length: int | None = None
        self.is_chunked = False
        self.keeps_link = False
        self.whole = b""
        if 100 <= self.status < 200 and self.status != 101:
            return
        try:
            check_status(parts.status, parts.version)
            identified = identified and self.status != 101
            kept = relayed_headers(parts.fields, date, back, identified=identified, address=address)
            self.length = response_length(parts.fields, parts.status)
        except ResponseFault as fault:
            raise Fault(str(fault)) from None
        self.is_chunked = any(name == b"transfer-encoding" for name, _ in parts.fields)
        if self.is_chunked and parts.version < (1, 1):
            raise Fault("chunks in HTTP/1.0")
        connection = tokens(parts.fields, b"connection")
        may_stay = parts.version >= (1, 1) or b"keep-alive" in connection
        self.keeps_link = (
            b"close" not in connection and may_stay and not contradicts_itself(parts.status, parts.fields)
        )
        self.lead = head_bytes(status_line(parts.status, parts.phrase), kept)[:-2]
        if self.length is not None and has_body("GET", self.status):
            self.whole = b"\r\ncontent-length: %d\r\n\r\n" % self.length


class AnswerHeads:
    """The meanings of response heads, the most recent of them kept."""

    def __init__(self, date: Callable[[], bytes]) -> None:
        self._date = date
        self._kept: tuple[dict[_Name, AnswerHead], dict[_Name, AnswerHead]] = ({}, {})

    def of(
        self, raw: bytes, back: WayBack | None = None, *, identified: bool, address: ByAddress | None = None
    ) -> AnswerHead:
        """The meaning of one whole head. Raises `Fault`."""
        if address is not None:  # a secret may stand in it
            return AnswerHead(raw, self._date(), back, identified=identified, address=address)
        kept = self._kept[identified]
        name = raw if back is None or back.share is None else (back.share.origin, raw)
        head = kept.get(name)
        if head is None or (head.date and head.date != self._date()):
            head = AnswerHead(raw, self._date(), back, identified=identified)
            if len(raw) <= HEAD_BYTES_KEPT_MAX and not head.is_personal:
                if len(kept) >= HEADS_MAX:
                    kept.clear()
                kept[name] = head
        return head


class Answer:
    """The answer to one request, as it arrives. `may_keep`: the caller's connection may stay open then.

    `expires_at`: when the caller's key ends, if it is to be told. `back`: the way back of what it names.
    `address`: where that showed a credential.
    """

    __slots__ = (
        "_address",
        "_back",
        "_begun_raw",
        "_framing",
        "_heads",
        "_interim",
        "_is_head",
        "_is_one",
        "_own",
        "_passes",
        "body_bytes",
        "ends_by_closing",
        "head",
        "identified",
        "is_begun",
        "is_over",
        "keeps_caller",
        "keeps_link",
        "rest",
    )

    def __init__(
        self,
        heads: AnswerHeads,
        request_id: str,
        version: Version,
        back: WayBack | None = None,
        *,
        is_head: bool,
        identified: bool,
        expires_at: float | None = None,
        address: ByAddress | None = None,
    ) -> None:
        self._heads = heads
        self._address = address
        self._back = back
        self._own = b"x-request-id: " + request_id.encode("ascii")
        if expires_at is not None:
            self._own += b"\r\n%b: %b" % (KEY_EXPIRES, expiry(expires_at))
        self._is_one = version >= (1, 1)
        self._is_head = is_head
        self.identified = identified
        self._begun_raw = b""
        self._framing: Framing | None = None
        self._passes = False
        self._interim = 0
        self.head: AnswerHead | None = None
        self.is_begun = False
        self.is_over = False
        self.keeps_caller = False
        self.keeps_link = False
        self.ends_by_closing = False
        self.body_bytes = 0
        self.rest = b""

    def feed(self, data: bytes, *, may_keep: bool) -> bytes:
        """What the caller is to be sent for these bytes. Raises `Fault`."""
        if self.is_begun:
            return self._body(data)
        head, data = self._read_head(self._begun_raw + data if self._begun_raw else data)
        if head is None:
            return b""
        self.head = head
        if head.status == 101:
            self.rest = data
            return b""
        if head.length == len(data) and head.whole and may_keep and self._is_one and not self._is_head:
            return self._all_at_once(head, data)
        out = self._begin(head, may_keep=may_keep)
        if self.is_over:
            self.keeps_link = head.keeps_link and not data
            return out
        return out + self._body(data) if data else out

    def _read_head(self, data: bytes) -> tuple[AnswerHead | None, bytes]:
        """The first head that is no interim one, and what came behind it; None while it is incomplete."""
        while True:
            end = data.find(HEAD_END)
            if end > ANSWER_HEAD_BYTES_MAX or (end < 0 and len(data) > ANSWER_HEAD_BYTES_MAX):
                raise Fault("a head that is too large")
            if end < 0:
                self._begun_raw = data
                return None, b""
            head = self._heads.of(
                data[: end + 4], self._back, identified=self.identified, address=self._address
            )
            data = data[end + 4 :]
            if head.lead:
                return head, data
            self._interim += 1
            if self._interim > INTERIM_MAX:
                raise Fault("too many interim answers")

    def _all_at_once(self, head: AnswerHead, body: bytes) -> bytes:
        """A small answer that arrived in one piece goes on in one piece: most of them do (0.9 µs less)."""
        self.is_begun = self.is_over = self.keeps_caller = True
        self.keeps_link = head.keeps_link
        self.body_bytes = len(body)
        return head.lead + self._own + head.whole + body

    def switched(self) -> bytes:
        """The caller's head for a 101 that was found to be right."""
        assert self.head is not None  # noqa: S101 - asked only once `head.status` is 101
        self.is_begun = True
        return self.head.lead + self._own + b"\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n"

    def end(self, fault: Exception | None = None) -> bytes:
        """The upstream's connection ended: what ends the caller's body. Raises `Fault` if that cuts it."""
        if fault is not None:
            raise Fault(f"the connection broke: {fault}")
        if not isinstance(self._framing, ToTheEnd):
            raise Fault("the connection ended before the answer did")
        self.is_over = True
        return b"" if self.ends_by_closing else b"0\r\n\r\n"

    def _begin(self, head: AnswerHead, *, may_keep: bool) -> bytes:
        self.is_begun = True
        framing = b""
        if head.length is not None:
            framing = b"content-length: %d\r\n" % head.length
        if not has_body("HEAD" if self._is_head else "GET", head.status):
            self.is_over = True
        elif head.length is not None:
            self._framing = ByLength(head.length)
            self._passes = True
            self.is_over = not head.length
        else:
            self._framing = ByChunks() if head.is_chunked else ToTheEnd()
            self._passes = self._is_one is head.is_chunked
            self.ends_by_closing = not self._is_one
            may_keep = may_keep and self._is_one
            framing = b"transfer-encoding: chunked\r\n" if self._is_one else b""
        self.keeps_caller = may_keep
        if not may_keep:
            framing += b"connection: close\r\n"
        elif not self._is_one:
            framing += b"connection: keep-alive\r\n"
        return b"%b%b\r\n%b\r\n" % (head.lead, self._own, framing)

    def _body(self, data: bytes) -> bytes:
        framing = self._framing
        if framing is None or self.is_over:
            self.keeps_link = False
            return b""
        told = _under_way(framing) if self._passes else None
        spans, end = framing.walk(data)
        for begin, to in spans:
            self.body_bytes += to - begin
        if framing.is_over:
            self.is_over = True
            self.keeps_link = self.head is not None and self.head.keeps_link and end == len(data)
        if self._passes and framing.is_clean:
            return data if end == len(data) else data[:end]
        return self._framed_anew(data, spans, framing, told)

    def _framed_anew(self, data: bytes, spans: list[Span], framing: Framing, told: int | None) -> bytes:
        """Own chunks from here on. One of which the caller was told already is brought to its end first."""
        if not self._is_one:
            return payload(data, spans)
        begun = b""
        if told is not None:
            self._passes = False
            if told > 0:
                begun, spans = data[: spans[0][1]], spans[1:]
            begun = begun + b"\r\n" if told >= 0 else b""
        body = begun + chunk(payload(data, spans))
        if not framing.is_over:
            return body
        try:
            return body + b"0\r\n" + passed_on(framing.trailer, from_caller=False)
        except TrailerFault as fault:
            self.keeps_link = False
            raise Fault(str(fault)) from None


def _under_way(framing: Framing) -> int:
    """Payload bytes to come of a chunk that was passed on in part; 0: only its CRLF is; -1: there is none."""
    if not isinstance(framing, ByChunks):
        return -1
    return framing.announced or (0 if framing.awaits_end else -1)
