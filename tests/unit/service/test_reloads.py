"""Guarantees of gateway/service/reloads.py: a reload is whole or nothing, told and counted, whoever asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.config.load import Loaded, load
from gateway.config.problems import ConfigError, Problem
from gateway.config.reloaded import CannotReload, Reloaded
from gateway.metrics import Metrics
from gateway.service.reloads import Reloads
from tests.support.records import StillClock
from tests.unit.service.houses import told

WHOLE = "upstreams: {ai: {url: http://a}}\nroutes: [{id: r, path: /, upstream: ai, public: true}]\n"
OLD_STAYS = "configuration not reloaded (a test), the old one stays in force"


class Stage:
    """A configuration file, and whoever takes what is read from it."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config.yaml"
        self.config.write_text(WHOLE)
        self.metrics = Metrics(version="0", plane="lean", clock=StillClock())
        self.taken: list[Loaded] = []
        self.reloads = Reloads(self.take, self.metrics)
        self.reloads.read = self.read

    def read(self) -> Loaded:
        """The configuration, as a command reads it."""
        return load(self.config, {}, {})

    def take(self, loaded: Loaded) -> Reloaded:
        """Keep it."""
        self.taken.append(loaded)
        return Reloaded(("limits.head",), ("server.proxy",), loaded.warnings)

    def outcomes(self) -> tuple[int, int]:
        """Successes and failures so far."""
        text = self.metrics.render()[0].decode()
        return tuple(  # type: ignore[return-value]
            int(float(text.partition(f'keyhatch_config_reloads_total{{outcome="{word}"}} ')[2].split()[0]))
            for word in ("success", "failure")
        )


@pytest.fixture
def stage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Stage:
    caplog.set_level("INFO")
    stage = Stage(tmp_path)
    stage.reloads.begin()
    return stage


def test_a_reload_answers_what_came_of_it(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    reloaded = stage.reloads.do("a test")
    assert (reloaded.changed, reloaded.takes_restart) == (("limits.head",), ("server.proxy",))
    assert "configuration reloaded (a test); changed: limits.head" in caplog.text
    assert stage.outcomes() == (1, 0)


def test_problems_are_told_raised_and_counted_and_nothing_is_taken(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.config.write_text(WHOLE + "limits: {hed: 1, head: 2}\n")
    with pytest.raises(ConfigError) as refused:
        stage.reloads.do("a test")
    assert len(refused.value.problems) == 2
    assert [line.partition(": ")[0] for line in told(caplog)] == [OLD_STAYS, OLD_STAYS]
    stage.reloads.ask("another test")
    assert stage.taken == []
    assert stage.outcomes() == (0, 2)


def test_problems_that_show_only_when_it_is_taken_are_problems_too(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_loaded: Loaded) -> Reloaded:
        raise ConfigError([Problem("config.yaml", 1, 2, "a", "oops")])

    monkeypatch.setattr(stage.reloads, "_take", refuse)
    with pytest.raises(ConfigError):
        stage.reloads.do("a test")
    assert told(caplog) == [f"{OLD_STAYS}: config.yaml:1:2: a: oops"]


def test_an_accident_is_logged_whole_and_told_in_a_sentence(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble() -> Loaded:
        raise ZeroDivisionError

    stage.reloads.read = stumble
    with pytest.raises(CannotReload, match="the gateway's log says why"):
        stage.reloads.do("a test")
    assert "ZeroDivisionError" in caplog.text
    assert stage.outcomes() == (0, 1)


def test_each_reload_is_made_within_what_is_around_it(stage: Stage) -> None:
    around: list[str] = []

    @contextmanager
    def noting() -> Iterator[None]:
        around.append("begins")
        try:
            yield
        finally:
            around.append(f"ends, {len(stage.taken)} taken")

    stage.reloads.around = noting
    stage.reloads.do("a test")
    stage.config.write_text("oops")
    stage.reloads.ask("a test")
    assert around == ["begins", "ends, 1 taken", "begins", "ends, 1 taken"]


def test_a_gateway_without_a_configuration_to_read_says_so(stage: Stage) -> None:
    stage.reloads.read = None
    with pytest.raises(CannotReload, match="no configuration to read anew"):
        stage.reloads.do("a test")


def test_what_is_asked_before_it_has_started_is_done_then_and_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.reloads.ask("SIGHUP")
    stage.reloads.ask("SIGHUP")
    assert stage.taken == []
    stage.reloads.begin()
    assert len(stage.taken) == 1


def test_nothing_is_watched_unless_it_was_said(stage: Stage) -> None:
    stage.config.write_text(WHOLE + "limits: {head: 16KiB}\n")
    for _ in range(3):
        stage.reloads.look()
    assert stage.taken == []


def test_a_changed_file_is_read_anew_and_a_broken_one_waits_for_its_mend(stage: Stage) -> None:
    stage.reloads.watch(stage.read())
    stage.config.write_text(WHOLE + "limits: {hed: 1}\n")
    for _ in range(4):
        stage.reloads.look()
    assert stage.outcomes() == (0, 1)
    stage.config.write_text(WHOLE + "limits: {head: 16KiB}\n")
    for _ in range(4):
        stage.reloads.look()
    assert stage.outcomes() == (1, 1)


def test_files_that_the_configuration_names_are_watched_too_also_new_ones(
    stage: Stage, tmp_path: Path
) -> None:
    head = tmp_path / "head"
    stage.reloads.watch(stage.read())
    stage.config.write_text(WHOLE + 'limits: {head: "${file:head}"}\n')
    for _ in range(3):
        stage.reloads.look()
    assert stage.outcomes() == (0, 1)  # there is no such file yet
    for size in ("16KiB", "8KiB"):
        head.write_text(size)
        for _ in range(3):
            stage.reloads.look()
    assert stage.outcomes() == (2, 1)
    assert stage.taken[-1].settings.limits.head_bytes_max == 8_192
