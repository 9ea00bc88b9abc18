"""Several observers as one. An accident in one of them reaches neither the request nor the others."""

import logging
from collections.abc import Sequence
from typing import Final

from gateway.keeper.ports import Exchange, Observer

_LOG: Final = logging.getLogger("gateway.observers")


class Observers:
    """Tells each observer of every exchange, in order. Never raises; an accident is logged once per kind.

    Observers may join and leave at any time. One that joined is told of the end of exchanges of whose
    beginning it was not told.
    """

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._hold(tuple(observers))
        self._known: set[tuple[str, type[Exception]]] = set()

    def add(self, observer: Observer) -> None:
        """Tell this one too, after the others."""
        self._hold((*self._observers, observer))

    def remove(self, observer: Observer) -> None:
        """Tell this one no more; who was not told anyway is passed over."""
        self._hold(tuple(each for each in self._observers if each is not observer))

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

    def _hold(self, observers: tuple[Observer, ...]) -> None:
        """New tuples each time, for the old ones may be on the way through; bound once, not per exchange."""
        self._observers = observers
        self._began = tuple(observer.exchange_began for observer in observers)
        self._ended = tuple(observer.exchange_ended for observer in observers)

    def _tell(self, where: str, trouble: Exception) -> None:
        kind = (where, type(trouble))
        if kind not in self._known:
            self._known.add(kind)
            _LOG.error("%s failed; this is told once", where, exc_info=trouble)
