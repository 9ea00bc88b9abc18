"""Several observers as one. An accident in one of them reaches neither the request nor the others."""

import logging
from collections.abc import Sequence
from typing import Final

from gateway.keeper.ports import Exchange, Observer

_LOG: Final = logging.getLogger("gateway.observers")


class Observers:
    """Tells each observer of every exchange, in order. Never raises; an accident is logged once per kind."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._began = tuple(observer.exchange_began for observer in observers)
        self._ended = tuple(observer.exchange_ended for observer in observers)
        self._known: set[tuple[str, type[Exception]]] = set()

    def exchange_began(self) -> None:
        """A request's head was read."""
        for began in self._began:
            try:
                began()
            except Exception as trouble:  # noqa: BLE001 the request goes on
                self._tell(began.__qualname__, trouble)

    def exchange_ended(self, exchange: Exchange) -> None:
        """The exchange is over; told exactly once per `exchange_began`."""
        for ended in self._ended:
            try:
                ended(exchange)
            except Exception as trouble:  # noqa: BLE001 the request goes on
                self._tell(ended.__qualname__, trouble)

    def _tell(self, where: str, trouble: Exception) -> None:
        kind = (where, type(trouble))
        if kind not in self._known:
            self._known.add(kind)
            _LOG.error("%s failed; this is told once", where, exc_info=trouble)
