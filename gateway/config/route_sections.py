"""What is written of a route: one door, and who may pass."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.config.fields import (
    Given,
    Grant,
    Method,
    NetworkField,
    PathPrefix,
    RouteId,
    RouteScope,
    Some,
    Switch,
)
from gateway.config.origins import CorsField
from gateway.config.sections import Section
from gateway.core.routes import Anonymous, Route


class AnonymousSettings(Section):
    """Who needs no key on this route."""

    networks: Some[NetworkField] = Field(
        alias="from",
        description="Networks whose callers need no key. Behind a proxy of your own, name that proxy in "
        "server.trusted_proxies, or everybody seems to come from it.",
    )
    scopes: tuple[Grant, ...] = Field(
        default=(), description="What those callers count as holding; it must satisfy the route."
    )


class RouteSettings(Section):
    """One door: a path, an upstream, and who may pass."""

    id: RouteId = Field(description="Its name in metrics, logs and refusals.")
    path: str = Field(
        description="An exact path; * stands for one segment, ** at the end for the rest. "
        "The most specific path wins, whatever the order."
    )
    methods: Annotated[Some[Method] | None, Given] = Field(
        default=None,
        description="The methods it takes; HEAD comes with GET. Left out: all but TRACE and CONNECT.",
    )
    upstream: str = Field(description="The name of the upstream that answers.")
    public: bool = Field(default=False, description="true: no key is needed, from anywhere.")
    scopes: Annotated[tuple[RouteScope, ...] | None, Given] = Field(
        default=None, description="All of these are needed. [] lets any valid key pass."
    )
    any_of: Annotated[Some[RouteScope] | None, Given] = Field(
        default=None, description="One of these is needed (beside all of scopes)."
    )
    anonymous: Annotated[AnonymousSettings | None, Given] = Field(
        default=None, description="Networks whose callers need no key here."
    )

    browser_prompt: Switch = Field(
        default=False,
        description="on: a browser that is refused asks its user for a key (HTTP Basic), and sends it with "
        "every request from then on. For web interfaces that know no keys.",
    )
    strip_prefix: Annotated[PathPrefix | None, Given] = Field(
        default=None,
        description="Cut from the front of the path before it is forwarded, like /llm; the route's path "
        "must lie under it. The upstream is told by X-Forwarded-Prefix; the locations and cookie paths it "
        "names are mapped back.",
    )
    add_prefix: Annotated[PathPrefix | None, Given] = Field(
        default=None, description="Put before what is left of the path, like /api."
    )

    encoded_slash: Literal["refuse", "allow"] = Field(
        default="refuse",
        description="allow: %2F may stand in its paths, which ComfyUI wants for files in folders. Refused "
        "all the same where any reading of the path arrives at a route that does not allow it, or guards "
        "it otherwise.",
    )
    cors: CorsField = Field(
        default=None,
        description="Which pages of other origins may call it: off (OPTIONS is a method like any other, the "
        "upstream's own CORS passes), on (any, without cookies), or a list of origins like "
        "[https://app.example]. Preflights are answered without a key, refusals can be read.",
    )

    def compiled(self) -> Route:
        """The route as the core matches and judges it."""
        door = self.anonymous
        return Route(
            self.id,
            self.path,
            upstream=self.upstream,
            methods=None if self.methods is None else frozenset(self.methods),
            public=self.public,
            scopes=self.scopes or (),
            any_of=self.any_of or (),
            browser_prompt=self.browser_prompt,
            anonymous=None if door is None else Anonymous(door.networks, frozenset(door.scopes)),
            strip_prefix=self.strip_prefix or "",
            add_prefix=self.add_prefix or "",
            cors=self.cors,
            encoded_slash=self.encoded_slash == "allow",
        )
