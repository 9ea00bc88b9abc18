"""What is said outside the file: variables (`KEYHATCH_SERVER__PROXY`) and flags (`--proxy`), laid over it.

1. A variable's name is its place: upper case, `__` between levels, `_` for the `-` of an upstream's name.
   A list is separated by commas. An empty value or `null` means null. Nothing is expanded in it. The short
   KEYHATCH_CONFIG, KEYHATCH_STORE and KEYHATCH_UPSTREAM count as unset when they are empty. With `_FILE`
   behind it, a variable names a file that holds the value (`gateway.config.named_files`).
2. Routes and the catalogue are written in the file; everything else may come from a variable.
3. An unknown KEYHATCH_ variable is a problem: a typo must not silently leave a default in place. What an
   orchestrator sets for a service called keyhatch (KEYHATCH_PORT_8080_TCP …) is not meant for us.
4. `--upstream URL` (or KEYHATCH_UPSTREAM) names the one upstream there is, or makes it; where no route is
   written it also makes one, `/**`, for any valid key.
5. `--preset NAME` (or KEYHATCH_PRESET) says what kind of server that one upstream is. A preset has routes of
   its own, so none is made beside it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, get_args

from gateway.config.named_files import SUFFIX, read_named
from gateway.config.problems import Loc, Origin, Problem, meant, problem_at, with_hint
from gateway.config.shape import ANY_NAME, Leaf, leaves
from gateway.config.tree import Node, find, from_plain, is_unicode, put
from gateway.config.upstream_sections import Preset

PREFIX: Final = "KEYHATCH_"
CONFIG_VARIABLE: Final = "KEYHATCH_CONFIG"
STORE_VARIABLE: Final = "KEYHATCH_STORE"
UPSTREAM_VARIABLE: Final = "KEYHATCH_UPSTREAM"
PRESET_VARIABLE: Final = "KEYHATCH_PRESET"
FLAGS: Final = {
    "server.proxy": "--proxy",
    "server.admin": "--admin",
    "store.url": "--store",
    "upstream": "--upstream",
    "preset": "--preset",
}
"""The flags that configure, by the dotted path they are given under."""
DEFAULT_NAME: Final = "default"
"""What the upstream and the route of `--upstream URL` are called."""

_SHORT: Final = {STORE_VARIABLE: ("store", "url")}
_ORCHESTRATORS: Final = re.compile(
    r"KEYHATCH_(?!.*__)(?:[A-Z0-9_]+_)?"
    r"(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)"
)
_APART: Final = (CONFIG_VARIABLE, UPSTREAM_VARIABLE, PRESET_VARIABLE)
_APART_NAMED: Final = (UPSTREAM_VARIABLE + SUFFIX, PRESET_VARIABLE + SUFFIX)
_FILE_ONLY: Final = ("scopes", "routes")


def lay_environment(root: Node, environ: Mapping[str, str]) -> Iterator[Problem]:
    """Set what the KEYHATCH_ variables say."""
    places = _places(root)
    for name in sorted(name for name in environ if name.startswith(PREFIX)):
        origin, value = Origin(name), environ[name]
        if name in _APART or name in _APART_NAMED or _ORCHESTRATORS.fullmatch(name):
            continue
        if name in _SHORT and not value:
            continue
        leaf, is_named = _leaf(name, places)
        if leaf is None:
            yield problem_at(origin, (), _unknown(name, places))
        elif ANY_NAME in leaf.loc:
            yield problem_at(origin, (), "could mean two upstreams: set it in the file")
        elif is_named and leaf.is_list:
            yield problem_at(origin, (), "cannot be: a list stands in the variable itself")
        elif is_named:
            node, problem = read_named(name, environ, _set(name.removesuffix(SUFFIX), environ))
            yield from () if problem is None else (problem,)
            put(root, leaf.loc, node)
        elif not is_unicode(value):
            yield problem_at(origin, (), "is not UTF-8 text")
        else:
            put(root, leaf.loc, from_plain(_value(value, leaf), origin))


def lay_flags(root: Node, flags: Mapping[str, str]) -> Iterator[Problem]:
    """Set what the flags say, `--upstream` and `--preset` aside."""
    for path, value in flags.items():
        origin = Origin(FLAGS[path])
        if path in ("upstream", "preset"):
            continue
        if is_unicode(value):
            put(root, tuple(path.split(".")), from_plain(value, origin))
        else:
            yield problem_at(origin, (), "is not UTF-8 text")


def lay_upstream(root: Node, environ: Mapping[str, str], flags: Mapping[str, str]) -> Iterator[Problem]:
    """Set the one upstream, and a route to it where there is none (rule 4)."""
    said = {
        "url": _said("upstream", UPSTREAM_VARIABLE, environ, flags),
        "preset": _said("preset", PRESET_VARIABLE, environ, flags),
    }
    named = said["preset"][0]
    names = _upstream_names(root)
    kind = named.content if named is not None and named.content in get_args(Preset) else DEFAULT_NAME
    name = names[0] if names else kind
    for option, node, problem in ((option, *each) for option, each in said.items()):
        if node is None:
            continue
        if problem is not None:
            yield problem
        if not is_unicode(node.content):
            yield problem_at(node.origin, (), "is not UTF-8 text")
        elif len(names) > 1:
            mend = f"set the one you mean with KEYHATCH_UPSTREAMS__<NAME>__{option.upper()}"
            yield problem_at(node.origin, (), f"there are several upstreams; {mend}")
        elif option == "preset" and not names and said["url"][0] is None:
            message = "says what kind of server it is, but there is none: say --upstream URL"
            yield problem_at(node.origin, (), message)
        else:
            put(root, ("upstreams", name, option), node)
    url = said["url"][0]
    if url is not None and len(names) <= 1:
        written = find(root, ("upstreams", name))
        if written is not None and isinstance(written.content, dict):
            written.content.pop("targets", None)
        _let_pass(root, name, url.origin)


def _said(
    flag: str, variable: str, environ: Mapping[str, str], flags: Mapping[str, str]
) -> tuple[Node | None, Problem | None]:
    """What a flag says, else a variable that is not empty or the file that one names; and what is wrong."""
    if flag in flags:
        return from_plain(flags[flag], Origin(FLAGS[flag])), None
    said = _set(variable, environ)
    if variable + SUFFIX in environ:
        return read_named(variable + SUFFIX, environ, said)
    return (None if said is None else from_plain(said, Origin(variable))), None


def _set(variable: str, environ: Mapping[str, str]) -> str | None:
    """What a variable says; None where it is not set, as the short ones are not when they are empty."""
    said = environ.get(variable)
    return None if not said and (variable in _SHORT or variable in _APART) else said


def _let_pass(root: Node, name: str, origin: Origin) -> None:
    """Make a route to an upstream that has none, neither of its own nor by a preset."""
    routes, preset = root.child("routes"), find(root, ("upstreams", name, "preset"))
    if (routes is None or routes.content in (None, [])) and (preset is None or preset.content is None):
        route = {"id": DEFAULT_NAME, "path": "/**", "upstream": name, "scopes": []}
        put(root, ("routes",), from_plain([route], origin))


def _places(root: Node) -> dict[str, Leaf]:
    """The variables there are. One that could mean two upstreams keeps `*` in its place."""
    found = {name: Leaf(loc, is_list=False) for name, loc in _SHORT.items()}
    for leaf in leaves():
        if leaf.loc[0] in _FILE_ONLY:
            continue
        if ANY_NAME not in leaf.loc:
            found[_variable(leaf.loc)] = leaf
            continue
        for name in _upstream_names(root):
            named = Leaf((leaf.loc[0], name, *leaf.loc[2:]), leaf.is_list)
            variable = _variable(named.loc)
            found[variable] = leaf if variable in found else named
    return found


def _leaf(name: str, places: Mapping[str, Leaf]) -> tuple[Leaf | None, bool]:
    """What a variable is for, and whether it names a file that holds the value."""
    leaf, is_named = places.get(name) or _new_upstream(name), False
    if leaf is None and name.endswith(SUFFIX):
        meant = name.removesuffix(SUFFIX)
        leaf, is_named = places.get(meant) or _new_upstream(meant), True
    return leaf, is_named


def _new_upstream(name: str) -> Leaf | None:
    """The place in an upstream that the file does not hold."""
    parts = name.removeprefix(PREFIX).split("__")
    if len(parts) < 3 or parts[0] != "UPSTREAMS":
        return None
    for leaf in leaves():
        if ANY_NAME in leaf.loc and [part.upper() for part in leaf.loc[2:]] == parts[2:]:
            return Leaf((leaf.loc[0], parts[1].lower().replace("_", "-"), *leaf.loc[2:]), leaf.is_list)
    return None


def _variable(loc: Loc) -> str:
    return PREFIX + "__".join(re.sub(r"[^A-Z0-9]", "_", str(part).upper()) for part in loc)


def _value(text: str, leaf: Leaf) -> object:
    if leaf.is_list:
        return [item.strip() for item in text.split(",") if item.strip()]
    return None if text in ("", "null") else text


def _unknown(name: str, places: Mapping[str, Leaf]) -> str:
    if name.removeprefix(PREFIX).split("__")[0].lower() in _FILE_ONLY:
        return "scopes and routes are written in the file"
    known = [place.removeprefix(PREFIX) for place in (*places, *_APART)]
    hint = meant(name.removeprefix(PREFIX), known).replace("'", f"'{PREFIX}", 1)
    return with_hint("unknown variable", hint)


def _upstream_names(root: Node) -> list[str]:
    upstreams = root.child("upstreams")
    return list(upstreams.content) if upstreams is not None and isinstance(upstreams.content, dict) else []
