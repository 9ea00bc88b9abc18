"""The restricted Pod Security Standard, which includes the baseline one, as the API server holds pods to it.

https://kubernetes.io/docs/concepts/security/pod-security-standards/ - each function answers for a part of it.
"""

from collections.abc import Iterator
from typing import Any, Final

VOLUMES: Final = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
SECCOMP: Final = frozenset({"RuntimeDefault", "Localhost"})


def violations(pod: dict[str, Any]) -> list[str]:
    """What in a pod's `spec` the restricted standard does not allow."""
    containers = [*pod.get("containers", []), *pod.get("initContainers", [])]
    found = [*_of_pod(pod), *_of_volumes(pod)]
    for each in containers:
        found += _of_container(each, pod.get("securityContext", {}))
    return found


def _of_pod(pod: dict[str, Any]) -> Iterator[str]:
    yield from (name for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name))
    if pod.get("securityContext", {}).get("sysctls"):
        yield "sysctls"


def _of_volumes(pod: dict[str, Any]) -> Iterator[str]:
    for volume in pod.get("volumes", []):
        yield from (f"volume {kind}" for kind in volume.keys() - VOLUMES - {"name"})


def _of_container(container: dict[str, Any], of_pod: dict[str, Any]) -> Iterator[str]:
    own = container.get("securityContext", {})
    both = {**of_pod, **own}
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if both.get("runAsNonRoot") is not True or both.get("runAsUser", 1) == 0:
        yield "root"
    if both.get("seccompProfile", {}).get("type") not in SECCOMP:
        yield "seccompProfile"
    capabilities = own.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []):
        yield "capabilities kept"
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "capabilities added"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield "hostPort"
    if own.get("procMount", "Default") != "Default":
        yield "procMount"
