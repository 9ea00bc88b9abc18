"""Properties of credentials in addresses: a key that leads the path, and signed addresses.

1. Whatever byte of a signed target is changed, added or left out, it is allowed no more.
2. Whatever stands beside it, no byte of a signature, of its end or of a leading key is forwarded.
3. A led target fares as its rest does with the key in a header, and exactly the rest is forwarded.
4. Nothing that anyone puts into an address makes the decision raise.
"""

from hypothesis import assume, example, given
from hypothesis import strategies as st

from gateway.core.decision import Allow, NeedKey
from gateway.core.keys import ApiKey, compose_secret, digest_of
from gateway.core.ours import Ours
from gateway.core.policy import admit, judge
from gateway.core.refusal import Deny
from gateway.core.request import Headers, Kind, RequestView, Target, read_target
from gateway.core.routes import Route, RouteTable
from gateway.core.signed_url import sign, signed_query, signing_key
from gateway.wire.request_head import Head
from gateway.wire.upstream import target_of

NOW = 1_800_000_000.0
ENDS = int(NOW) + 300
SIGNING = signing_key(bytes(range(32)))
SECRET = compose_secret("kh", bytes([17]) * 32).reveal()
KEY = ApiKey(
    id="key_0123456789abcdef",
    name="n",
    preview="p",
    digest=digest_of(SECRET),
    scopes=frozenset({"*"}),
    created_at=NOW,
    in_path=True,
)
TABLE = RouteTable(
    [
        Route("all", "/**"),
        Route("chat", "/v1/**", scopes=("chat:write",)),
        Route("reads", "/reads", methods=frozenset({"GET"})),
        Route("open", "/open/**", public=True),
    ]
)
PATHS = st.text("abcAB12._~-%/:k", max_size=12).map(lambda text: "/" + text)
QUERIES = st.text("abAB12=&%/?:._-", max_size=14)
SIGNS = st.sampled_from([bytes([sign]) for sign in range(0x21, 0x7F) if sign != 0x23])


def head_of(raw: bytes, headers: Headers = (), kind: Kind = Kind.PLAIN) -> Head | None:
    """A request of this target, if it is one."""
    target = read_target(raw)
    if isinstance(target, Deny):
        return None
    view = RequestView("GET", target, headers, "192.0.2.1", kind)
    return Head(view, (1, 1), b"gate.example", None, chunked=False, expects_continue=False)


def decided(head: Head | None) -> Allow | Deny | None:
    """The whole decision, of whoever has the record."""
    if head is None:
        return None
    decision = admit(head.view, TABLE, Ours("kh"))
    return judge(decision, KEY, NOW, SIGNING) if isinstance(decision, NeedKey) else decision


def signed(path: str, query: str) -> bytes:
    raw_path, raw_query = path.encode(), query.encode()
    signature = sign(SIGNING, KEY.digest, KEY.id, raw_path, raw_query, ENDS)
    return raw_path + b"?" + signed_query("kh", raw_query, KEY.id, ENDS, signature)


def is_plain(path: str, query: str) -> bool:
    """Whether the path is one, guarded by a key, and the query holds no credential of its own."""
    target = read_target(f"{path}?{query}".encode())
    if isinstance(target, Deny) or isinstance(TABLE.match("GET", target), Deny):
        return False
    return not path.startswith("/open") and "kh" not in query.lower() and "%" not in query


@given(PATHS, QUERIES, st.data())
@example("/v1/a", "", None)
def test_whatever_is_changed_in_a_signed_target_it_opens_no_more(
    path: str, query: str, data: st.DataObject | None
) -> None:
    assume(is_plain(path, query))
    target = signed(path, query)
    whole = decided(head_of(target))
    assert isinstance(whole, Allow)
    if data is None:
        return
    at = data.draw(st.integers(0, len(target) - 1))
    by = data.draw(SIGNS)
    changed = data.draw(
        st.sampled_from(
            [
                target[:at] + by + target[at + 1 :],
                target[:at] + by + target[at:],
                target[:at] + target[at + 1 :],
                target[:at] + b"%%%02x" % target[at] + target[at + 1 :],
                target[:at] + target[at:].swapcase(),
                target + b"&" + by,
            ]
        )
    )
    assume(changed != target)
    decision = decided(head_of(changed))
    if isinstance(decision, Allow):
        # What is left opens by itself, or reads as the very same request: an empty query is none.
        assert decision.route.public or changed.replace(b"?&", b"?") == target.replace(b"?&", b"?")


@given(PATHS, QUERIES, QUERIES, st.sampled_from([True, False]))
def test_no_byte_of_a_credential_in_an_address_is_forwarded(
    path: str, query: str, behind: str, led: object
) -> None:
    raw = (f"/k/{SECRET}".encode() if led else b"") + signed(path, query) + behind.encode()
    referer = ((b"referer", b"http://gate.example" + raw), (b"x-other", raw.replace(b"&", b"%26")))
    head = head_of(raw, referer)
    assume(head is not None)
    assert head is not None
    decision = admit(head.view, TABLE, Ours("kh"))
    if isinstance(decision, Deny):
        return
    forwarded = b"\n".join(
        (
            target_of(head, decision.route, decision.strip),
            *(value for _, value in decision.strip.apply(head.view.headers)),
        )
    )
    signature = raw.partition(b"kh_signature=")[2][:43]
    assert SECRET.encode() not in forwarded
    assert signature not in forwarded
    assert b"kh_expires" not in target_of(head, decision.route, decision.strip)


@given(PATHS, QUERIES)
def test_a_led_target_fares_as_its_rest_does_with_the_key_in_a_header(path: str, query: str) -> None:
    rest = f"{path}?{query}".encode() if query else path.encode()
    led = head_of(f"/k/{SECRET}".encode() + rest)
    plain = head_of(rest, ((b"x-api-key", SECRET.encode()),))
    one, other = decided(led), decided(plain)
    if led is None or plain is None or one is None or other is None:
        assert not isinstance(one, Allow)  # no target at all, with or without the lead
        return
    if isinstance(one, Deny) or isinstance(other, Deny):
        assert isinstance(one, Deny)
        assert isinstance(other, Deny)
        assert (one.reason, one.route_id) == (other.reason, other.route_id)
        return
    assert (one.route, one.key, one.identity) == (other.route, other.key, other.identity)
    assert target_of(led, one.route, one.strip) == target_of(plain, other.route, other.strip)


@given(st.binary(max_size=80), st.sampled_from([b"/k/", b"/k/kh_", b"/k/" + SECRET.encode(), b"/a?kh_key="]))
def test_nothing_in_an_address_makes_the_decision_raise(noise: bytes, begins: bytes) -> None:
    target = read_target(begins + noise)
    if isinstance(target, Target):
        decided(head_of(begins + noise))
