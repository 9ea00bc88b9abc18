"""Reading a configuration: file, then variables, then flags over it; all problems at once, or settings.

`load` is a pure function of its arguments and the files they name: calling it again is a reload, and a
reload that raises changes nothing. Precedence is flags > environment > file > defaults.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.config.advice import advice, in_the_open, locked
from gateway.config.certificates import broken_certificates, files_of
from gateway.config.document import BYTES_MAX, read_document
from gateway.config.expansion import expand, files_named
from gateway.config.model import Settings
from gateway.config.overlay import CONFIG_VARIABLE, lay_environment, lay_flags, lay_upstream
from gateway.config.parts import parts_of
from gateway.config.problems import ConfigError, Origin, Problem, problem_at
from gateway.config.rules import Finding
from gateway.config.shown import origins_of, shown
from gateway.config.tree import Node, from_plain, placed
from gateway.config.validation import problems_of, validate

if TYPE_CHECKING:
    from gateway.tls.files import TlsFiles

DEFAULT_FILE: Final = "config.yaml"
GIVEN_ORIGIN: Final = "--demo"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used, and where it came from.

    `origins` tells for each value, by its dotted path, the place it was written or `default`. `warnings` are
    worth showing and stop nothing. `base_dir` is what relative paths in the file are relative to; `files` is
    what was read: the file, and those that it names with `${file:}`.
    """

    settings: Settings
    origins: Mapping[str, str]
    warnings: tuple[Problem, ...]
    path: Path | None
    base_dir: Path
    tree: Node = field(repr=False)
    files: tuple[Path, ...] = ()

    @property
    def store_path(self) -> Path | None:
        """The database file; None for `memory:`.

        What a variable or a flag says is relative to the working directory, what the file says (or leaves to
        the default) is relative to the file.
        """
        written = self.settings.store.path
        return None if written is None else placed(written, ("store", "url"), self.tree, self.base_dir)

    @property
    def vault_key_path(self) -> Path | None:
        """The file with the vault's key, by the same rule; None where none is configured."""
        return _vault_key_path(self.settings, self.tree, self.base_dir)

    @property
    def tls_files(self) -> "TlsFiles | None":
        """What the listeners serve TLS with, if they do; by the same rule."""
        tls = self.settings.server.tls
        return files_of(tls, self.tree, self.base_dir) if tls.is_on else None


def find_config(flag: str | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The configuration file: the flag's, else the variable's, else ./config.yaml if there is one."""
    for source, name in (("--config", flag), (CONFIG_VARIABLE, environ.get(CONFIG_VARIABLE))):
        if name:
            obstacle = _obstacle(cwd / name)
            if obstacle is not None:
                raise ConfigError([problem_at(Origin(source), (), obstacle.format(f"'{name}'"))])
            return cwd / name
    path = cwd / DEFAULT_FILE
    return path if _obstacle(path) is None else None


def load(
    path: Path | None,
    environ: Mapping[str, str],
    flags: Mapping[str, str],
    *,
    need_upstream: bool = True,
    given: Mapping[str, Any] | None = None,
) -> Loaded:
    """The settings, or `ConfigError` with everything that is wrong.

    `flags` are texts by dotted path (`server.proxy`, `server.admin`, `store.url`) and `upstream`. Commands
    that only use the store need no upstream, and no certificate, which they may not be allowed to read.
    `given` stands in for a file, as its YAML would read (the demo).
    """
    base_dir = Path() if path is None else path.parent
    root, problems = read_root(path, given)
    tree = root or from_plain({}, Origin(""))
    files: list[Path] = []
    if path is not None:
        problems += expand(tree, environ, base_dir)
        files.append(path)
    problems += lay_environment(tree, environ)
    problems += lay_flags(tree, flags)
    problems += lay_upstream(tree, environ, flags)
    files += files_named(tree, base_dir)
    settings: Settings | None = None
    if root is not None:
        settings, found = validate(tree)
        problems += found
    if need_upstream:
        problems += () if root is None else _nowhere_to_go(tree, path)
        problems += () if settings is None else problems_of(_broken_files(settings, tree, base_dir), tree)
    told = () if root is None else (*advice(parts_of(tree.plain())), *in_the_open(tree))
    if settings is not None and need_upstream:
        told = (*told, *locked(_vault_key_path(settings, tree, base_dir)))
    warnings = _in_order(problems_of(told, tree))
    if settings is None or problems:
        raise ConfigError(_in_order(problems), warnings, files)
    origins = origins_of(settings, tree)
    return Loaded(settings, origins, tuple(warnings), path, base_dir, tree, tuple(files))


def effective(loaded: Loaded) -> dict[str, Any]:
    """The whole configuration as YAML would hold it, secrets masked. Loading it gives the same settings."""
    return shown(loaded.settings, loaded.tree)


def _obstacle(path: Path) -> str | None:
    """Why there is nothing to be found at this path, `{}` for its name; None if there is something."""
    try:
        path.stat()
    except FileNotFoundError:
        return "there is no file {}"
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        return f"{{}} cannot be a file: {getattr(error, 'strerror', None) or error}"
    return None


def read_root(path: Path | None, given: Mapping[str, Any] | None = None) -> tuple[Node | None, list[Problem]]:
    """What the file says, as it was written; None where it cannot be read."""
    if path is None:
        return from_plain(given or {}, Origin(GIVEN_ORIGIN)), []
    try:
        with path.open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
    except OSError as error:
        return None, [Problem(str(path), None, None, "", f"cannot be read: {error.strerror}")]
    return read_document(raw, str(path))


def _vault_key_path(settings: Settings, tree: Node, base_dir: Path) -> Path | None:
    written = settings.vault.key_file
    return None if written is None else placed(written, ("vault", "key_file"), tree, base_dir)


def _broken_files(settings: Settings, tree: Node, base_dir: Path) -> Iterator[Finding]:
    """What is wrong with certificates and keys, ours and those of upstreams."""
    yield from broken_certificates(settings, tree, base_dir)
    if any(each.tls.needs_files for each in settings.upstreams.values()):
        from gateway.config.tls_files import unusable  # noqa: PLC0415 - hardly anybody has such files

        yield from unusable(settings.upstreams, base_dir)


def _nowhere_to_go(tree: Node, path: Path | None) -> Iterable[Problem]:
    """A gateway without an upstream or without a route would refuse everything: nobody means that."""
    file = None if path is None else str(path)
    upstreams, routes = tree.child("upstreams"), tree.child("routes")
    if upstreams is None or upstreams.content in (None, {}):
        mend = "write config.yaml" if path is None else "add one under upstreams:"
        yield Problem(file, None, None, "", f"no upstream: {mend}, or say keyhatch serve --upstream URL")
    elif not _names_preset(upstreams) and (routes is None or routes.content in (None, [])):
        mend = "add one under routes:, like {id: all, path: /**, upstream: NAME, scopes: []}"
        yield Problem(file, None, None, "", f"no route: {mend}, or name the upstream's preset:")


def _names_preset(upstreams: Node) -> bool:
    """Whether an upstream names a preset, which has routes of its own."""
    found = (upstream.child("preset") for upstream in upstreams.children())
    return any(preset is not None and preset.content is not None for preset in found)


def _in_order(problems: Iterable[Problem]) -> list[Problem]:
    """The file's problems from top to bottom, then variables and flags as they were found."""
    return sorted(
        problems, key=lambda problem: (problem.line is None, problem.line or 0, problem.column or 0)
    )
