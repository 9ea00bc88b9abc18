"""Each kind of value: what it accepts, what it refuses and how it says so. No message repeats the value."""

from collections.abc import Callable
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import fields
from gateway.config.fields import Address, read_address, read_network, read_store_url, read_upstream_url
from gateway.config.problems import Unfit


def refusal(reader: Callable[[str], object], text: object) -> str:
    """Why the reader refuses, with its hint after a bar."""
    with pytest.raises(Unfit) as unfit:
        reader(text)  # type: ignore[arg-type]
    return " | ".join(part for part in (unfit.value.message, unfit.value.hint) if part)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("0.0.0.0:80", "0.0.0.0", 80),
        ("localhost:0", "localhost", 0),
        ("my-host.lan:65535", "my-host.lan", 65535),
        ("[::1]:8080", "::1", 8080),
        ("[::]:8080", "::", 8080),
    ],
)
def test_an_address_is_host_and_port_and_shown_as_written(text: str, host: str, port: int) -> None:
    address = read_address(text)
    assert address == Address(host, port)
    assert str(address) == text
    assert read_address(address) is address


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("8080", "must be HOST:PORT, like 127.0.0.1:8080 or '[::1]:8080'"),
        (8080, "must be HOST:PORT, like 127.0.0.1:8080 or '[::1]:8080'"),
        ("::1:8080", "must be HOST:PORT, like 127.0.0.1:8080 or '[::1]:8080'"),
        ("http://a:80", "must be HOST:PORT, like 127.0.0.1:8080 or '[::1]:8080'"),
        ("127.0.0.1", "must be HOST:PORT, like 127.0.0.1:8080 or '[::1]:8080'"),
        ("a:65536", "has no such port: 65535 is the highest"),
        (":80", "says no host: 127.0.0.1:80 for this machine alone, 0.0.0.0:80 for every network"),
        ("*:80", "says no host: 127.0.0.1:80 for this machine alone, 0.0.0.0:80 for every network"),
        ("127.0.0.256:80", "has no such host: write an address or a name, like 127.0.0.1 or localhost"),
        ("1:30", "has no such host: write an address or a name, like 127.0.0.1 or localhost"),
        ("[1.2]:80", "has no such host: write an address or a name, like 127.0.0.1 or localhost"),
        ("-a:80", "has no such host: write an address or a name, like 127.0.0.1 or localhost"),
    ],
)
def test_an_address_that_says_too_little_is_refused(text: object, why: str) -> None:
    assert refusal(read_address, text) == why


@pytest.mark.parametrize("text", ["10.0.0.0/8", "::1/128", "0.0.0.0/0", "fd00::/8"])
def test_a_network_is_a_cidr(text: str) -> None:
    assert read_network(text) == ip_network(text)
    assert read_network(ip_network(text)) == ip_network(text)


def test_one_address_is_a_network_of_one() -> None:
    assert read_network("192.168.1.7") == ip_network("192.168.1.7/32")
    assert read_network("::1") == ip_network("::1/128")


NO_NETWORK = "must be an address or a network, like 192.168.1.0/24 or '::1/128'"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", NO_NETWORK),
        ("lan", NO_NETWORK),
        ("10.0.0.0/33", NO_NETWORK),
        ("fe80::%eth0/64", NO_NETWORK),
        (7, NO_NETWORK),
        (None, NO_NETWORK),
        (
            "192.168.1.7/24",
            "names an address inside the network, not the network | did you mean '192.168.1.0/24'?",
        ),
        ("::ffff:10.0.0.0/104", "must be written as IPv4, because it is IPv4"),
    ],
)
def test_a_network_that_would_match_something_else_is_refused(text: object, why: str) -> None:
    assert refusal(read_network, text) == why


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434"),
        ("http://127.0.0.1:11434/", "http://127.0.0.1:11434"),
        ("https://api.example.com", "https://api.example.com"),
        ("http://my_service:80", "http://my_service:80"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://example.com.", "http://example.com."),
    ],
)
def test_an_upstream_url_ends_after_host_and_port(text: str, url: str) -> None:
    assert read_upstream_url(text) == url


NO_HOST = "has no such host: write an address or an ASCII name, like 127.0.0.1 or ollama"
KEEPS_PATH = "must end after host and port: requests keep the path they came with"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "127.0.0.1:11434",
            "must begin with http://, https:// or unix:/// | did you mean 'http://127.0.0.1:11434'?",
        ),
        ("unix://run/app.sock", "must name a socket by its whole path, like unix:///run/app.sock"),
        ("unix:///run/", "must name a socket by its whole path, like unix:///run/app.sock"),
        (f"unix:///{'s' * 107}", "is too long for a socket: 103 bytes are possible"),
        ("ftp://a", "must begin with http://, https:// or unix:///"),
        ("HTTP://a", "must begin with http://, https:// or unix:///"),
        (None, "must begin with http://, https:// or unix:/// | did you mean 'http://None'?"),
        ("http://a:b:c", "must be http://HOST:PORT, like http://127.0.0.1:11434"),
        ("http://a:", "must be http://HOST:PORT, like http://127.0.0.1:11434"),
        ("http://::1", "must be http://HOST:PORT, like http://127.0.0.1:11434"),
        ("http://u:p@a", "must not hold a user or password: the address of an upstream is no secret"),
        ("http://@a", "must not hold a user or password: the address of an upstream is no secret"),
        ("http://a/v1", KEEPS_PATH),
        ("http://a?b", KEEPS_PATH),
        ("http://a#b", KEEPS_PATH),
        ("http://a//", KEEPS_PATH),
        ("http://a/\n", KEEPS_PATH),
        ("http://", NO_HOST),
        ("http://[a]", NO_HOST),
        ("http://1.2.3", NO_HOST),
        ("http://bücher.example", NO_HOST),
        ("http://a b", NO_HOST),
        ("http://a\n", NO_HOST),
        ("http://" + "a" * 254, NO_HOST),
        ("http://a:0", "has no such port: 1 to 65535"),
        ("http://a:65536", "has no such port: 1 to 65535"),
    ],
)
def test_an_upstream_url_that_says_more_or_less_is_refused(text: object, why: str) -> None:
    assert refusal(read_upstream_url, text) == why


@pytest.mark.parametrize("text", ["memory:", "sqlite:///keyhatch.db", "sqlite:////var/lib/a b/keyhatch.db"])
def test_a_store_is_a_file_or_memory(text: str) -> None:
    assert read_store_url(text) == text


NO_STORE = "must be sqlite:///FILE (relative), sqlite:////FILE (absolute) or memory:"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("keyhatch.db", NO_STORE),
        ("sqlite://keyhatch.db", NO_STORE),
        ("sqlite:///", NO_STORE),
        ("sqlite:////", NO_STORE),
        ("sqlite:///a\0b", NO_STORE),
        ("postgres://a/b", NO_STORE),
        (None, NO_STORE),
        ("sqlite:///a.db?mode=ro", "must name a plain file: '?', '#' and '%' have no meaning here"),
        ("sqlite:///a%20b", "must name a plain file: '?', '#' and '%' have no meaning here"),
    ],
)
def test_a_store_that_is_neither_is_refused(text: object, why: str) -> None:
    assert refusal(read_store_url, text) == why


def test_never_has_to_be_said() -> None:
    assert fields.read_expiry("never") is None
    assert fields.read_expiry("90d") == 7_776_000.0
    assert refusal(fields.read_expiry, None) == "must be a number and a unit, like 250ms, 5s, 10m, 2h or 90d"


def test_null_is_no_limit() -> None:
    assert fields.read_optional_size(None) is None
    assert fields.read_optional_size("1MiB") == 1_048_576


@pytest.mark.parametrize(
    ("reader", "good", "bad", "why"),
    [
        (fields.read_prefix, "kh", "Kh", "must be 1 to 16 lower-case letters and digits, a letter first"),
        (fields.read_prefix, "a234567890123456", "a_b", None),
        (fields.read_prefix, "k", "", None),
        (
            fields.read_name,
            "local-ai",
            "Local",
            "must be lower-case letters and digits, joined by single '-' or '_'",
        ),
        (fields.read_name, "a_1", "a__1", None),
        (fields.read_name, "a", "a-", None),
        (fields.read_name, "a" * 63, "a" * 64, None),
        (fields.read_route_id, "Chat.v1", "a b", "must be up to 64 letters, digits, '.', '_' and '-'"),
        (fields.read_route_id, "keyhatchery", "", None),
        (
            fields.read_route_id,
            "my-keyhatch",
            "Keyhatch-me",
            "must not begin with 'keyhatch-': those are the gateway's own routes",
        ),
        (fields.read_method, "M-SEARCH", "G T", "must be a method in upper case"),
        (fields.read_method, "GET", "get", "must be a method in upper case | did you mean 'GET'?"),
        (fields.read_method, "PROPFIND", "TRACE", "TRACE and CONNECT are never forwarded"),
        (fields.read_method, "HEAD", "CONNECT", "TRACE and CONNECT are never forwarded"),
        (
            fields.read_catalogue_scope,
            "a:b",
            "a:",
            "must be resource:action or a word, in lower case: models:read, admin",
        ),
        (fields.read_catalogue_scope, "a.b:c-d", "a:*", None),
        (
            fields.read_catalogue_scope,
            "keyhatchery:read",
            "keyhatch:read",
            "'keyhatch:…' is reserved for managing the gateway",
        ),
        (
            fields.read_route_scope,
            "a:b",
            "a:*",
            "must be a plain scope: keys hold wildcards, routes name what they need",
        ),
        (
            fields.read_route_scope,
            "a:b",
            "A*",
            "must be resource:action or a word, in lower case: models:read, admin",
        ),
        (
            fields.read_route_scope,
            "a:b",
            "keyhatch:admin",
            "'keyhatch:…' is reserved for managing the gateway",
        ),
        (fields.read_grant, "*", "a:", "must be resource:action, resource:*, *:action, one word or *"),
        (fields.read_grant, "*:read", "keyhatch:*", "nobody manages the gateway without a key"),
    ],
)
def test_a_word_keeps_to_its_grammar(
    reader: Callable[[str], str], good: str, bad: str, why: str | None
) -> None:
    assert reader(good) == good
    assert why in (None, refusal(reader, bad))


def test_a_key_with_nothing_behind_it_is_refused_where_silence_could_open_a_door() -> None:
    assert fields.given([]) == []
    assert refusal(fields.given, None) == "has no value: give it one, or remove the key"


def test_words_may_be_shouted() -> None:
    assert fields.lower("DEBUG") == "debug"
    assert fields.lower(None) is None


def test_a_scope_needs_no_description() -> None:
    assert fields.text_or_nothing(None) == ""
    assert fields.text_or_nothing("x") == "x"


READERS = [
    read_address,
    read_network,
    read_upstream_url,
    read_store_url,
    fields.read_expiry,
    fields.read_optional_size,
    fields.read_head_size,
    fields.read_target_size,
    fields.read_prefix,
    fields.read_name,
    fields.read_route_id,
    fields.read_method,
    fields.read_catalogue_scope,
    fields.read_route_scope,
    fields.read_grant,
    fields.read_switch,
]


def message(reader: Callable[[str], object], text: str) -> str:
    """What the reader says against the text; nothing if it takes it. Anything but `Unfit` passes through."""
    try:
        reader(text)
    except Unfit as unfit:
        return unfit.message
    return ""


@pytest.mark.parametrize("reader", READERS)
@given(text=st.text() | st.from_regex(r"(https?://|sqlite:///)?[\[\]:./a-z0-9*-]{0,20}", fullmatch=True))
def test_no_text_makes_a_reader_raise_anything_but_unfit(reader: Callable[[str], object], text: str) -> None:
    message(reader, text)


@pytest.mark.parametrize("reader", READERS)
@given(text=st.from_regex(r"[A-Z][0-9qQ]{7,12}", fullmatch=True))
def test_no_message_repeats_the_value(reader: Callable[[str], object], text: str) -> None:
    assert text not in message(reader, text)


def test_the_name_of_a_host_is_a_name_alone_and_means_the_same_in_capitals() -> None:
    assert fields.read_host_name("Keys.Example.com") == "keys.example.com"
    for wrong in ("keys.example.com:8081", "https://keys.example.com", "10.0.0.1", "::1", "a b", "", ".a", 7):
        assert (
            refusal(fields.read_host_name, wrong) == "must be the name of a host alone, like keys.example.com"
        )


@pytest.mark.parametrize(
    "text", ["upstream", "preserve", "localhost:11434", "ai.example", "[::1]:80", "10.0.0.1"]
)
def test_a_host_policy_is_a_word_or_what_to_send(text: str) -> None:
    assert fields.read_host_policy(text) == text


@pytest.mark.parametrize(
    "text", ["", ":80", "http://a", "a/b", "a b", "a@b", "[::g]", "bücher.example", "a:"]
)
def test_what_cannot_be_sent_as_host_is_refused(text: str) -> None:
    why = "must be upstream, preserve, or a HOST[:PORT] to send, like localhost:11434"
    assert refusal(fields.read_host_policy, text) == why


def test_a_host_to_send_has_a_port_that_exists() -> None:
    assert refusal(fields.read_host_policy, "a:0") == "has no such port: 1 to 65535"
    assert refusal(fields.read_host_policy, "a:65536") == "has no such port: 1 to 65535"


def test_a_prefix_with_a_slash_too_many_is_known_by_its_plain_form() -> None:
    with pytest.raises(Unfit) as told:
        fields.read_path_prefix("/llm/")
    assert told.value.hint == "did you mean '/llm'?"
    assert fields.read_path_prefix("/llm") == "/llm"


def test_where_there_are_no_sockets_none_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("socket.AF_UNIX")
    with pytest.raises(Unfit, match="Windows has none for it: give the server a port"):
        read_upstream_url("unix:///run/app.sock")
