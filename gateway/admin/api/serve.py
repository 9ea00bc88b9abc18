"""The way of a request through the management API, from the router to its answer.

1. Where it comes from, then whose key it is, then what it asks: who may not ask learns nothing of the rest.
   A body takes its time, so behind it they are judged once more: a key that ended meanwhile does nothing.
2. Every answer is JSON and has a request id, which stands in the audit and in the log too.
3. A refusal is a problem (`problems`); an accident is a 500, its traceback in the log and nothing of it in
   the answer. What the store refused changed nothing.
"""

import asyncio
import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache, partial
from http import HTTPStatus
from typing import Final, cast

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.admin.answers import PROBLEM
from gateway.admin.api.access import Access, Visitor
from gateway.admin.api.ask import Answer, Ask, House, fingerprint, not_found
from gateway.admin.api.asked import Judge, etags, idempotency_key, read_body, read_query
from gateway.admin.api.credential_words import CREDENTIAL_NAME, CREDENTIAL_NAME_CHARS_MAX
from gateway.admin.api.openapi import document
from gateway.admin.api.operations import BASE, OPERATIONS, Operation
from gateway.admin.api.problems import ProblemDetails, Refused, problem_of
from gateway.admin.api.same_origin import assert_same_origin
from gateway.admin.api.words import Asked, ShowKey
from gateway.core.refusal import Reason
from gateway.keeper.audit import Once
from gateway.keeper.authority import Want, admit
from gateway.keeper.credentials import CredentialNotFound
from gateway.keeper.ports import StoreUnavailable
from gateway.keeper.terms import is_id

_LOG: Final = logging.getLogger("gateway.api")
_ACCIDENT: Final = ProblemDetails(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "unexpected",
    "Something unexpected happened, and nothing more is known of it here. The gateway's log has the rest.",
)

_NO_OPERATION: Final = {
    HTTPStatus.NOT_FOUND: (
        Reason.NO_ROUTE.value,
        f"There is nothing at this path: {BASE}/openapi.json tells what there is.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        Reason.METHOD_NOT_ALLOWED.value,
        "This method is not possible here: the header Allow tells which are.",
    ),
}
_NAME: Final = "{name:[^/]+}"
_ID: Final = "{id:(?!(?:verify|revoke-by-value|export|import)$)[^/]+}"  # no ids


Do = Callable[[web.Request, str], Awaitable[web.Response]]
"""What answers a request, given its id; raises what `problem_of` knows."""


@cache
def _description() -> bytes:
    """The OpenAPI document. To make it takes 60 ms, which only those wait for who ask for it."""
    return json.dumps(document(OPERATIONS), ensure_ascii=False, indent=1).encode() + b"\n"


async def _openapi(_request: web.Request) -> web.Response:
    told = await asyncio.to_thread(_description)
    return web.Response(body=told, content_type="application/json", charset="utf-8")


@dataclass(frozen=True, slots=True)
class Api:
    """The management API over one house."""

    house: House
    access: Access

    def add_to(self, app: web.Application) -> None:
        """Give the application its routes, and what is said where there is none."""
        app.middlewares.append(_unanswered)
        for operation in OPERATIONS:
            path = BASE + operation.path.replace("{id}", _ID).replace("{name}", _NAME)
            app.router.add_route(operation.method, path, partial(self.answer, operation))
            if operation.method == "GET":
                app.router.add_route("HEAD", path, partial(self.answer, operation))
        app.router.add_get(f"{BASE}/openapi.json", _openapi)

    async def answer(self, operation: Operation, request: web.Request) -> web.Response:
        """The answer to one request, whatever comes of it."""

        async def do(request: web.Request, request_id: str) -> web.Response:
            answer = await self._ask(operation, request, request_id)
            status = operation.status if answer.status is None else answer.status
            return _response(status, answer)

        return await answered(do, request)

    async def _ask(self, operation: Operation, request: web.Request, request_id: str) -> Answer:
        if operation.shows_key:
            return await self._ask_with_key(operation, request, request_id)
        visitor = await self._admit(operation, request)
        now = self.house.clock.now()
        body = await read_body(request, operation.body, self._judge(operation, now), operation.body_bytes_max)
        if request.body_exists:  # it may have been long in coming: who asks is judged as they are now
            visitor = await self._admit(operation, request)
        answer = await operation.do(self._asked(operation, request, request_id, visitor, body))
        self.access.was_answered(visitor, is_look=operation.want in (None, Want.LOOK))
        return answer

    async def _admit(self, operation: Operation, request: web.Request) -> Visitor:
        """Whoever asks, if they may; raises `Refused`, `NotAllowed` or `StoreUnavailable`."""
        visitor = await self.access.admit(request.raw_headers, request.remote or "")
        if operation.want is not None:
            admit(visitor.manager, operation.want)
        return visitor

    async def _ask_with_key(self, operation: Operation, request: web.Request, request_id: str) -> Answer:
        """What is asked on the strength of the key in the body: without one it is not refused but unheard."""
        try:
            body = await read_body(request, operation.body)
        except Refused as refused:
            problem = refused.problem
            raise Refused(
                HTTPStatus.UNAUTHORIZED,
                "credential_missing",
                f'Send the key that is to end as JSON, {{"key": "…"}}. {problem.detail}',
                problem.errors,
                {"WWW-Authenticate": 'Bearer realm="keyhatch"', "X-Keyhatch-Reason": "credential_missing"},
            ) from None
        visitor = await self.access.admit_holder(cast("ShowKey", body).key, request.remote or "")
        return await operation.do(self._asked(operation, request, request_id, visitor, body))

    def _asked(
        self,
        operation: Operation,
        request: web.Request,
        request_id: str,
        visitor: Visitor,
        body: Asked,
    ) -> Ask:
        key_id = request.match_info.get("id", "")
        query = read_query(request, operation.query)
        if operation.has_id and not is_id(key_id):
            raise not_found(key_id)
        credential = request.match_info.get("name", "")
        if operation.has_name and not _is_credential_name(credential):
            raise CredentialNotFound
        name = idempotency_key(request) if operation.once else None
        asked = (operation.method, request.path, body.model_dump_json(exclude_unset=True))
        return Ask(
            house=self.house,
            manager=visitor.manager,
            me=visitor.key,
            request_id=request_id,
            body=body,
            query=query,
            key_id=key_id,
            name=credential,
            etags=etags(request) if operation.guarded else None,
            once=None if name is None else Once(name, fingerprint(asked)),
            now=self.house.clock.now(),
            upstream=request.match_info.get("upstream", ""),
            target=request.match_info.get("target", ""),
        )

    def _judge(self, operation: Operation, now: float) -> Judge | None:
        judge = operation.judge
        if judge is None:
            return None
        return lambda values: judge(values, self.house.keyring.rules, now)


def _is_credential_name(text: str) -> bool:
    return len(text) <= CREDENTIAL_NAME_CHARS_MAX and re.fullmatch(CREDENTIAL_NAME, text) is not None


async def answered(do: Do, request: web.Request) -> web.Response:
    """What `do` answers, and a problem whatever else comes of it; no page elsewhere gets that far."""
    request_id = secrets.token_hex(16)
    try:
        assert_same_origin(request)
        response = await do(request, request_id)
    except Exception as error:  # noqa: BLE001 - refusals and accidents alike are answered here
        return _told(_problem(error, request_id), request_id)
    response.headers["X-Request-Id"] = request_id
    return response


@web.middleware
async def _unanswered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """An unknown path, or another method, as a problem like all others here."""
    try:
        return await handler(request)
    except web.HTTPException as refusal:
        status = HTTPStatus(refusal.status)
        if status not in _NO_OPERATION or not request.path.startswith(f"{BASE}/"):
            raise
        code, detail = _NO_OPERATION[status]
        allow = refusal.headers.get("Allow")
        headers = None if allow is None else {"Allow": allow}
        return _told(ProblemDetails(status, code, detail, headers=headers), secrets.token_hex(16))


def _problem(error: Exception, request_id: str) -> ProblemDetails:
    problem = problem_of(error)
    if problem is None:
        _LOG.error("request %s met something unexpected", request_id, exc_info=error)
        return _ACCIDENT
    if isinstance(error, StoreUnavailable):
        _LOG.warning("request %s: %s", request_id, error)
    return problem


def _response(status: HTTPStatus, answer: Answer) -> web.Response:
    if answer.data is None:
        return web.Response(status=status, headers=answer.headers)
    body = json.dumps(answer.data, ensure_ascii=False).encode("utf-8") + b"\n"
    return web.Response(
        status=status, body=body, headers=answer.headers, content_type="application/json", charset="utf-8"
    )


def _told(problem: ProblemDetails, request_id: str) -> web.Response:
    return web.Response(
        status=problem.status,
        text=problem.text(request_id),
        headers={**(problem.headers or {}), "X-Request-Id": request_id},
        content_type=PROBLEM,
    )
