"""THE decision: may this request pass? Two pure steps around one look-up.

`admit(view, table, ours)` decides everything that needs no record; `judge(need, key, now)` decides the
rest once the record is known. Between them the gatekeeper fetches the record, from its cache or the store.

The rules, in the order in which they are asked; the first that speaks is the answer
0. A key that leads the path (`core.path_key`) is cut off first; what is left is the path from here on.
   A browser's preflight is judged by itself where a route answers CORS (`core.preflight`): it shows no key.
1. No route → `no_route`; the route does not take the method → `method_not_allowed`; the path has two
   readings that are guarded differently → `target_ambiguous`.
2. A key of ours elsewhere in the path → `credential_malformed`: it could not be kept from the upstream. A
   credential that may be imported, while nobody knows → `store_unavailable`. Otherwise a public route
   passes; any key of ours is stripped and not judged.
3. Two different keys of ours, or one beside a signed address → `credential_ambiguous`; ours but mistyped →
   `credential_malformed`; a signed address that is none, or for another method → `signature_invalid`.
4. None of ours: from a network the route is `anonymous` for, the caller passes with that entry's scopes
   (or fails on them), or is told `credential_missing` where they called us by a name that could be a page's
   (`core.hosts`); anyone else is told that too or, if they showed another kind of credential,
   `credential_foreign`.
5. A signature that is wrong, or of no key → `signature_invalid`, after its end → `signature_expired`; one
   that is right counts as the secret it stands for. The record: absent → `key_unknown`; revoked, expired,
   disabled → their reasons; a secret that was rotated out → `key_rotated` once its overlap ended.
6. It led the path and may not (`ApiKey.in_path`) → `credential_malformed`. The key may not be used from
   the caller's address → `address_not_allowed`.
7. The key's grants do not cover the route → `scope_missing`.
8. A key that a browser added by itself to what a page of another site asks for does not count
   (`core.browser`, only where the route has `browser_prompt`).
9. Otherwise, and only then, it passes.

Whoever holds a full secret is told how its key stands; whoever does not learns nothing (rules 5 to 7 are
only reached with a digest that is in the store).
"""

import re
from dataclasses import replace
from datetime import UTC, datetime
from hmac import compare_digest
from ipaddress import IPv4Address, IPv6Address, ip_address
from math import inf

from gateway.core.browser import is_unasked
from gateway.core.credentials import Findings, Strip, choose, find
from gateway.core.decision import Allow, Identity, NeedKey
from gateway.core.keys import EXPIRING_WINDOW_S, ApiKey, Network, Status
from gateway.core.ours import Ours
from gateway.core.path_key import BEGINS, open_path
from gateway.core.refusal import NO_FACTS, Deny, Facts, Reason
from gateway.core.request import Kind, RequestView, Target
from gateway.core.routes import Own, Route, RouteTable
from gateway.core.signed_url import METHODS, Signed, digest_behind

_ZONE = re.compile(r"[0-9A-Za-z._~-]+")  # RFC 6874; only IPv6 addresses have one
_DEAD = {
    Status.REVOKED: Reason.KEY_REVOKED,
    Status.EXPIRED: Reason.KEY_EXPIRED,
    Status.DISABLED: Reason.KEY_DISABLED,
}


def admit(view: RequestView, table: RouteTable, ours: Ours) -> Allow | Deny | NeedKey:
    """Rules 0 to 4: everything that can be said without a record."""
    if view.target.raw.startswith(BEGINS):
        opened = open_path(view.target, ours.prefix)
        if opened is not None:
            return opened if isinstance(opened, Deny) else _admit(view, table, ours, *opened)
    return _admit(view, table, ours)


def _admit(
    view: RequestView, table: RouteTable, ours: Ours, led_by: str | None = None, rest: Target | None = None
) -> Allow | Deny | NeedKey:
    if rest is not None:
        view = replace(view, target=rest)
    if table.cors is not None and view.method == "OPTIONS":
        from gateway.core.preflight import preflight  # noqa: PLC0415 - most have no pages of other origins

        asked = preflight(view, table)
        if asked is not None:
            return asked
    return _at_its_route(view, table, ours, led_by)


def _at_its_route(
    view: RequestView, table: RouteTable, ours: Ours, led_by: str | None
) -> Allow | Deny | NeedKey:
    route = table.match(view.method, view.target)
    if isinstance(route, Deny):
        return route
    if route.own is Own.NOTHING:
        return Deny(Reason.NO_ROUTE)
    findings = find(view, ours, led_by)
    if findings.in_path:
        return _refused(route, Reason.CREDENTIAL_MALFORMED, {"problem": "in_path"})
    if findings.doubtful:
        return Deny(Reason.STORE_UNAVAILABLE, route_id=route.id)
    if route.public:
        return Allow(route, findings.strip)
    if findings.is_signed:
        return _signed(view, route, findings)
    return _chosen(view, table, route, findings, ours.prefix, in_path=led_by is not None)


def _chosen(
    view: RequestView, table: RouteTable, route: Route, findings: Findings, prefix: str, *, in_path: bool
) -> Allow | Deny | NeedKey:
    """Rules 3 and 4."""
    chosen = choose(findings, prefix)
    if not isinstance(chosen, Deny):
        if route.browser_prompt and is_unasked(view):
            return Deny(Reason.CREDENTIAL_MISSING, {"what": "a page of another site"}, route.id)
        return NeedKey(chosen, route, findings.strip, view.peer, in_path)
    door = route.anonymous
    if door is not None and not findings.ours and is_within(view.peer, door.networks):
        if table.hosts.hold(view.called):
            return _anonymous(route, door.scopes, findings.strip)
        return _refused(route, Reason.CREDENTIAL_MISSING, {**chosen.facts, "problem": "host"})
    return _refused(route, chosen.reason, chosen.facts)


def _signed(view: RequestView, route: Route, findings: Findings) -> Deny | NeedKey:
    """Rule 3 for a signed address. No refusal of one makes a browser ask: a key would be one too many."""
    if findings.ours:
        places = " and ".join(
            dict.fromkeys(("the address (signed)", *(each.place for each in findings.ours)))
        )
        return Deny(Reason.CREDENTIAL_AMBIGUOUS, {"places": places}, route.id)
    signed = findings.signed
    if signed is None:
        return Deny(Reason.SIGNATURE_INVALID, {"problem": "signature"}, route.id)
    if view.method not in METHODS or view.kind is Kind.WEBSOCKET:
        return Deny(Reason.SIGNATURE_INVALID, {"problem": "method"}, route.id)
    return NeedKey(signed.key_id.encode("ascii"), route, findings.strip, view.peer, signed=signed)


def judge(need: NeedKey, key: ApiKey | None, now: float, signing: bytes | None = None) -> Allow | Deny:
    """Rules 5 to 8, given the record behind the digest (None: there is none) and the wall clock.

    `signing` is what addresses are signed with; None where there is nothing.
    """
    if need.signed is not None:
        return _judge_signed(need, need.signed, key, now, signing)
    route = need.route
    if key is None:
        return _refused(route, Reason.KEY_UNKNOWN)
    dead = standing(key, need.digest, now)
    if dead is not None:
        return _refused(route, dead.reason, dead.facts, key)
    if need.in_path and not key.in_path:
        return _refused(route, Reason.CREDENTIAL_MALFORMED, {"problem": "not_in_path"}, key)
    if key.allow_from and not is_within(need.peer, key.allow_from):
        return Deny(Reason.ADDRESS_NOT_ALLOWED, {"address": need.peer}, route.id, key.id, key.name)
    if not route.satisfied_by(key.scopes):
        return Deny(Reason.SCOPE_MISSING, scope_facts(route, key.scopes), route.id, key.id, key.name)
    identity = Identity(key.id, key.name, key.owner, tuple(sorted(key.scopes)))
    near = inf if key.expires_at is None else key.expires_at - EXPIRING_WINDOW_S
    until = _until(key, need.digest)
    if now < near:
        return Allow(route, need.strip, identity, key, need.digest, min(until, near))
    return Allow(route, need.strip, identity, key, need.digest, until, key.expires_at)


def _judge_signed(
    need: NeedKey, signed: Signed, key: ApiKey | None, now: float, signing: bytes | None
) -> Allow | Deny:
    """Whether the signature is right comes first, so that nobody else learns whether there is such a key."""
    route_id = need.route.id
    if signing is None:
        return Deny(Reason.SIGNATURE_INVALID, {"problem": "off"}, route_id)
    digest = None if key is None else digest_behind(signing, signed, key)
    if key is None or digest is None:
        return Deny(Reason.SIGNATURE_INVALID, {"problem": "signature"}, route_id)
    if now >= signed.expires_at:
        since = {"since": moment(signed.expires_at)}
        return Deny(Reason.SIGNATURE_EXPIRED, since, route_id, key.id, key.name)
    decision = judge(replace(need, digest=digest, signed=None), key, now)
    if isinstance(decision, Deny):
        facts = {name: fact for name, fact in decision.facts.items() if name != "prompt"}
        return replace(decision, facts=facts)
    return replace(decision, until=min(decision.until, signed.expires_at))


def _refused(route: Route, reason: Reason, facts: Facts = NO_FACTS, key: ApiKey | None = None) -> Deny:
    """A refusal of a credential; where the route wants it, a browser is asked to ask its user for another."""
    if route.browser_prompt:
        facts = {**facts, "prompt": "basic"}
    if key is None:
        return Deny(reason, facts, route.id)
    return Deny(reason, facts, route.id, key.id, key.name)


def _until(key: ApiKey, digest: bytes) -> float:
    """When this secret of a living key stops working by the passing of time alone."""
    ends = [key.expires_at]
    if digest != key.digest:
        ends.append(key.previous_secret_valid_until)
    return min((at for at in ends if at is not None), default=inf)


def standing(key: ApiKey, digest: bytes, now: float) -> Deny | None:
    """Rule 5 alone: why this secret of this key is dead at `now`, or None. Live streams obey it too."""
    status = key.status(now)
    if status in _DEAD:
        since = {
            Status.REVOKED: key.revoked_at,
            Status.EXPIRED: key.expires_at,
            Status.DISABLED: key.disabled_at,
        }[status]
        return Deny(_DEAD[status], {"since": moment(since)}, key_id=key.id, key_name=key.name)
    if compare_digest(digest, key.digest):
        return None
    until = key.previous_secret_valid_until
    if key.previous_digest is not None and compare_digest(digest, key.previous_digest):
        if until is not None and now < until:
            return None
        return Deny(Reason.KEY_ROTATED, {"since": moment(until)}, key_id=key.id, key_name=key.name)
    return Deny(Reason.KEY_ROTATED, {"since": moment(key.rotated_at)}, key_id=key.id, key_name=key.name)


def scope_facts(route: Route, held: frozenset[str]) -> dict[str, str]:
    """What the refusal `scope_missing` tells: the scopes needed and those the key has."""
    return {
        "needed": " ".join(route.scopes),
        "any_of": " ".join(route.any_of),
        "held": " ".join(sorted(held)),
    }


def moment(at: float | None) -> str:
    """RFC 3339 in UTC, to the second; `an earlier time` where it was not recorded."""
    if at is None:
        return "an earlier time"
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def is_within(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether an address lies in one of the networks; what cannot be read as an address lies in none."""
    seen = read_address(address)
    return seen is not None and any(seen in network for network in networks)


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """An address without its zone, as IPv4 where it is IPv4 in disguise (`::ffff:10.0.0.1`), or None."""
    bare, zoned, zone = text.partition("%")
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        sound = not zoned or _ZONE.fullmatch(zone) is not None
        return (address.ipv4_mapped or address) if sound else None
    return None if zoned else address


def _anonymous(route: Route, granted: frozenset[str], strip: Strip) -> Allow | Deny:
    if not route.satisfied_by(granted):
        return Deny(Reason.SCOPE_MISSING, scope_facts(route, granted), route.id)
    return Allow(route, strip, Identity(None, "anonymous", "", tuple(sorted(granted))))
