"""HAProxy with its keys in a file."""

from bench import tools
from bench.peers.contract import Setup, Site, made_up_key
from bench.text import fill
from bench.tools import Tool

CONFIG = """\
global
    nbthread 1
    maxconn 8192
    @log@
defaults
    mode http
    @log_format@
    option http-keep-alive
    http-reuse always
    timeout connect 5s
    timeout client 75s
    timeout server 300s
frontend callers
    bind 127.0.0.1:@port@
    acl known req.hdr(x-api-key) -m str -f @place@/keys
    http-request return status 401 content-type text/plain string "unknown key" unless known
    http-request del-header x-api-key
    default_backend behind
backend behind
    server upstream 127.0.0.1:@upstream_port@
"""
LOG = "log stdout len 4096 format raw local0"
LOG_FORMAT = """\
log global
    log-format '%{+E}o{"time":"%trg","method":"%HM","path":"%HPO","peer":"%ci","status":%ST,\
"bytes_in":%U,"bytes_out":%B,"duration_ms":%Ta}'"""


class HAProxy:
    """HAProxy, one thread."""

    name = "haproxy"
    title = "HAProxy"
    manner = "one thread, key in a file"

    def find(self, *, fetch: bool) -> Tool:
        """Debian's haproxy."""
        return tools.debian("haproxy", "-v", fetch=fetch)

    def set_up(self, tool: Tool, site: Site) -> Setup:
        """One key in the file."""
        key = made_up_key()
        (site.place / "keys").write_text(key + "\n")
        file = site.place / "haproxy.cfg"
        config = fill(
            CONFIG,
            place=site.place,
            port=site.port,
            upstream_port=site.upstream_port,
            log=LOG if site.logs_access else "",
            log_format=LOG_FORMAT if site.logs_access else "",
        )
        file.write_text(config)
        access_log = site.output if site.logs_access else None
        command = [tool.path, "-db", "-f", str(file)]
        return Setup(command, key, made_up_key(), tool.env, access_log=access_log)
