"""What is lawful but probably not meant, or not done by this version: warnings, which stop nothing."""

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from gateway.config.applied import guarded
from gateway.config.fields import Address
from gateway.config.parts import Parts
from gateway.config.problems import meant
from gateway.config.rules import Draft, Finding
from gateway.config.shown import is_secret, secret_places
from gateway.config.target_sections import UpstreamTlsSettings
from gateway.config.tree import Node, find
from gateway.config.vault_section import VAULT
from gateway.core.routes import FORWARDED_METHODS

KNOWN_METHODS: Final = FORWARDED_METHODS | {
    *("ACL", "BIND", "CHECKOUT", "LINK", "M-SEARCH", "MERGE", "MKACTIVITY", "MKCALENDAR", "NOTIFY", "PURGE"),
    *("QUERY", "REBIND", "SOURCE", "SUBSCRIBE", "UNBIND", "UNLINK", "UNSUBSCRIBE"),
}
"""What llhttp can parse: a caller that sends another method is refused before any route is looked for."""


def advice(parts: Parts) -> Iterator[Finding]:
    """Everything worth a warning, in the order of the sections."""
    yield from _server(parts)
    yield from _upstreams(parts)
    for draft in parts.drafts:
        yield from _methods(draft)
        yield from _opened(draft, parts)
        yield from _silenced(draft, parts)
        yield from _everybody(draft)
        yield from _every_page(draft)
        yield from _lent_to_everybody(draft, parts)


def _server(parts: Parts) -> Iterator[Finding]:
    admin = parts.listeners.get("admin")
    if admin is not None and _is_everywhere(admin):
        message = "listens on every network, and its /metrics asks for no key"
        yield Finding(("server", "admin"), message, f"127.0.0.1:{admin.port} keeps it on this machine")
    if admin is not None and parts.tls.is_on and not parts.tls.admin and not is_near(admin):
        message = "can be reached from elsewhere in clear text, while callers speak HTTPS"
        yield Finding(("server", "admin"), message, "server.tls.admin: on gives it the same certificate")
    for position, network in enumerate(parts.trusted_proxies):
        if network.prefixlen == 0:
            message = "believes X-Forwarded-For from everybody, so anybody can claim any address"
            yield Finding(("server", "trusted_proxies", position), message)


def _is_everywhere(address: Address) -> bool:
    try:
        return ip_address(address.host).is_unspecified
    except ValueError:
        return False


def is_near(address: Address) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ip_address(address.host).is_loopback
    except ValueError:
        return address.host == "localhost"


def _upstreams(parts: Parts) -> Iterator[Finding]:
    served = {draft.route.upstream for draft in parts.drafts}
    is_sure = served and parts.is_whole and served <= set(parts.upstreams)
    for name, upstream in parts.upstreams.items():
        if upstream.tls != UpstreamTlsSettings() and not any(
            url.startswith("https:") for url in upstream.places().values()
        ):
            yield Finding(
                ("upstreams", name, "tls"), "has no meaning here: no url of it begins with https://"
            )
        if (upstream.credential or "").startswith(VAULT) and not parts.has_vault_key:
            message = "is in the vault, which has no key to open it with"
            mend = (
                "make one with `keyhatch credentials new-key vault.key` and say vault: {key_file: vault.key}"
            )
            yield Finding(("upstreams", name, "credential"), f"{message}: {mend}")
        if is_sure and name not in served and upstream.preset is None:
            yield Finding(("upstreams", name), "no route leads here")


def in_the_open(root: Node) -> Iterator[Finding]:
    """Secrets that stand in the file as they are, where whoever may read or copy it has them."""
    for loc in secret_places(root):
        node = find(root, loc)
        is_plain = node is not None and node.origin.line is not None and node.written is None
        if is_plain and node is not None and is_secret(node.content):
            yield Finding(loc, "stands in the file in plain text", "${VAR} or the vault keeps it out")


def _methods(draft: Draft) -> Iterator[Finding]:
    for position, method in enumerate(draft.route.methods or ()):
        if method not in KNOWN_METHODS:
            hint = meant(method, sorted(KNOWN_METHODS))
            message = f"'{method}' is no method that HTTP knows"
            yield Finding(draft.at("methods", position), message, hint, quotes=True)


def _opened(draft: Draft, parts: Parts) -> Iterator[Finding]:
    """A wide route overrules the preset, also where that is careful."""
    upstream = parts.upstreams.get(draft.route.upstream)
    opened = () if upstream is None or not draft.sound("path", "scopes") else guarded(upstream, draft.route)
    if upstream is not None and opened:
        message = f"also opens what preset {upstream.preset} keeps for models:manage and admin, like "
        mend = "leave such paths to the preset, or ask for admin here"
        yield Finding(draft.at("path"), f"{message}{opened[0]}: {mend}", quotes=True)


def _silenced(draft: Draft, parts: Parts) -> Iterator[Finding]:
    """A wide route leaves a preset nothing: a person's routes come first, unless it is mounted below them."""
    if not draft.sound("path", "upstream") or not draft.route.path.endswith("/**"):
        return
    for name, upstream in parts.upstreams.items():
        mount = upstream.mount or ""
        if upstream.preset is None or (not mount and name == draft.route.upstream):
            continue
        if f"{mount}/**" == draft.route.path:
            message = f"takes {mount or '/'} too, so the preset of upstream '{name}' is never asked"
            mend = "routes come before presets: give this one a narrower path"
            yield Finding(draft.at("path"), f"{message}: {mend}", quotes=True)


def locked(key_file: Path | None) -> Iterator[Finding]:
    """The vault's key is not where it is said to be."""
    if key_file is not None and not key_file.exists():
        message = "there is no such file, so the vault is locked until it is there"
        mend = f"bring it, or make a first one with `keyhatch credentials new-key {key_file.name}`"
        yield Finding(("vault", "key_file"), f"{message}: {mend}", quotes=True)


def _everybody(draft: Draft) -> Iterator[Finding]:
    for position, network in enumerate(draft.route.anonymous.networks if draft.route.anonymous else ()):
        if network.prefixlen == 0:
            message = "lets everybody in without a key; public: true says so plainly"
            yield Finding(draft.at("anonymous", "from", position), message)


def _every_page(draft: Draft) -> Iterator[Finding]:
    door, cors = draft.route.anonymous, draft.route.cors
    if door is not None and cors is not None and cors.any_origin:
        message = "lets every page that is open in a browser on those networks in without a key"
        yield Finding(draft.at("cors"), message, "a list of origins lets in those you know")


def _lent_to_everybody(draft: Draft, parts: Parts) -> Iterator[Finding]:
    upstream = parts.upstreams.get(draft.route.upstream)
    if draft.route.public and upstream is not None and upstream.credential is not None:
        message = "lets everybody use the upstream's credential: it takes no key"
        yield Finding(draft.at("public"), message)
