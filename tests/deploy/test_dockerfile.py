"""Guarantees of the Dockerfile that need no engine; `make image-test` builds and runs it."""

import json
import re
import shlex

from gateway.config.load import load
from tests.arch.sources import ROOT, committed_files, text
from tests.deploy import image
from tests.deploy.dockerfile import instructions, stages

BUILD, FINAL = stages()


def said(word: str) -> list[str]:
    """What stands behind each such instruction of the final stage."""
    return [rest for each, rest in FINAL if each == word]


def variables() -> dict[str, str]:
    return dict(each.split("=", 1) for rest in said("ENV") for each in shlex.split(rest))


def test_it_is_what_everything_that_runs_it_is_told() -> None:
    assert said("USER") == [f"{image.USER}:{image.USER}"]
    assert said("WORKDIR") == [image.FOLDER]
    assert said("VOLUME") == [image.DATA]
    assert sorted(map(int, said("EXPOSE")[0].split())) == sorted(image.PORTS.values())
    assert {name: at for name, at in variables().items() if name.startswith("KEYHATCH_")} == image.VARIABLES
    assert [json.loads(each[0]) for each in (said("ENTRYPOINT"), said("CMD"))] == [["keyhatch"], ["serve"]]
    assert said("STOPSIGNAL") == ["SIGTERM"]
    assert f"install -d -m 0700 -o {image.USER} -g {image.USER} {image.DATA}" in " ".join(said("RUN"))


def test_its_variables_are_options_and_one_more_makes_a_gateway() -> None:
    loaded = load(None, {**image.VARIABLES, "KEYHATCH_UPSTREAM": "http://server:8000"}, {})
    assert str(loaded.store_path) == f"{image.DATA}/keyhatch.db"
    told = {"proxy": loaded.settings.server.proxy.port, "admin": loaded.settings.server.admin.port}
    assert told == image.PORTS


def test_all_that_is_installed_is_pinned_by_hash_and_nothing_is_compiled() -> None:
    text_of = " ".join(rest for word, rest in BUILD if word == "RUN")
    installs = re.findall(r" install (.+?)(?:&&|$)", text_of)
    assert len(installs) == 3
    for each in installs:
        own = "--no-index --no-deps dist/*.whl" in each
        assert own or ("--require-hashes" in each and "--only-binary :all:" in each)
    assert not re.search(r"apt|apk|gcc|build-essential", text_of)


def test_what_is_copied_is_let_into_the_build_and_little_else() -> None:
    asked = [each.split()[:-1] for word, each in BUILD if word == "COPY"]
    copied = {path.rstrip("/") for paths in asked for path in paths}
    allowed = [line[1:] for line in text(".dockerignore").splitlines() if line.startswith("!")]
    assert text(".dockerignore").replace("#", "\n#").split("\n*\n")[0].count("!") == 0
    for path in copied:
        assert (ROOT / path).exists()
        assert any(each == path or each.startswith(f"{path}/") for each in allowed), path
    for each in allowed:
        assert any(each == path or each.startswith(f"{path}/") for path in copied), each


def test_nothing_that_a_wheel_needs_is_left_out() -> None:
    kept_out = [line for line in text(".dockerignore").splitlines() if line.startswith("**/")]
    patterns = [re.escape(each.removeprefix("**/")).replace(r"\*", "[^/]*") for each in kept_out]
    left_out = re.compile(rf"(?:^|/)(?:{'|'.join(patterns)})(?:/|$)")
    assert left_out.search("gateway/.env")
    assert left_out.search("gateway/keyhatch.db-wal")
    assert [path for path in committed_files() if path.startswith("gateway/") and left_out.search(path)] == []


def test_no_argument_is_for_a_secret_and_the_last_stage_is_given_none() -> None:
    arguments = {
        each.split("=")[0] for word, rest in instructions() if word == "ARG" for each in rest.split()
    }
    assert arguments == {"BASE", "EXTRA", "VERSION", "REVISION", "CREATED", "SOURCE"}
    assert all("--mount=type=secret" not in rest for word, rest in FINAL if word == "RUN")
