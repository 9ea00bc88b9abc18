"""A caller of the management API: one key, one request at a time, answers as JSON."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.plain_caller import Answer, ask

BASE = "/api/v1"


@dataclass(frozen=True)
class Management:
    """Whoever manages with this key. None shows no key at all."""

    port: int
    key: str | None

    def __call__(self, method: str, path: str, data: Any = None, **headers: str) -> Answer:
        """Ask; names of headers are written with `_` for `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        body = None
        if data is not None:
            body = json.dumps(data).encode()
            sent.setdefault("Content-Type", "application/json")
        return ask(self.port, BASE + path, method, key=self.key, headers=sent, body=body)

    def create(self, name: str, **fields: Any) -> dict[str, Any]:
        """A new key, its secret in `key`."""
        answer = self("POST", "/keys", {"name": name, **fields})
        assert answer.status == 201, answer.body
        return dict(answer.data)

    def every(self, path: str) -> list[dict[str, Any]]:
        """All items of a list, page by page."""
        items: list[dict[str, Any]] = []
        cursor = ""
        while True:
            joint = "&" if "?" in path else "?"
            page = self("GET", f"{path}{joint}limit=50{cursor}").data
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = f"&cursor={page['next_cursor']}"


def first_key(folder: Path) -> str:
    """The admin key that the first start wrote there."""
    return (folder / "admin.key").read_text("ascii").strip()
