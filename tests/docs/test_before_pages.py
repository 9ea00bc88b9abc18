"""Guarantees of docs/before: each page's configuration opens and closes what the page says.

The commands of these pages are judged, not run: `keyhatch keys create` is a key with these scopes, and each
curl and `keyhatch explain` is decided by `gateway.core.policy` with the page's own routes, as the gateway
would. tests/conformance/test_presets.py has real requests to every endpoint of every preset.
"""

import argparse
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import encode_basic_auth

from gateway.config.compile import table
from gateway.config.load import Loaded, load
from gateway.core.decision import NeedKey
from gateway.core.keys import ApiKey, digest_of
from gateway.core.ours import Ours
from gateway.core.policy import admit, judge
from gateway.core.refusal import Deny
from gateway.core.request import Kind
from gateway.core.scopes import covers
from gateway.wire.reply import say_why
from gateway.wire.story import NEEDS_KEY, REFUSED, tell
from tests.docs.documents import PATHS, Document, document
from tests.docs.preset_tables import NAMES
from tests.unit.core.samples import NOW, PREFIX, record, secret, view

PAGES = [document(path) for path in PATHS if path.startswith("docs/before/")]
SET_UP = ("keyhatch check", "keyhatch serve", "keyhatch credentials ")

_COMMENT = re.compile(r"\s# *(?P<text>.*)$")
_CREATE = argparse.ArgumentParser()
_CREATE.add_argument("name")
_CREATE.add_argument("-q", action="store_true")
_CREATE.add_argument("--scope", action="append", default=[])
_CREATE.add_argument("--owner")
_EXPLAIN = argparse.ArgumentParser()
_EXPLAIN.add_argument("method")
_EXPLAIN.add_argument("path")
_EXPLAIN.add_argument("--key-id")
_CURL = argparse.ArgumentParser()
_CURL.add_argument("-X", dest="method")
_CURL.add_argument("-H", dest="headers", action="append", default=[])
_CURL.add_argument("-d", dest="body")
_CURL.add_argument("-F", dest="form", action="append")
_CURL.add_argument("-o", dest="file")
_CURL.add_argument("-i", action="store_true")
_CURL.add_argument("-N", action="store_true")
_CURL.add_argument("url")


@dataclass
class Reader:
    """Somebody who follows a page: what they have configured, and the keys that they have made."""

    loaded: Loaded
    keys: dict[str, ApiKey] = field(default_factory=dict)
    """By name; the last one is in `$KEY`."""
    judged: int = 0

    def follow(self, line: str) -> None:
        """One command."""
        comment = _COMMENT.search(line)
        said = comment["text"] if comment else ""
        words = shlex.split(_COMMENT.sub("", line).removeprefix("KEY=$(").removesuffix(")"))
        if words[:3] == ["keyhatch", "keys", "create"]:
            self._create(_CREATE.parse_args(words[3:]))
        elif words[:2] == ["keyhatch", "explain"]:
            self._explain(_EXPLAIN.parse_args(words[2:]), said)
        elif words[0] == "curl":
            self._curl(_CURL.parse_args(words[1:]), said)
        else:
            assert line.startswith(SET_UP), f"nobody knows what becomes of: {line}"

    def _create(self, made: argparse.Namespace) -> None:
        scopes = frozenset(scope for text in made.scope for scope in text.split(","))
        catalogue = self.loaded.settings.catalogue
        assert all(any(covers({grant}, scope) for scope in catalogue) for grant in scopes), scopes
        self.keys[made.name] = record(secret(len(self.keys)), name=made.name, scopes=scopes)

    def _explain(self, asked: argparse.Namespace, said: str) -> None:
        key = self.keys[asked.key_id] if asked.key_id else None
        story = tell(asked.method, asked.path, table(self.loaded.settings), key, None, NOW)
        if story.deny is None:
            assert said.startswith("allowed" if key or story.outcome != NEEDS_KEY else "needs"), story
        else:
            assert story.outcome == REFUSED
            assert said.startswith(f"exit code 4: {story.deny.reason.value}"), story.deny
        self.judged += 1

    def _curl(self, asked: argparse.Namespace, said: str) -> None:
        shown = secret(len(self.keys) - 1)
        url = urlsplit(asked.url.replace("$KEY", shown))
        headers = [tuple(text.replace("$KEY", shown).split(": ", 1)) for text in asked.headers]
        if url.password:
            headers.append(("Authorization", encode_basic_auth(url.username or "", url.password)))
        is_socket = any(name.lower() == "upgrade" for name, _ in headers)
        sends = asked.body is not None or asked.form is not None
        request = view(
            *((name.lower(), value) for name, value in headers),
            method=asked.method or ("POST" if sends else "GET"),
            path=url.path + (f"?{url.query}" if url.query else ""),
            kind=Kind.WEBSOCKET if is_socket else Kind.PLAIN,
        )
        verdict = admit(request, table(self.loaded.settings), Ours(PREFIX))
        if isinstance(verdict, NeedKey):
            [key] = [key for key in self.keys.values() if digest_of(shown) == key.digest]
            verdict = judge(verdict, key, NOW)
        if isinstance(verdict, Deny):
            status = say_why(verdict, PREFIX).status
            assert said.startswith(f"{status}: {verdict.reason.value}"), (asked, verdict)
        else:
            assert said.startswith("101" if is_socket else "200"), (asked, verdict)
        self.judged += 1


def commands(page: Document) -> Iterator[str]:
    """Its commands, those that go on in the next line as one."""
    for fence in page.fences():
        if fence.is_run:
            yield from (line for line in fence.text.replace("\\\n", " ").splitlines() if line.strip())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_what_a_page_shows_is_decided_as_it_says(page: Document, tmp_path: Path) -> None:
    [written] = [fence for fence in page.fences() if fence.file == "config.yaml"]
    (tmp_path / "config.yaml").write_text(written.text)
    (tmp_path / "vault.key").touch()
    reader = Reader(load(tmp_path / "config.yaml", {}, {}))
    for line in commands(page):
        reader.follow(line)
    assert reader.judged >= 3


def test_every_preset_has_a_page_that_puts_it_before_its_server() -> None:
    named = {
        preset
        for page in PAGES
        for fence in page.fences()
        if fence.kind == "yaml"
        for preset in re.findall(r"\bpreset: ([\w-]+)", fence.text)
    }
    assert set(NAMES) - {"generic"} - named == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_a_page_tells_where_its_facts_are_from(page: Document) -> None:
    presets = {name for name in NAMES if re.search(rf"\bpreset: {name}\b", page.text)}
    assert "https://" in page.section("## Sources")
    assert [name for name in presets if f"presets.md#{name}" not in page.text] == []
