"""The demo upstream: something harmless to stand behind the gateway on the first minute.

It speaks enough of the usual dialects to try every kind of exchange without installing an AI server:
`GET /v1/models` and `POST /v1/chat/completions` (plain and streamed) in the form of OpenAI's API, a
WebSocket echo on `/ws/echo`, a WAV tone on `/audio`, the identity headers it received on `/headers`, a
hello on `/`. Like the servers it stands for, it asks nobody for a key: that is the gateway's work.

`start_demo` starts it, `demo_settings` is the configuration that `keyhatch serve --demo` uses.
It keeps nothing, reads no file and answers the same to everyone.
"""

from gateway.demo.server import Demo, start_demo
from gateway.demo.settings import demo_settings

__all__ = ["Demo", "demo_settings", "start_demo"]
