"""Who may call whom under some NetworkPolicies.

https://kubernetes.io/docs/concepts/services-networking/network-policies/ has the rules: a pod that
no policy of a direction selects may do all in that direction; one that some select may do what any of them
allows. A connection takes both ends' consent. Only as much as our policies use.
"""

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any


@dataclass(frozen=True)
class End:
    """A pod by its labels, or an address outside the cluster. `ports`: those that it names."""

    labels: dict[str, str] = field(default_factory=dict)
    namespace: str = "keyhatch"
    address: str | None = None
    ports: dict[str, int] = field(default_factory=dict)


def may_call(policies: list[dict[str, Any]], caller: End, called: End, port: int, by: str = "TCP") -> bool:
    """Whether this connection is let through."""
    return _consents(policies, "Egress", caller, called, (called, port, by)) and _consents(
        policies, "Ingress", called, caller, (called, port, by)
    )


def _consents(
    policies: list[dict[str, Any]], way: str, one: End, other: End, door: tuple[End, int, str]
) -> bool:
    key, side = ("egress", "to") if way == "Egress" else ("ingress", "from")
    chosen = [
        each["spec"]
        for each in policies
        if way in each["spec"]["policyTypes"]
        and each["metadata"]["namespace"] == one.namespace
        and one.address is None
        and selects(each["spec"]["podSelector"], one.labels)
    ]
    return not chosen or any(
        _opens(rule, door) and (side not in rule or any(_means(peer, one, other) for peer in rule[side]))
        for spec in chosen
        for rule in spec.get(key, [])
    )


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a selector of labels means something with these; an empty one means everything."""
    assert set(selector) <= {"matchLabels"}
    return all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())


def _opens(rule: dict[str, Any], door: tuple[End, int, str]) -> bool:
    called, port, by = door
    wanted = [
        (called.ports.get(each["port"], each["port"]), each["protocol"]) for each in rule.get("ports", [])
    ]
    return not wanted or (port, by) in wanted


def _means(peer: dict[str, Any], one: End, other: End) -> bool:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        where = None if other.address is None else ip_address(other.address)
        return (
            where is not None
            and where in ip_network(block["cidr"])
            and not any(where in ip_network(each) for each in block.get("except", []))
        )
    if other.address is not None:
        return False
    if "namespaceSelector" in peer:
        if not selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace}):
            return False
    elif other.namespace != one.namespace:
        return False
    return selects(peer.get("podSelector", {}), other.labels)
