"""Guarantees of gateway/admin/console/files.py: own files, under a policy that runs nothing else."""

import gzip
import re
from pathlib import Path

import pytest

from gateway.admin.console.files import FOLDER, read_files
from gateway.core.refusal import Reason
from gateway.keeper.audit import ACTS
from tests.unit.admin.console.stand import ConsoleStand

FILES = read_files()
each_file = pytest.mark.parametrize("name", FILES)


@each_file
async def test_each_file_is_served_as_it_is(stand: ConsoleStand, name: str) -> None:
    told = await stand.send("GET", f"/console/{name}")
    assert (told.status, told.raw) == (200, (FOLDER / name).read_bytes())
    assert told.headers["Content-Type"] == f"{FILES[name].content_type}; charset=utf-8"


async def test_the_root_leads_to_the_page(stand: ConsoleStand) -> None:
    for path in ("/", "/console"):
        told = await stand.send("GET", path)
        assert (told.status, told.headers["Location"]) == (303, "/console/")
    assert (await stand.send("GET", "/console/")).raw == FILES["index.html"].raw


@each_file
async def test_nothing_runs_but_own_files_and_nobody_frames_them(stand: ConsoleStand, name: str) -> None:
    sent = {"Sec-Fetch-Site": "none"}
    headers = (await stand.send("GET", f"/console/{name}", headers=sent)).headers
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert {policy[f"{kind}-src"] for kind in ("script", "style", "img", "connect")} == {"'self'"}
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


async def test_who_has_a_file_already_gets_none(stand: ConsoleStand) -> None:
    etag = (await stand.send("GET", "/console/main.js")).headers["ETag"]
    for tags in (etag, f'"other", W/{etag}'):
        told = await stand.send("GET", "/console/main.js", headers={"If-None-Match": tags})
        assert (told.status, told.raw, told.headers["ETag"]) == (304, b"", etag)
    told = await stand.send("GET", "/console/main.js", headers={"If-None-Match": '"other"'})
    assert told.status == 200


async def test_who_takes_gzip_gets_it(stand: ConsoleStand) -> None:
    told = await stand.client.get("/console/main.js", headers={"Accept-Encoding": "br, gzip"})
    assert told.headers["Content-Encoding"] == "gzip"
    assert told.headers["Vary"] == "Accept-Encoding"
    assert await told.read() == FILES["main.js"].raw  # the client unpacked it
    assert gzip.decompress(FILES["main.js"].packed) == FILES["main.js"].raw


def test_the_first_visit_is_small() -> None:
    assert sum(len(file.packed) for file in FILES.values()) < 60_000


@pytest.mark.parametrize(
    "path",
    ["/console/nothing.js", "/console/../files.py", "/console/%2e%2e/files.py", "/console/static/main.js"],
)
async def test_no_path_leads_anywhere_else(stand: ConsoleStand, path: str) -> None:
    assert b" 404 " in (await stand.speak(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode()))[:16]


def test_a_kind_of_file_that_nobody_knows_is_a_mistake_of_ours(tmp_path: Path) -> None:
    (tmp_path / "page.php").write_text("?")
    with pytest.raises(KeyError):
        read_files(tmp_path)


MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function"
    r"|setAttribute\(.style|javascript:"
)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_no_script_turns_text_into_markup_or_code(name: str) -> None:
    assert MARKUP.search(FILES[name].raw.decode()) is None


def test_the_page_holds_no_script_and_no_style_of_its_own() -> None:
    page = FILES["index.html"].raw.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\son[a-z]+=|\sstyle=", page) == []


@pytest.mark.parametrize("name", [name for name in FILES if name != "mark.svg"])
def test_no_file_names_an_address_elsewhere(name: str) -> None:
    found = re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", FILES[name].raw.decode())
    assert [address for address in found if "www.w3.org" not in address] == []


IMPORT = re.compile(r'^import \{ ([^}]+) \} from "\./([a-z_]+\.js)";$', re.MULTILINE)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_every_name_that_is_imported_is_there_and_used(name: str) -> None:
    script = FILES[name].raw.decode()
    assert len(IMPORT.findall(script)) == script.count("\nimport ")
    rest = IMPORT.sub("", script)
    for imported, source in IMPORT.findall(script):
        exporting = FILES[source].raw.decode()
        for word in imported.split(", "):
            assert re.search(
                rf"^export (?:async )?(?:function|const|class) {word}\b", exporting, re.MULTILINE
            ), word
            assert re.search(rf"\b{word}\b", rest), word


def test_every_reason_has_words_and_every_act_can_be_sought() -> None:
    words = re.findall(r"^  ([a-z_]+): \"", FILES["parts.js"].raw.decode(), re.MULTILINE)
    assert set(words) == {reason.value for reason in Reason}
    told = re.search(r"^const ACTS = \[(.*)\];$", FILES["audit.js"].raw.decode(), re.MULTILINE)
    assert told
    assert set(re.findall(r'"([a-z_]+)"', told[1])) == set(ACTS)
