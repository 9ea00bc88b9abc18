"""nginx with its keys in a static ``map``: the practical floor for this job."""

from bench import tools
from bench.peers.contract import Setup, Site, made_up_key
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
    map_hash_bucket_size 128;
    map $http_x_api_key $known { default 0; "@key@" 1; }
    upstream behind {
        server 127.0.0.1:@upstream_port@;
        keepalive 64;
        keepalive_requests 1000000000;
    }
    server {
        listen 127.0.0.1:@port@;
        location / {
            if ($known = 0) { return 401; }
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-API-Key "";
            proxy_pass http://behind;
            client_max_body_size 0;
            proxy_request_buffering off;
            proxy_max_temp_file_size 0;
            proxy_buffer_size 64k;
            proxy_buffers 8 64k;
            proxy_busy_buffers_size 128k;
        }
        location = /v1/stream {
            if ($known = 0) { return 401; }
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-API-Key "";
            proxy_pass http://behind;
            proxy_buffering off;
        }
    }
}
"""


class Nginx:
    """nginx, one worker."""

    name = "nginx"
    title = "nginx"
    manner = "one worker, key in a static `map`"

    def find(self, *, fetch: bool) -> Tool:
        """Debian's nginx."""
        return tools.debian("nginx", "-v", fetch=fetch)

    def set_up(self, tool: Tool, site: Site) -> Setup:
        """One key in the map."""
        key = made_up_key()
        access_log = site.place / "access.log" if site.logs_access else None
        config = fill(
            CONFIG,
            nginx_main=nginx_main(site.place),
            access_log=nginx_access_log(access_log),
            place=site.place,
            port=site.port,
            upstream_port=site.upstream_port,
            key=key,
        )
        command = nginx_command(tool.path, site.place, config)
        return Setup(command, key, made_up_key(), tool.env, access_log=access_log)
