"""The image, built once for all tests here. They are run by `make image-test` and by nothing else.

They take root, Debian's mmdebstrap, podman and buildah, the network and minutes. Without IMAGE_TEST=1 nothing
here is even collected, so `make test` neither runs nor skips them.
"""

import os
from collections.abc import Iterator

import pytest

from tests.image.container import Container
from tests.image.workshop import Workshop
from tests.support.lasting_upstream import LastingUpstream

collect_ignore_glob = [] if os.environ.get("IMAGE_TEST") == "1" else ["test_*.py"]

LABELS = {"VERSION": "9.8.7", "REVISION": "0123abc", "CREATED": "2027-01-15T08:00:00Z", "SOURCE": "here"}


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Podman and buildah with a storage of their own, which goes when the tests are over."""
    with Workshop(tmp_path_factory.mktemp("workshop")) as workshop:
        workshop.make_base()
        yield workshop


@pytest.fixture(scope="session")
def image(workshop: Workshop) -> str:
    """The image as the Dockerfile says, labelled."""
    return workshop.build("keyhatch", **LABELS)


@pytest.fixture(scope="session")
def upstream() -> Iterator[LastingUpstream]:
    with LastingUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def container(workshop: Workshop, image: str, upstream: LastingUpstream) -> Iterator[Container]:
    """A container that runs, before a real upstream."""
    with Container(workshop, image, KEYHATCH_UPSTREAM=upstream.url) as container:
        container.start()
        yield container
