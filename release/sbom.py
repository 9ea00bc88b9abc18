"""The SBOM: every package that `requirements/run.txt` pins, as CycloneDX in JSON.

The file is what the lock says and nothing else: name, version, for which platforms, and the hashes of every
file that pip may take. Licences, and who needs whom, are read from the packages as they are installed here,
which must be what is pinned. A package without a licence is an error, so that nobody ships one unseen. The
same lock, version and time give the same bytes.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

NAME: Final = "keyhatch"
SPOKEN: Final = SchemaVersion.V1_6
# What trove's classifiers are called in SPDX; only those that a pinned package names nowhere else.
SPDX: Final = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
}

_PIN: Final = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>[^\\\n]+?))? \\\n", re.MULTILINE
)
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of the lock."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]


def pins_of(lock: str) -> Iterator[Pin]:
    """What a lock file pins, in its order."""
    starts = list(_PIN.finditer(lock))
    ends = [match.start() for match in starts[1:]] + [len(lock)]
    for match, end in zip(starts, ends, strict=True):
        hashes = tuple(sorted(_HASH.findall(lock, match.end(), end)))
        yield Pin(match["name"], match["version"], match["marker"] or "", hashes)


def sbom_of(lock: str, version: str, at: int) -> str:
    """The SBOM of this version as JSON, made at this moment (seconds since 1970). Raises `ValueError`."""
    pins = {canonicalize_name(pin.name): pin for pin in pins_of(lock)}
    _assert_installed(pins.values())
    components = {name: _component(pin) for name, pin in pins.items()}
    product = Component(
        type=ComponentType.APPLICATION,
        name=NAME,
        version=version,
        bom_ref=f"pkg:generic/{NAME}@{version}",
        purl=PackageURL("generic", None, NAME, version),  # on no index: what has its name there is another's
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
    )
    bom = Bom(
        components=components.values(), serial_number=uuid5(NAMESPACE_URL, f"{NAME} {version} {at}\n{lock}")
    )
    bom.metadata.component = product
    bom.metadata.timestamp = datetime.fromtimestamp(at, UTC)
    for name, component in components.items():
        bom.register_dependency(
            component, [components[each] for each in needs_of(name) if each in components]
        )
    needed = {each for name in components for each in needs_of(name)}
    bom.register_dependency(product, [components[name] for name in components if name not in needed])
    return make_outputter(bom, OutputFormat.JSON, SPOKEN).output_as_string(indent=2) + "\n"


def needs_of(name: str) -> set[NormalizedName]:
    """The packages that an installed one asks for, whatever the platform; those of its extras left out."""
    wanted = map(Requirement, metadata.requires(name) or ())
    return {canonicalize_name(each.name) for each in wanted if "extra" not in str(each.marker or "")}


def licence_of(about: metadata.PackageMetadata) -> License:
    """Its licence as SPDX says it, else in its own words. Raises `ValueError` where it names none."""
    classifiers = [
        each.rpartition(" :: ")[2] for each in _told(about, "Classifier") if each.startswith("License")
    ]
    alike = " OR ".join(sorted(SPDX.get(each, each) for each in classifiers))
    told = [*_told(about, "License-Expression"), *filter(None, [alike]), *_told(about, "License")]
    if not told:
        raise ValueError(f"{about['Name']} names no licence: find out which it has before it is shipped")
    return LicenseFactory().make_from_string(told[0])


def _told(about: metadata.PackageMetadata, name: str) -> list[str]:
    return [str(each) for each in about.get_all(name) or ()]


def _assert_installed(pins: Iterable[Pin]) -> None:
    other = [f"{pin.name} {pin.version}" for pin in pins if _version_here(pin.name) != pin.version]
    if other:
        raise ValueError(
            f"the lock pins {', '.join(other)}, but something else is installed: make a new .venv"
        )


def _version_here(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _component(pin: Pin) -> Component:
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(f"https://pypi.org/project/{pin.name}/{pin.version}/#files"),
        comment="any one of the files with these hashes",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in pin.hashes],
    )
    return Component(
        type=ComponentType.LIBRARY,
        name=pin.name,
        version=pin.version,
        bom_ref=f"pkg:pypi/{pin.name}@{pin.version}",
        purl=PackageURL("pypi", None, pin.name, pin.version),
        licenses=[licence_of(metadata.metadata(pin.name))],
        external_references=[files],
        properties=[Property(name="keyhatch:marker", value=pin.marker)] if pin.marker else (),
    )
