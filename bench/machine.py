"""Describes the machine as far as it bears on the figures, and no further: no host, no user, no path."""

import os
import platform
import re


def describe() -> str:
    """Cores, processor, memory, system, kernel and Python in one line."""
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    cores = len(os.sched_getaffinity(0))
    parts = [
        f"{cores} core{'s' if cores > 1 else ''} ({platform.machine()})",
        f"{memory_gib:.0f} GiB",
        _system(),
        f"Linux {short_kernel(platform.release())}",
        f"{platform.python_implementation()} {platform.python_version()}",
    ]
    return ", ".join(part for part in parts if part)


def short_kernel(release: str) -> str:
    """``6.1`` of ``6.1.0-18-cloud-amd64``: what follows names a build, not a kernel."""
    found = re.match(r"\d+\.\d+", release)
    return found[0] if found else release


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return ""
