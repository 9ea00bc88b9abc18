"""Guarantees of gateway/plane/lean_pool.py: a connection serves one at a time, and never when it may be dead.

`BooksMachine` checks the books against a naive model: in any order of lending, coming home, dying, growing
old and reloading, the five rules of the module hold.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.plane.lean_pool import Books, Origin

HERE, THERE = Origin("http", "here", 80), Origin("https", "here", 443)
IDLE_S, IDLE_MAX = 4.0, 3


def test_what_came_home_last_is_lent_first() -> None:
    books: Books[str] = Books()
    for at, link in enumerate("abc"):
        assert books.take_home(HERE, link, 0, now=at / 10) is None
    assert len(books) == 3
    assert [books.lend(HERE, 1.0) for _ in range(4)] == ["c", "b", "a", None]
    assert len(books) == 0


def test_none_is_lent_to_another_origin() -> None:
    books: Books[str] = Books()
    books.take_home(HERE, "a", 0, now=0.0)
    assert books.lend(THERE, 0.0) is None
    assert books.lend(HERE, 0.0) == "a"


def test_what_has_been_idle_for_too_long_is_not_lent_but_told_of() -> None:
    books: Books[str] = Books(idle_s=4.0)
    books.take_home(HERE, "a", 0, now=10.0)
    assert books.expired(13.999) == []
    assert books.lend(HERE, 14.0) is None
    assert books.expired(14.0) == ["a"]
    assert (books.expired(14.0), len(books)) == ([], 0)


def test_a_reload_forgets_what_was_opened_before_it() -> None:
    books: Books[str] = Books()
    books.take_home(HERE, "idle", 0, now=0.0)
    assert books.retire() == ["idle"]
    assert books.generation == 1
    assert books.take_home(HERE, "lent", 0, now=0.0) == "lent"
    assert books.lend(HERE, 0.0) is None


def test_the_one_idle_longest_makes_room() -> None:
    books: Books[str] = Books(idle_max=2)
    assert [books.take_home(HERE, link, 0, now=0.0) for link in "abcd"] == [None, None, "a", "b"]


def test_a_connection_that_died_is_not_lent_and_may_die_twice() -> None:
    books: Books[str] = Books()
    books.strike(HERE, "never-seen")
    books.take_home(HERE, "a", 0, now=0.0)
    books.take_home(HERE, "b", 0, now=0.0)
    books.strike(HERE, "b")
    books.strike(HERE, "b")
    assert books.lend(HERE, 0.0) == "a"


origins = st.sampled_from([HERE, THERE])


class BooksMachine(RuleBasedStateMachine):
    """The model: a list of `[link, origin, generation, since]` in the order in which they came home.

    Rule 1: what is lent, struck, told to be closed or retired is in the list no more, and nothing else may be
    returned. Rule 2: of an origin the last in the list is lent. Rule 3: only if it is younger than `IDLE_S`.
    Rule 4: `retire` empties the list, and what was opened before it never enters again. Rule 5: of an origin
    at most `IDLE_MAX` stand in the list, and it is the first of them that goes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.books: Books[int] = Books(idle_s=IDLE_S, idle_max=IDLE_MAX)
        self.now = 0.0
        self.made = 0
        self.generation = 0
        self.idle: list[tuple[int, Origin, float]] = []
        self.lent: dict[int, tuple[Origin, int]] = {}

    @rule(origin=origins)
    def ask(self, origin: Origin) -> None:
        """An exchange wants a connection, and opens one where it gets none."""
        mine = [entry for entry in self.idle if entry[1] == origin]
        link = self.books.lend(origin, self.now)
        if mine and self.now - mine[-1][2] < IDLE_S:
            assert link == mine[-1][0]
            self.idle.remove(mine[-1])
        else:
            assert link is None
            self.made += 1
            link = self.made
        assert link not in self.lent
        generation = self.generation  # whatever is idle is of this generation
        self.lent[link] = (origin, generation)

    @rule(data=st.data())
    def come_home(self, data: st.DataObject) -> None:
        """An exchange ended cleanly."""
        if not self.lent:
            return
        link = data.draw(st.sampled_from(sorted(self.lent)))
        origin, generation = self.lent.pop(link)
        extra = self.books.take_home(origin, link, generation, self.now)
        if generation != self.generation:
            assert extra == link
            return
        mine = [entry for entry in self.idle if entry[1] == origin]
        self.idle.append((link, origin, self.now))
        if len(mine) == IDLE_MAX:
            assert extra == mine[0][0]
            self.idle.remove(mine[0])
        else:
            assert extra is None

    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        """A connection is lost: an idle one, or one that is lent."""
        idle = {entry[0]: entry[1] for entry in self.idle}
        lent = {link: origin for link, (origin, _) in self.lent.items()}
        if not idle | lent:
            return
        link = data.draw(st.sampled_from(sorted(idle | lent)))
        self.books.strike((idle | lent)[link], link)
        self.idle = [entry for entry in self.idle if entry[0] != link]
        self.lent.pop(link, None)

    @rule(seconds=st.sampled_from([0.0, 0.5, 2.0, 3.5, 4.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @rule()
    def sweep(self) -> None:
        """The plane asks what has grown old."""
        old = {link for link, _, since in self.idle if self.now - since >= IDLE_S}
        assert set(self.books.expired(self.now)) == old
        self.idle = [entry for entry in self.idle if entry[0] not in old]

    @rule()
    def reload(self) -> None:
        """The upstreams may have changed."""
        assert sorted(self.books.retire()) == sorted(link for link, _, _ in self.idle)
        self.generation += 1
        self.idle = []

    @invariant()
    def the_books_hold_what_the_model_holds(self) -> None:
        assert len(self.books) == len(self.idle)
        assert self.books.generation == self.generation


BooksMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40)
TestBooks = BooksMachine.TestCase
