"""A real Prometheus for a test: it scrapes one gateway by the configuration and the rules of deploy/.

What is changed in its copy, and nothing else: the target's address; the interval of scrapes and of rules,
half a second; and every range, offset and `for` of a rule, seconds instead of minutes to a day. So what
takes a quarter of an hour at home takes seconds here, while thresholds, labels and words stay as they are.
"""

import re
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlencode

import yaml

from tests.arch.sources import ROOT
from tests.support.plain_caller import ask
from tests.support.programs import program
from tests.support.real_upstreams import free_port
from tests.support.running_gateway import eventually, listens

FOLDER: Final = ROOT / "deploy/prometheus"
EVERY: Final = "500ms"
RANGE: Final = "6s"
FOR: Final = "2s"
_RANGE: Final = re.compile(r"\[\d+[mhd]\]")
_OFFSET: Final = re.compile(r"offset \d+[mhd]\b")


class PrometheusServer:
    """Prometheus over `folder`, scraping the gateway's admin listener at this port."""

    def __init__(self, folder: Path, admin_port: int) -> None:
        self.port = free_port()
        self._folder = folder
        folder.mkdir()
        written = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
        written["global"] = {"scrape_interval": EVERY, "scrape_timeout": EVERY, "evaluation_interval": EVERY}
        written["scrape_configs"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{admin_port}"]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(written))
        for name in written["rule_files"]:
            (folder / name).write_text(_hurried((FOLDER / name).read_text("utf-8")))

    def ask(self, path: str, **query: str) -> Any:
        """What its API answers under `data`; an answer that is no success is a failure of the test."""
        answer = ask(self.port, f"/api/v1/{path}?{urlencode(query)}")
        assert answer.data["status"] == "success", answer.data
        return answer.data["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples that an expression has now."""
        return list(self.ask("query", query=expression)["result"])

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that fire now."""
        return [alert for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"]

    def firing(self) -> set[str]:
        """Their names."""
        return {str(alert["labels"]["alertname"]) for alert in self.alerts()}

    def __enter__(self) -> Self:
        command = [
            program("prometheus"),
            f"--config.file={self._folder}/prometheus.yml",
            f"--storage.tsdb.path={self._folder}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=warn",
        ]
        with (self._folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        eventually(self._is_there, "Prometheus listens", 30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _is_there(self) -> bool:
        ended = self._process.poll()
        assert ended is None, (self._folder / "prometheus.log").read_text("utf-8")
        return listens(self.port) and ask(self.port, "/-/ready").status == 200


def _hurried(rules: str) -> str:
    """The rules with ranges, offsets and `for` of seconds."""
    read = yaml.safe_load(rules)
    for rule in (rule for group in read["groups"] for rule in group["rules"]):
        rule["expr"] = _OFFSET.sub(f"offset {RANGE}", _RANGE.sub(f"[{RANGE}]", rule["expr"]))
        if "for" in rule:
            rule["for"] = FOR
    return yaml.safe_dump(read, width=1000)
