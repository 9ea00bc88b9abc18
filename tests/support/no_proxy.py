"""Real clients look for proxies in the environment; ours talk to this machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def no_proxy() -> Iterator[None]:
    """The environment without any, as long as this is entered."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            patch.delenv(name)
        patch.setenv("NO_PROXY", "*")
        yield
