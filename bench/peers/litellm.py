"""LiteLLM's proxy: a gateway for models alone, which reads each chat completion and writes it anew.

It answers ``/v1/models`` from its own configuration, so it takes part in the scenario of chat completions
and in no other. Its key is the master key; without a database it knows no others.
"""

from bench import tools
from bench.peers.contract import Setup, Site, made_up_key
from bench.text import fill
from bench.tools import Tool

CONFIG = """\
model_list:
  - model_name: bench
    litellm_params:
      model: openai/bench
      api_base: http://127.0.0.1:@upstream_port@/v1
      api_key: upstream
general_settings:
  master_key: @key@
"""
START_MAX_S = 60.0


class LiteLLM:
    """LiteLLM, one worker."""

    name = "litellm"
    title = "LiteLLM"
    manner = "one worker, master key, one model with `api_base`; chat completions alone"

    def find(self, *, fetch: bool) -> Tool:
        """LiteLLM from PATH or from PyPI's litellm[proxy]."""
        return tools.litellm(fetch=fetch)

    def set_up(self, tool: Tool, site: Site) -> Setup:
        """One model, and the key of whoever runs it."""
        key, wrong_key = f"sk-{made_up_key()}", f"sk-{made_up_key()}"
        file = site.place / "litellm.yaml"
        file.write_text(fill(CONFIG, key=key, upstream_port=site.upstream_port))
        command = [tool.path, "--config", str(file), "--host", "127.0.0.1", "--port", str(site.port)]
        command += ["--num_workers", "1"]
        return Setup(command, key, wrong_key, tool.env, only="chat", start_max_s=START_MAX_S)
