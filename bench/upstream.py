"""The server behind every peer: nginx with one worker, answering 190 bytes of JSON from memory.

``/v1/models`` is what is measured, beside ``/v1/chat/completions`` (a chat completion), ``/v1/blob``
(10 MiB), ``/v1/big`` (1 GiB), ``/v1/sink`` (takes any body) and ``/v1/stream`` (events), the last two
from ``bench.ticker``. ``/v1/seen`` answers with the credentials that reached the upstream, so that
``same_job`` can tell a peer that strips the key from one that passes it on.
"""

import os
from pathlib import Path

from bench.text import fill

ANSWER = (
    '{"object":"list","data":['
    '{"id":"small-1","object":"model","created":1700000000,"owned_by":"bench"},'
    '{"id":"large-1","object":"model","created":1700000000,"owned_by":"the-bench-upstream-2"}]}\n'
)
"""190 bytes, the size of a short model list."""

CHAT = (
    '{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"bench","choices":'
    '[{"index":0,"message":{"role":"assistant","content":"Hello. $http_x_api_key$http_authorization"},'
    '"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}'
)
"""A chat completion, which tells the credentials that reached the upstream in its text."""

CONFIG = """\
@nginx_main@
http {
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path @place@/body;
    proxy_temp_path @place@/proxy;
    fastcgi_temp_path @place@/fastcgi;
    uwsgi_temp_path @place@/uwsgi;
    scgi_temp_path @place@/scgi;
    server {
        listen 127.0.0.1:@port@;
        default_type application/json;
        location = /v1/models { return 200 '@answer@'; }
        location = /v1/chat/completions { return 200 '@chat@'; }
        location = /v1/blob { alias @place@/blob; }
        location = /v1/big { alias @place@/big; }
        location = /v1/sink {
            client_max_body_size 0;
            proxy_request_buffering off;
            proxy_http_version 1.1;
            proxy_pass http://127.0.0.1:@ticker_port@;
        }
        location = /v1/stream {
            proxy_pass http://127.0.0.1:@ticker_port@;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
        location = /v1/seen { return 200 '$request_uri $http_x_api_key $http_api_key $http_authorization'; }
    }
}
"""

NGINX_ACCESS_LOG = """\
log_format lines escape=json '{"time":"$time_iso8601","method":"$request_method","path":"$uri",\
"peer":"$remote_addr","status":$status,"bytes_in":$request_length,"bytes_out":$body_bytes_sent,\
"duration_s":$request_time}';
    access_log @file@ lines;"""

NGINX_MAIN = """\
daemon off;
worker_processes 1;
pid @place@/nginx.pid;
error_log stderr warn;
@user@
events { worker_connections 8192; }
"""


def nginx_main(place: Path) -> str:
    """The opening that every nginx here shares: in the foreground, one worker, nothing outside ``place``."""
    # A worker of root's nginx becomes another user, who may not enter a private folder.
    return fill(NGINX_MAIN, place=place, user="user root;" if os.geteuid() == 0 else "")


def nginx_access_log(file: Path | None) -> str:
    """Its directives for an access log: a line of JSON for each request, written at once; or none."""
    return "access_log off;" if file is None else fill(NGINX_ACCESS_LOG, file=file)


def nginx_command(path: str, place: Path, config: str) -> list[str]:
    """Write ``config`` into ``place``; the command that serves it from there."""
    file = place / "nginx.conf"
    file.write_text(config)
    return [path, "-e", "stderr", "-p", str(place), "-c", str(file)]


def command(path: str, place: Path, port: int, ticker_port: int) -> list[str]:
    """The command that serves the upstream on ``port``; its bodies are files without a byte on the disk."""
    for name, length in (("blob", 10 * 1024 * 1024), ("big", 1024 * 1024 * 1024)):
        with (place / name).open("wb") as file:
            file.truncate(length)
    config = fill(
        CONFIG,
        nginx_main=nginx_main(place),
        place=place,
        port=port,
        answer=ANSWER,
        chat=CHAT,
        ticker_port=ticker_port,
    )
    return nginx_command(path, place, config)
