"""Exposition: the text that Prometheus reads, in the format its `Accept` header asks for.

prometheus-client writes the formats and chooses between them. It is only shown the offers whose version we
know: it would repeat any other in its answer, and stumbles over versions that are not numbers.
"""

from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

VERSIONS: Final = frozenset({"0.0.4", "1.0.0"})
"""Prometheus text 0.0.4 and 1.0.0, OpenMetrics 1.0.0."""


def expose(registry: CollectorRegistry, accept: str = "") -> tuple[bytes, str]:
    """All families of the registry and the content type; Prometheus text 0.0.4 unless more is asked for."""
    offers = [offer for offer in accept.split(",") if _version(offer) in VERSIONS]
    encode, content_type = choose_encoder(",".join(offers))
    return encode(registry), content_type


def _version(offer: str) -> str:
    """The version that one media range names; OpenMetrics without one means 1.0.0."""
    for parameter in offer.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name == "version":
            return value
    return "1.0.0"
