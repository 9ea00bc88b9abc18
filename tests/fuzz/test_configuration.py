"""Properties of reading a configuration.

1. No text, YAML or not, makes `load` raise anything but `ConfigError`, whose problems can all be shown.
2. What it loads can be shown, and what is shown loads again to the same settings.
3. Neither a variable nor a flag changes the first property, whatever it holds.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.load import Loaded, effective, load
from gateway.config.problems import ConfigError
from tests.fuzz.inputs import corpus, mutated, named_corpus

MANY = settings(max_examples=max(75, settings().max_examples // 4))

CORPUS = corpus("configuration")
EXAMPLE = (Path(__file__).parents[2] / "config.example.yaml").read_bytes()
PARTS = [
    *(
        b"\n",
        b"\n  ",
        b"\n- ",
        b": ",
        b"{",
        b"}",
        b"[",
        b"]",
        b"&a ",
        b"*a",
        b"!!",
        b"!",
        b"'",
        b'"',
        b"#",
        b"|",
        b">",
    ),
    *(
        b"null",
        b"true",
        b"1",
        b"-1",
        b"1e999",
        b".nan",
        b"0x1",
        b"${",
        b"${HOME}",
        b"${A:-b}",
        b"${file:x}",
        b"---\n",
    ),
    *(
        b"server:",
        b"routes:\n",
        b"url",
        b"scopes: []\n",
        b"public: true",
        b"<<: ",
        b"\t",
        b"\0",
        b"\xff",
        b"\xe2\x80\xa8",
    ),
    *(b"5m", b"1KiB", b"/**", b"http://", b"keyhatch:admin", b"*:*", b"127.0.0.0/8", b"\\u0000", b"? "),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("configuration") / "config.yaml"


def loaded(
    file: Path, raw: bytes, environ: Mapping[str, str] | None = None, flags: Mapping[str, str] | None = None
) -> Loaded | None:
    """What these bytes say, or None if they are refused in order."""
    file.write_bytes(raw)
    try:
        return load(file, environ or {}, flags or {})
    except ConfigError as error:
        refused = error
    assert refused.problems
    assert all(str(problem).isprintable() for problem in refused.problems)
    return None


def check(file: Path, raw: bytes) -> bool:
    found = loaded(file, raw)
    if found is None:
        return False
    again = loaded(file, yaml.safe_dump(effective(found), allow_unicode=True).encode())
    assert again is not None
    assert again.settings == found.settings
    return True


@pytest.mark.parametrize("raw", named_corpus("configuration"))
def test_the_corpus_is_loaded_or_refused_in_order(file: Path, raw: bytes) -> None:
    check(file, raw)


def test_the_corpus_holds_what_loads_and_what_does_not(file: Path) -> None:
    found = [check(file, raw) for raw in CORPUS]
    assert found.count(True) >= 2
    assert found.count(False) > 30


@MANY
@given(mutated([*CORPUS, EXAMPLE, EXAMPLE], PARTS))
def test_any_change_to_a_configuration_is_loaded_or_refused_in_order(file: Path, raw: bytes) -> None:
    check(file, raw)


@MANY
@given(st.text(max_size=80) | st.binary(max_size=80))
def test_any_text_is_loaded_or_refused_in_order(file: Path, text: str | bytes) -> None:
    check(file, text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)


names = st.sampled_from(
    ["SERVER__PROXY", "LIMITS__HEAD", "UPSTREAMS__AI__URL", "ROUTES", "SCOPES", "NO__SUCH", ""]
)


@MANY
@given(
    st.dictionaries(names.map("KEYHATCH_{}".format), st.text(max_size=12), max_size=3),
    st.dictionaries(st.sampled_from(["server.proxy", "store.url", "upstream"]), st.text(max_size=12)),
)
def test_no_variable_and_no_flag_makes_it_raise(
    file: Path, environ: dict[str, str], flags: dict[str, str]
) -> None:
    loaded(file, CORPUS[-1], environ, flags)
