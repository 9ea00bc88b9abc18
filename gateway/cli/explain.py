"""`keyhatch explain METHOD PATH`: the route a request would meet, what it asks for, how a key fares.

It goes the way of a real request (`gateway.core.policy`) with the routes of the configuration, so it cannot
tell a different story than the gateway. Without `--key-id` it says what a caller needs; with it, the record
from the store is judged. Nothing is sent anywhere.
"""

from collections.abc import Mapping
from typing import Final

import click

from gateway.cli.everywhere import Command
from gateway.cli.failures import ExitCode
from gateway.cli.keys.desk import ask, refuse_secret
from gateway.cli.keys.record import called
from gateway.cli.loading import load
from gateway.cli.output import Form, data_fields, data_json, output_option, say
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.config.compile import table
from gateway.core.keys import ApiKey
from gateway.core.policy import read_address
from gateway.core.routes import Route
from gateway.wire.key_json import as_json
from gateway.wire.reply import say_why
from gateway.wire.story import ALLOWED, NEEDS_KEY, REFUSED, Story, story_json, tell

NOTHING_TO_EXPLAIN: Final = (
    "The configuration names no upstream. A gateway that was started with --upstream and --preset has routes "
    "that are not known here: KEYHATCH_UPSTREAM and KEYHATCH_PRESET tell of them, or config.yaml does."
)


@click.command(cls=Command, short_help="Say which route a request meets, and how it fares.")
@click.argument("method")
@click.argument("path", callback=refuse_secret)
@click.option("--key-id", metavar="ID", callback=refuse_secret, help="Judge this key: its id or its name.")
@click.option("--from", "peer", metavar="ADDRESS", help="Where the caller is, for rules about addresses.")
@output_option
@pass_surroundings
def explain(
    surroundings: Surroundings, method: str, path: str, key_id: str | None, peer: str | None, form: Form
) -> int:
    """Say which route a request meets, which scopes it needs, and whether and why it is refused.

    Exit code 4 if it would be refused, 0 otherwise.
    """
    if peer is not None and read_address(peer) is None:
        raise click.BadParameter("write an address like 192.168.1.20", param_hint="--from")
    settings = load(surroundings).settings
    key = None if key_id is None else ask(surroundings, lambda desk: desk.resolve(key_id))
    method, now = method.upper(), surroundings.clock.now()
    story = tell(method, path, table(settings), key, peer, now)
    why = None if story.deny is None else say_why(story.deny, settings.keys.prefix).message
    path = path.partition("?")[0]
    if not settings.upstreams:
        say(NOTHING_TO_EXPLAIN)
    if form == "json":
        record = None if key is None else as_json(key, now)
        data_json({"method": method, "path": path, **story_json(story), "message": why, "key": record})
    else:
        data_fields(_as_fields(f"{method} {path}", story, why, key, told_peer=peer is not None))
    return ExitCode.NOT_ALLOWED if story.outcome == REFUSED else ExitCode.DONE


def _as_fields(
    request: str, story: Story, why: str | None, key: ApiKey | None, *, told_peer: bool
) -> Mapping[str, str]:
    outcome = {ALLOWED: "allowed", NEEDS_KEY: "allowed with a key that has what is needed"}
    fields = {"Request": request, "Verdict": outcome.get(story.outcome, REFUSED)}
    if story.deny is not None:
        fields |= {"Verdict": f"refused: {story.deny.reason.value}", "Why": why or ""}
    if story.route is not None:
        fields |= _route_fields(story.route)
    if key is not None:
        fields |= {"Key": called(key), "Key's scopes": " ".join(sorted(key.scopes)) or "none"}
        if key.allow_from and not told_peer:
            networks = " ".join(map(str, key.allow_from))
            fields["Key works only from"] = f"{networks} (say --from ADDRESS to judge that too)"
    return fields


def _route_fields(route: Route) -> dict[str, str]:
    fields = {
        "Route": f"{route.id} ({route.path})",
        "Methods": "all" if route.methods is None else " ".join(sorted(route.methods)),
        "Upstream": route.upstream or "the gateway itself",
        "Needs": _needs(route),
    }
    if route.strip_prefix or route.add_prefix:
        moved = [f"without {route.strip_prefix}"] if route.strip_prefix else []
        moved += [f"behind {route.add_prefix}"] if route.add_prefix else []
        fields["Forwarded"] = ", ".join(moved)
    if route.anonymous is not None:
        networks = " ".join(map(str, route.anonymous.networks))
        held = " ".join(sorted(route.anonymous.scopes)) or "no scope"
        fields["No key needed from"] = f"{networks} (counts as {held})"
        fields["Without a key call it by"] = "an IP address, a name without a dot, or one of server.names"
    return fields


def _needs(route: Route) -> str:
    if route.public:
        return "nothing: it is public"
    needs = list(route.scopes)
    if route.any_of:
        needs.append(f"one of {' '.join(route.any_of)}")
    return "a key with " + " and ".join(needs) if needs else "any valid key"
