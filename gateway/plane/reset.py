"""An ending that cannot be taken for the end of an answer.

A connection that closes may end a body (HTTP/1.0, or one without a length). Where an answer is cut short, the
connection is reset instead: whoever reads sees an error, not a whole answer (RFC 9112 §8).
"""

import asyncio
import socket
import struct


def reset_on_close(transport: asyncio.BaseTransport) -> None:
    """Let closing send RST, not FIN. What has not left yet is thrown away by it."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
