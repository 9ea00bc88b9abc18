"""The words of the control socket for a reload: what changed, or every problem at its place."""

from gateway.admin.control_words import Words
from gateway.config.problems import ConfigError, Problem
from gateway.config.reloaded import CannotReload, Reload

ASKED_BY = "keyhatch reload"


class TellPlace(Words):
    """A problem of the configuration, or a warning."""

    file: str | None
    line: int | None
    column: int | None
    path: str
    message: str

    @classmethod
    def of(cls, problem: Problem) -> "TellPlace":
        """The problem in words."""
        return cls(**{name: getattr(problem, name) for name in cls.model_fields})

    def problem(self) -> Problem:
        """The words as a problem."""
        return Problem(**{name: getattr(self, name) for name in type(self).model_fields})


class TellReload(Words):
    """What came of it. Where it was not `done` nothing changed, and `problems` or `trouble` say why."""

    done: bool
    changed: tuple[str, ...] = ()
    takes_restart: tuple[str, ...] = ()
    warnings: tuple[TellPlace, ...] = ()
    problems: tuple[TellPlace, ...] = ()
    trouble: str = ""


def tell_reload(reload: Reload) -> TellReload:
    """Reload, and say what came of it."""
    try:
        reloaded = reload(ASKED_BY)
    except ConfigError as error:
        return TellReload(
            done=False,
            problems=tuple(map(TellPlace.of, error.problems)),
            warnings=tuple(map(TellPlace.of, error.warnings)),
        )
    except CannotReload as cannot:
        return TellReload(done=False, trouble=str(cannot))
    return TellReload(
        done=True,
        changed=reloaded.changed,
        takes_restart=reloaded.takes_restart,
        warnings=tuple(map(TellPlace.of, reloaded.warnings)),
    )
