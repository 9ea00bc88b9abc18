"""Guarantees of gateway/admin/places.py: whoever only sits there makes room, and nobody who is answered."""

import asyncio
from types import SimpleNamespace
from typing import cast

from gateway.admin.places import Places


class Seat:
    """As much of a transport as is asked for."""

    def __init__(self, *, is_busy: bool | None = False) -> None:
        self.protocol = SimpleNamespace() if is_busy is None else SimpleNamespace(is_busy=is_busy)
        self.is_gone = False

    def is_closing(self) -> bool:
        return self.is_gone

    def abort(self) -> None:
        self.is_gone = True

    def get_protocol(self) -> object:
        return self.protocol


def come(places: Places, seat: Seat) -> bool:
    return places.come(cast("asyncio.Transport", seat))


def test_as_many_as_there_are_places_sit_undisturbed() -> None:
    places, seats = Places(3), [Seat(), Seat(), Seat()]
    assert all(come(places, seat) for seat in seats)
    assert not any(seat.is_gone for seat in seats)


def test_who_came_first_and_is_not_answered_makes_room() -> None:
    places, seats = Places(3), [Seat(is_busy=True), Seat(), Seat()]
    for seat in seats:
        come(places, seat)
    assert come(places, Seat())
    assert [seat.is_gone for seat in seats] == [False, True, False]


def test_who_went_left_a_place() -> None:
    places, seats = Places(2), [Seat(), Seat()]
    for seat in seats:
        come(places, seat)
    seats[1].is_gone = True
    assert come(places, Seat())
    assert not seats[0].is_gone


def test_where_everybody_is_answered_the_new_one_goes() -> None:
    places = Places(2)
    seats = [Seat(is_busy=True), Seat(is_busy=None)]  # the second waits for a room to be loaded
    for seat in seats:
        come(places, seat)
    assert not come(places, Seat())
    assert not any(seat.is_gone for seat in seats)
