"""The machine is described as far as it bears on the figures, and no further."""

import platform

import pytest

from bench.machine import describe, short_kernel


@pytest.mark.parametrize(
    ("release", "said"),
    [
        pytest.param("6.1.0-18-cloud-amd64", "6.1", id="distribution"),
        pytest.param("6.18.44-somebody1", "6.18", id="own build"),
        pytest.param("odd", "odd", id="unknown form"),
    ],
)
def test_a_kernel_is_named_without_its_build(release: str, said: str) -> None:
    assert short_kernel(release) == said


def test_the_host_is_not_named() -> None:
    assert platform.node() not in describe().split(", ")
    assert "core" in describe()
