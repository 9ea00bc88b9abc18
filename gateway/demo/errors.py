"""Errors of the demo upstream, in the envelope of OpenAI's API, so that its SDK shows the sentence."""

from aiohttp import web


def error_reply(status: int, message: str, code: str) -> web.Response:
    """One error as JSON: `{"error": {"message", "type", "param", "code"}}`."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return web.json_response({"error": error}, status=status)
