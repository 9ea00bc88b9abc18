"""A script that has nothing but `curl` and the OpenAPI document: it asks for operations by their name.

The key travels in a file that curl reads (`--config`), never in its arguments.
"""

import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from tests.support.plain_caller import Answer


class CurlScript:
    """Somebody at a shell with this key."""

    def __init__(self, folder: Path, port: int, key: str) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._headers = folder / "curl.config"
        self._headers.write_text(f'header = "Authorization: Bearer {key}"\n')
        self.document: dict[str, Any] = self._curl("GET", "/api/v1/openapi.json", None, {}).data
        self._operations = {
            operation["operationId"]: (method.upper(), path, operation)
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
        }

    @property
    def operations(self) -> set[str]:
        """The names of all operations."""
        return set(self._operations)

    def ask(self, name: str, data: Any = None, /, **parameters: str) -> Answer:
        """Ask for an operation; each parameter goes where the document says that it stands."""
        method, path, operation = self._operations[name]
        query, headers = {}, {}
        for parameter in operation["parameters"]:
            spelled = parameter["name"].replace("-", "_")
            if spelled not in parameters:
                assert not parameter.get("required"), f"{name} needs {spelled}"
                continue
            value = parameters.pop(spelled)
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", quote(value, safe=""))
            elif parameter["in"] == "query":
                query[parameter["name"]] = value
            else:
                headers[parameter["name"]] = value
        assert not parameters, f"{name} takes no {parameters}"
        if data is not None:
            assert "application/json" in operation["requestBody"]["content"]
        target = self.document["servers"][0]["url"] + path + ("?" + urlencode(query) if query else "")
        return self._curl(method, target, data, headers)

    def _curl(self, method: str, target: str, data: Any, headers: dict[str, str]) -> Answer:
        words = ["curl", "-sS", "-D", "-", "--max-time", "20", "-X", method, "--config", str(self._headers)]
        for name, value in headers.items():
            words += ["-H", f"{name}: {value}"]
        if data is not None:
            words += ["-H", "Content-Type: application/json", "--data-binary", "@-"]
        ran = subprocess.run(
            [*words, self._base + target],
            input=b"" if data is None else json.dumps(data).encode(),
            capture_output=True,
            check=True,
            timeout=30,
        )
        head, _, body = ran.stdout.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        told = {name.lower(): value.strip() for name, _, value in pairs}
        return Answer(int(status.split()[1]), told, body)
