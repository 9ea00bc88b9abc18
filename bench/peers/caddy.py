"""Caddy with a header matcher: one key, written into its configuration."""

from bench import tools
from bench.peers.contract import Setup, Site, made_up_key
from bench.text import fill
from bench.tools import Tool

CONFIG = """\
{
    admin off
    auto_https off
}
http://:@port@ {
    bind 127.0.0.1
    @log@
    @known header X-API-Key @key@
    handle @known {
        request_header -X-API-Key
        reverse_proxy 127.0.0.1:@upstream_port@ {
            flush_interval -1
        }
    }
    handle {
        respond 401
    }
}
"""
LOG = """\
log {
        output stdout
        format filter {
            wrap json
            fields {
                request>headers delete
                resp_headers delete
            }
        }
    }"""


class Caddy:
    """Caddy, on one core."""

    name = "caddy"
    title = "Caddy"
    manner = "header matcher, `reverse_proxy`; GOMAXPROCS=1"

    def find(self, *, fetch: bool) -> Tool:
        """Debian's caddy."""
        return tools.debian("caddy", "version", fetch=fetch)

    def set_up(self, tool: Tool, site: Site) -> Setup:
        """One key in the matcher."""
        key = made_up_key()
        file = site.place / "Caddyfile"
        file.write_text(
            fill(
                CONFIG.replace("@known", "#known#"),
                port=site.port,
                upstream_port=site.upstream_port,
                key=key,
                log=LOG if site.logs_access else "",
            ).replace("#known#", "@known")
        )
        env = {**tool.env, "GOMAXPROCS": "1", "HOME": str(site.place), "XDG_DATA_HOME": str(site.place)}
        command = [tool.path, "run", "--config", str(file), "--adapter", "caddyfile"]
        access_log = site.output if site.logs_access else None
        return Setup(command, key, made_up_key(), env, access_log=access_log)
