"""Guarantees of gateway/core/signed_url.py: an address opens as it was signed, or not at all."""

import base64
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.core.decision import Allow, NeedKey
from gateway.core.keys import ApiKey, digest_of
from gateway.core.ours import Ours
from gateway.core.policy import admit, judge
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Kind
from gateway.core.routes import Route
from gateway.core.signed_url import (
    Group,
    digest_behind,
    holds_signature,
    read_group,
    sign,
    signed_query,
    signing_key,
)
from tests.unit.core.samples import NOW, A, B, networks, record, table, view

VAULT_KEY = bytes(range(32))
SIGNING = signing_key(VAULT_KEY)
KEY = record(id="key_0123456789abcdef")
ENDS = int(NOW) + 300
DOORS = table(Route("audio", "/audio/**", scopes=("audio:speech",)), Route("open", "/open/**", public=True))


def signed(path: str = "/audio/a.mp3", query: str = "", key: ApiKey = KEY, ends: int = ENDS) -> str:
    """A target with its signature."""
    signature = sign(SIGNING, key.digest, key.id, path.encode(), query.encode(), ends)
    return f"{path}?{signed_query('kh', query.encode(), key.id, ends, signature).decode()}"


def judged(
    target: str,
    key: ApiKey | None = KEY,
    *,
    now: float = NOW,
    signing: bytes | None = SIGNING,
    method: str = "GET",
    kind: Kind = Kind.PLAIN,
) -> Allow | Deny:
    """What the whole decision comes to."""
    decision = admit(view(path=target, method=method, kind=kind), DOORS, Ours("kh"))
    return judge(decision, key, now, signing) if isinstance(decision, NeedKey) else decision


def reason(decision: Allow | Deny) -> str:
    return decision.reason.value if isinstance(decision, Deny) else "allowed"


def test_it_is_signed_with_a_key_of_its_own_derived_as_rfc_5869_says() -> None:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"keyhatch vault v1: sign addresses")
    assert signing_key(VAULT_KEY) == hkdf.derive(VAULT_KEY) != VAULT_KEY
    with pytest.raises(ValueError, match="32 bytes"):
        signing_key(VAULT_KEY[1:])


def test_what_is_signed_is_as_documented() -> None:
    message = f"keyhatch signed address 1\nGET\n/a\nb=1\n{KEY.id}\n{ENDS}".encode()
    mixed = hmac.new(SIGNING, KEY.digest, hashlib.sha256).digest()
    expected = base64.urlsafe_b64encode(hmac.new(mixed, message, hashlib.sha256).digest()).rstrip(b"=")
    assert sign(SIGNING, KEY.digest, KEY.id, b"/a", b"b=1", ENDS) == expected


@pytest.mark.parametrize("query", ["", "voice=anna", "a=%2F&&b", "api_key=theirs", "kh_keys=1"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_as_it_was_signed_it_opens_and_the_rest_is_forwarded_as_it_was(query: str, method: str) -> None:
    decision = judged(signed(query=query), method=method)
    assert isinstance(decision, Allow)
    assert (decision.key, decision.digest, decision.until) == (KEY, KEY.digest, ENDS)
    assert (decision.strip.query, decision.strip.in_address) == (query.encode(), True)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(("/audio/a.mp3", "/audio/A.mp3"), id="case-of-the-path"),
        pytest.param(("/audio/a.mp3", "/audio/b.mp3"), id="path"),
        pytest.param(("/audio/a.mp3", "/audio/%61.mp3"), id="encoding-of-the-path"),
        pytest.param(("/audio/a.mp3", "/audio/a.mp3/"), id="slash"),
        pytest.param(("voice=anna&x=1", "x=1&voice=anna"), id="order"),
        pytest.param(("voice=anna", "voice=ann%61"), id="encoding-of-the-query"),
        pytest.param(("voice=anna", "voice=ANNA"), id="case-of-the-query"),
        pytest.param(("voice=anna&", ""), id="one-less"),
        pytest.param(("voice=anna&", "voice=anna&voice=ben&"), id="one-more"),
        pytest.param(("voice=anna&", "voice=anna&&"), id="an-empty-one"),
        pytest.param((f"kh_expires={ENDS}", f"kh_expires={ENDS + 1}"), id="end"),
        pytest.param((f"kh_expires={ENDS}", f"kh_expires=0{ENDS}"), id="spelling-of-the-end"),
        pytest.param(("kh_key=key_0", "kh_key=key_1"), id="key"),
        pytest.param(("kh_signature=", "kh_signature=A"), id="longer-signature"),
        pytest.param(("kh_signature", "kh%5Fsignature"), id="encoded-name"),
        pytest.param(("kh_key", "KH_KEY"), id="case-of-a-name"),
        pytest.param(("kh_key=", "kh_key=x&kh_key="), id="twice"),
        pytest.param(("?voice", "?kh_expires=1&voice"), id="another-end-before"),
        pytest.param(("?voice", "?%256bh_key=1&voice"), id="another-key-before-encoded-twice"),
    ],
)
def test_whatever_is_changed_in_it_it_opens_no_more(change: tuple[str, str]) -> None:
    target = signed(query="voice=anna&x=1")
    assert reason(judged(target)) == "allowed"
    assert change[0] in target
    decision = judged(target.replace(*change))
    assert reason(decision) == "signature_invalid"


def test_no_byte_of_the_signature_may_be_another_nor_anything_come_behind() -> None:
    target = signed()
    at = target.index("kh_signature=") + len("kh_signature=")
    for place in range(at, len(target)):
        other = "A" if target[place] != "A" else "B"
        assert reason(judged(target[:place] + other + target[place + 1 :])) == "signature_invalid"
    for behind in ("&", "&a=1", "=", "A"):
        assert reason(judged(target + behind)) == "signature_invalid"
    assert reason(judged(target[:-1])) == "signature_invalid"


def test_after_its_end_it_opens_no_more_and_says_so_to_who_holds_a_right_one() -> None:
    assert reason(judged(signed(), now=ENDS - 0.1)) == "allowed"
    decision = judged(signed(), now=ENDS)
    assert isinstance(decision, Deny)
    assert (decision.reason, decision.key_id) == (Reason.SIGNATURE_EXPIRED, KEY.id)
    assert reason(judged(signed().replace("/a.mp3", "/b.mp3"), now=ENDS)) == "signature_invalid"


@pytest.mark.parametrize(
    ("method", "kind"),
    [("POST", Kind.PLAIN), ("DELETE", Kind.PLAIN), ("OPTIONS", Kind.PLAIN), ("GET", Kind.WEBSOCKET)],
)
def test_it_opens_for_reading_alone(method: str, kind: Kind) -> None:
    decision = judged(signed(), method=method, kind=kind)
    assert isinstance(decision, Deny)
    assert (decision.reason, decision.facts["problem"]) == (Reason.SIGNATURE_INVALID, "method")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"revoked_at": NOW}, "key_revoked"),
        ({"expires_at": NOW}, "key_expired"),
        ({"disabled_at": NOW}, "key_disabled"),
        ({"scopes": frozenset({"chat:write"})}, "scope_missing"),
        ({"allow_from": networks("10.0.0.0/8")}, "address_not_allowed"),
        ({"digest": digest_of(B)}, "signature_invalid"),
    ],
    ids=str,
)
def test_it_may_no_more_than_its_key_and_ends_with_it(change: dict[str, object], told: str) -> None:
    assert reason(judged(signed(), record(**{"id": KEY.id, **change}))) == told


def test_a_rotation_ends_it_with_the_overlap_of_the_secret_it_was_made_for() -> None:
    until = NOW + 60
    rotated = record(
        B, id=KEY.id, previous_digest=KEY.digest, previous_secret_valid_until=until, rotated_at=NOW
    )
    decision = judged(signed(), rotated)
    assert isinstance(decision, Allow)
    assert (decision.digest, decision.until) == (KEY.digest, until)
    assert reason(judged(signed(), rotated, now=until)) == "key_rotated"
    assert reason(judged(signed(key=rotated), rotated, now=until)) == "allowed"


def test_who_cannot_sign_learns_nothing_of_keys() -> None:
    strange = signed().replace(KEY.id, "key_ffffffffffffffff")
    dead = record(id=KEY.id, revoked_at=NOW)
    wrong = signed()[:-1] + ("A" if signed()[-1] != "A" else "B")
    assert judged(strange, None) == judged(wrong, dead) == judged(wrong, KEY)


def test_without_a_vaults_key_or_with_another_one_nothing_opens() -> None:
    off = judged(signed(), signing=None)
    assert isinstance(off, Deny)
    assert off.facts["problem"] == "off"
    assert reason(judged(signed(), signing=signing_key(bytes(32)))) == "signature_invalid"


@pytest.mark.parametrize("shown", [("x-api-key", A), ("x-api-key", B), ("authorization", f"Bearer {A}")])
def test_a_key_beside_it_is_one_credential_too_many(shown: tuple[str, str]) -> None:
    need = admit(view(shown, path=signed()), DOORS, Ours("kh"))
    assert isinstance(need, Deny)
    assert need.reason is Reason.CREDENTIAL_AMBIGUOUS
    assert A not in str(need.facts)


def test_on_a_public_route_it_is_taken_out_and_not_judged() -> None:
    decision = judged(signed("/open/x", "a=1") + "A")
    assert isinstance(decision, Allow)
    assert (decision.strip.query, decision.strip.in_address, decision.key) == (b"a=1", True, None)


def test_parts_of_it_are_cut_wherever_they_stand() -> None:
    group = read_group("/a", b"kh_key=1&a=2&kh%5Fexpires=3&b&%2568h", "kh")
    assert group == Group(None, b"a=2&b&%2568h")
    assert read_group("/a", b"a=2&b=%41", "kh") is None
    assert read_group("/a", b"kh_key=1", "acme") is None


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        (b"http://gate/a?kh_signature=x", True),
        (b"http%3A%2F%2Fgate%2Fa%3Fkh_signature%3Dx", True),
        (b"kh%255Fsignature%253Dx", True),
        (b"kh_signature", False),
        (b"signature=1", False),
        (b"100%", False),
        (b"%25%25", False),
    ],
)
def test_one_amid_other_text_is_seen(value: bytes, *, holds: bool) -> None:
    assert holds_signature(value, "kh") is holds


def test_a_page_that_says_where_it_came_from_tells_no_signature() -> None:
    headers = (("referer", f"http://gate.example{signed()}"), ("cookie", f"a=1; b={signed()}; c=2"))
    asked = view(("x-api-key", A), *headers, path=f"/audio/x?src={signed().replace('&', '%26')}&b=1")
    need = admit(asked, DOORS, Ours("kh"))
    assert isinstance(need, NeedKey)
    assert need.strip.apply(asked.headers) == ((b"cookie", b"a=1; c=2"),)
    assert need.strip.query == b"b=1"


def test_no_repr_shows_a_signature() -> None:
    need = admit(view(path=signed()), DOORS, Ours("kh"))
    assert isinstance(need, NeedKey)
    assert need.signed is not None
    assert signed()[-20:] not in repr((need, need.signed))


def test_two_secrets_of_one_record_are_both_looked_at() -> None:
    need = admit(view(path=signed()), DOORS, Ours("kh"))
    assert isinstance(need, NeedKey)
    assert need.signed is not None
    assert digest_behind(SIGNING, need.signed, KEY) == KEY.digest
    assert digest_behind(SIGNING, need.signed, record(B)) is None
