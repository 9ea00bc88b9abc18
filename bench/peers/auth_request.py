"""nginx with ``auth_request`` and Keyhatch as its key service: two processes do the job together.

The question is a HEAD of ``/.keyhatch/me``, whose answer has no body, over kept connections: with a body
nginx would open a new connection for each question. The limit of bodies stands above both locations, for
nginx holds the question to that of its own location, though no body goes with it.
"""

from dataclasses import replace
from pathlib import Path

from bench import tools
from bench.peers.contract import Setup, Site
from bench.peers.keyhatch import CHECKOUT, Keyhatch
from bench.process import free_port
from bench.text import fill
from bench.tools import Tool
from bench.upstream import nginx_access_log, nginx_command, nginx_main

CONFIG = """\
@nginx_main@
http {
    @access_log@
    keepalive_requests 1000000000;
    client_body_temp_path @place@/body;
    proxy_temp_path @place@/proxy;
    fastcgi_temp_path @place@/fastcgi;
    uwsgi_temp_path @place@/uwsgi;
    scgi_temp_path @place@/scgi;
    upstream behind {
        server 127.0.0.1:@upstream_port@;
        keepalive 64;
        keepalive_requests 1000000000;
    }
    upstream keys {
        server 127.0.0.1:@keys_port@;
        keepalive 64;
        keepalive_requests 1000000000;
    }
    server {
        listen 127.0.0.1:@port@;
        client_max_body_size 0;
        location = /keys {
            internal;
            proxy_method HEAD;
            proxy_pass_request_body off;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Content-Length "";
            proxy_set_header Host $http_host;
            proxy_pass http://keys/.keyhatch/me;
        }
        location / {
            auth_request /keys;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-API-Key "";
            proxy_pass http://behind;
            proxy_request_buffering off;
            proxy_max_temp_file_size 0;
            proxy_buffer_size 64k;
            proxy_buffers 8 64k;
            proxy_busy_buffers_size 128k;
        }
        location = /v1/stream {
            auth_request /keys;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-API-Key "";
            proxy_pass http://behind;
            proxy_buffering off;
        }
    }
}
"""


class AuthRequest:
    """nginx, one worker, and one Keyhatch."""

    name = "nginx-auth-request"
    title = "nginx + `auth_request` + Keyhatch"
    manner = "one worker, every request asked of a Keyhatch by `HEAD /.keyhatch/me`; both are counted"

    def find(self, *, fetch: bool) -> Tool:
        """Debian's nginx."""
        return tools.debian("nginx", "-v", fetch=fetch)

    def set_up(self, tool: Tool, site: Site) -> Setup:
        """Both configurations; the shell starts the key service and then becomes nginx."""
        service = Keyhatch("lean")
        place = site.place / "keys"
        place.mkdir(mode=0o700)
        keys_port = free_port()
        at = replace(site, place=place, port=keys_port, logs_access=False)
        keys = service.set_up(service.find(fetch=False), at)
        access_log = site.place / "access.log" if site.logs_access else None
        config = fill(
            CONFIG,
            nginx_main=nginx_main(site.place),
            access_log=nginx_access_log(access_log),
            place=site.place,
            port=site.port,
            upstream_port=site.upstream_port,
            keys_port=keys_port,
        )
        nginx = nginx_command(tool.path, site.place, config)
        script = Path(__file__).with_name("pair.sh")
        command = ["sh", str(script), str(len(keys.command)), *keys.command, *nginx]
        env = {**keys.env, "PYTHONPATH": str(CHECKOUT)}
        return Setup(command, keys.key, keys.wrong_key, env, CHECKOUT, access_log, keys.keyring)
