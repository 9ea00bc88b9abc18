"""Guarantees of gateway/logs/observers.py: all are told, and no accident reaches the request."""

import logging

import pytest

from gateway.keeper.ports import Exchange, Observer
from gateway.logs.observers import Observers
from tests.unit.logs.conftest import MakeExchange


class Recorder:
    def __init__(self, name: str, told: list[str]) -> None:
        self.name = name
        self.told = told

    def exchange_began(self) -> None:
        self.told.append(f"{self.name} began")

    def exchange_ended(self, exchange: Exchange) -> None:
        self.told.append(f"{self.name} ended {exchange.status}")


class Broken:
    def exchange_began(self) -> None:
        raise RuntimeError("began")

    def exchange_ended(self, exchange: Exchange) -> None:
        raise KeyError(exchange.status) if exchange.status == 500 else RuntimeError("ended")


def test_all_are_told_in_order(exchange: MakeExchange) -> None:
    told: list[str] = []
    observers: Observer = Observers([Recorder("a", told), Recorder("b", told)])
    observers.exchange_began()
    observers.exchange_ended(exchange(status=204))
    assert told == ["a began", "b began", "a ended 204", "b ended 204"]


def test_an_accident_stays_with_its_observer(exchange: MakeExchange) -> None:
    told: list[str] = []
    observers = Observers([Broken(), Recorder("b", told)])
    observers.exchange_began()
    observers.exchange_ended(exchange())
    assert told == ["b began", "b ended 200"]


def test_an_accident_is_logged_once_per_kind(
    exchange: MakeExchange, caplog: pytest.LogCaptureFixture
) -> None:
    observers = Observers([Broken()])
    with caplog.at_level(logging.ERROR):
        for status in (200, 200, 500, 500):
            observers.exchange_began()
            observers.exchange_ended(exchange(status=status))
    assert [record.getMessage() for record in caplog.records] == [
        "Broken.exchange_began failed; this is told once",
        "Broken.exchange_ended failed; this is told once",
        "Broken.exchange_ended failed; this is told once",
    ]
    assert all(record.exc_info is not None for record in caplog.records)


def test_who_joins_is_told_last_and_who_leaves_is_told_no_more(exchange: MakeExchange) -> None:
    told: list[str] = []
    observers, late = Observers([Recorder("a", told)]), Recorder("late", told)
    observers.add(late)
    observers.exchange_began()
    observers.exchange_ended(exchange(status=204))
    assert told == ["a began", "late began", "a ended 204", "late ended 204"]
    observers.remove(late)
    observers.remove(late)
    observers.exchange_began()
    assert told[4:] == ["a began"]


def test_who_leaves_while_all_are_told_keeps_nobody_from_being_told(exchange: MakeExchange) -> None:
    told: list[str] = []

    class Leaving(Recorder):
        def exchange_ended(self, exchange: Exchange) -> None:
            super().exchange_ended(exchange)
            observers.remove(self)

    observers = Observers([Leaving("a", told), Recorder("b", told)])
    observers.exchange_ended(exchange(status=200))
    observers.exchange_ended(exchange(status=204))
    assert told == ["a ended 200", "b ended 200", "b ended 204"]
