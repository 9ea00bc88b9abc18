"""Guarantees of release/sbom.py: it holds what the lock pins and nothing else, and tools can read it."""

import json
import re
from email.message import Message
from importlib import metadata
from importlib.resources import files
from typing import Any

import jsonschema_rs
import pytest

from release.sbom import licence_of, pins_of, sbom_of
from tests.arch.sources import text
from tests.arch.test_repository import pins

AT = 1_800_000_000
LOCK = text("requirements/run.txt")


@pytest.fixture(scope="module")
def sbom() -> Any:
    return json.loads(sbom_of(LOCK, "1.2.3", AT))


def test_it_holds_exactly_what_the_lock_pins(sbom: Any) -> None:
    locked = pins("requirements/run.txt")
    assert {each["name"]: each["version"] for each in sbom["components"]} == {
        name: version for name, (version, _) in locked.items()
    }
    for each in sbom["components"]:
        (files_of,) = each["externalReferences"]
        assert len(files_of["hashes"]) == locked[each["name"]][1]
        assert all(f"--hash=sha256:{one['content']}" in LOCK for one in files_of["hashes"])
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"


def test_what_is_called_keyhatch_on_a_package_index_is_not_taken_for_it(sbom: Any) -> None:
    assert sbom["metadata"]["component"]["purl"] == "pkg:generic/keyhatch@1.2.3"


def test_every_package_has_a_licence_that_spdx_knows(sbom: Any) -> None:
    told = {each["name"]: each["licenses"][0] for each in sbom["components"]}
    assert [
        name for name, one in told.items() if not (one.get("expression") or one["license"].get("id"))
    ] == []
    assert told["uvloop"] == {"expression": "Apache-2.0 OR MIT"}


def test_it_says_what_is_not_everywhere_and_who_needs_whom(sbom: Any) -> None:
    marked = {
        each["name"]: each["properties"][0]["value"] for each in sbom["components"] if "properties" in each
    }
    assert marked["uvloop"] == "sys_platform != 'win32'"
    needs = {re.split("[/@]", each["ref"])[1]: each.get("dependsOn", []) for each in sbom["dependencies"]}
    assert "pkg:pypi/cffi@" in "".join(needs["cryptography"])
    assert needs.keys() == {"keyhatch", *pins("requirements/run.txt")}
    assert {re.split("[/@]", each)[1] for each in needs["keyhatch"]} >= {"aiohttp", "click", "uvloop"}


def test_the_schema_of_cyclonedx_takes_it(sbom: Any) -> None:
    schemas = {
        name: json.loads(files("cyclonedx.schema._res").joinpath(name).read_text("utf-8"))
        for name in (
            "bom-1.6.SNAPSHOT.schema.json",
            "spdx.SNAPSHOT.schema.json",
            "jsf-0.82.SNAPSHOT.schema.json",
        )
    }
    beside = [(f"http://cyclonedx.org/schema/{name}", schema) for name, schema in schemas.items()]
    schema = schemas["bom-1.6.SNAPSHOT.schema.json"]
    validator = jsonschema_rs.validator_for(
        schema, registry=jsonschema_rs.Registry(beside), validate_formats=True
    )
    validator.validate(sbom)
    assert not validator.is_valid({**sbom, "serialNumber": "none"})
    unknown = [{**sbom["components"][0], "licenses": [{"license": {"id": "Free"}}]}]
    assert not validator.is_valid({**sbom, "components": unknown})


def test_the_same_lock_gives_the_same_bytes(sbom: Any) -> None:
    again = sbom_of(LOCK, "1.2.3", AT)
    assert json.loads(again) == sbom
    assert sbom_of(LOCK, "1.2.3", AT) == again
    assert sbom_of(LOCK, "1.2.4", AT) != again


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"License-Expression": "MIT"}, "MIT"),
        ({"Classifier": "License :: OSI Approved :: MIT License", "License": "as above"}, "MIT"),
        ({"License": "Apache-2.0"}, "Apache-2.0"),
    ],
    ids=["expression", "classifier", "text"],
)
def test_a_licence_is_read_where_packages_tell_it(headers: dict[str, str], told: str) -> None:
    about: Any = Message()
    for name, value in headers.items():
        about[name] = value
    assert getattr(licence_of(about), "id") == told  # noqa: B009 - one of two shapes


def test_a_package_without_a_licence_is_not_shipped_unseen() -> None:
    about: Any = Message()
    about["Name"] = "nameless"
    with pytest.raises(ValueError, match="nameless names no licence"):
        licence_of(about)


@pytest.mark.parametrize(
    "wrong", [f"click=={metadata.version('click')}.1", "not-there==1.0"], ids=["other", "missing"]
)
def test_an_environment_that_is_not_the_locks_is_refused(wrong: str) -> None:
    lock = f"{wrong} \\\n    --hash=sha256:{'0' * 64}\n"
    assert [pin.name for pin in pins_of(lock)] == [wrong.partition("==")[0]]
    with pytest.raises(ValueError, match="something else is installed"):
        sbom_of(lock, "1.2.3", AT)
