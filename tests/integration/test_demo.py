"""`serve --demo` prints what to paste, and pasting it works."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.plain_caller import ask
from tests.support.programs import program
from tests.support.running_gateway import Home, RunningGateway, eventually

PORTS = ("--proxy", "127.0.0.1:0", "--admin", "127.0.0.1:0")
CHAT = b'{"stream": true, "messages": [{"role": "user", "content": "good morning"}]}'


@pytest.fixture
def demo(home: Home) -> Iterator[RunningGateway]:
    with home.serve("--demo", *PORTS) as demo:
        printed_key(demo)
        yield demo


def printed_key(demo: RunningGateway) -> str:
    eventually(lambda: "in a browser" in demo.out, "what to paste is printed")
    found = re.search(r"export KEY=(kh_[0-9A-Za-z]{49})\n", demo.out)
    assert found, demo.out
    return found[1]


def test_what_is_printed_gives_a_401_a_200_and_a_stream(demo: RunningGateway) -> None:
    port = demo.port
    urls = re.findall(r"http://127\.0\.0\.1:\d+(/\S+)", demo.out)
    assert urls == ["/v1/models", "/v1/models", "/v1/chat/completions"]
    assert re.findall(r"http://127\.0\.0\.1:(\d+)", demo.out) == [str(port)] * 4 + [str(demo.admin_port)]
    assert demo.ask_admin("/").headers["location"] == "/console/"
    assert ask(port, "/v1/models").status == 401
    key = printed_key(demo)
    assert ask(port, "/v1/models", key=key).status == 200
    stream = ask(port, "/v1/chat/completions", "POST", key=key, body=CHAT)
    assert stream.headers["content-type"] == "text/event-stream"
    assert stream.body.endswith(b"data: [DONE]\n\n")


def test_pasted_into_a_shell_all_of_it_works_in_order(home: Home, demo: RunningGateway) -> None:
    program("curl")
    # The last two commands are about the store; the prose above the first blank line is not pasted.
    _, *paragraphs = demo.out.strip().split("\n\n")
    done = subprocess.run(
        ["sh", "-eu"],
        input="\n\n".join(paragraphs),
        capture_output=True,
        text=True,
        cwd=home.folder,
        env=home.environment(),
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    wanted = ("HTTP/1.1 401", "HTTP/1.1 200", "data: [DONE]", "\tDemo key\t")
    found = [done.stdout.find(each) for each in wanted]
    assert -1 not in found, done.stdout
    assert found == sorted(found)
    assert "Revoked" in done.stderr
    assert ask(demo.port, "/v1/models", key=printed_key(demo)).reason == "key_revoked"


def test_the_next_start_makes_a_new_key_and_the_old_one_is_gone(home: Home) -> None:
    keys = []
    for _ in range(2):
        with home.serve("--demo", *PORTS) as demo:
            keys.append(printed_key(demo))
            assert demo.ask("/v1/models", key=keys[-1]).status == 200
            assert demo.ask("/v1/models", key=keys[0]).status == (200 if len(keys) == 1 else 401)
    assert len(set(keys)) == 2
    assert not home.store.exists()
    assert (home.folder / "keyhatch-demo.db").exists()


def test_the_key_is_on_the_screen_and_not_in_the_log(demo: RunningGateway) -> None:
    assert printed_key(demo) not in demo.log


def test_a_welcome_page_needs_no_key_and_nothing_else_is_open(demo: RunningGateway) -> None:
    assert demo.ask("/").status == 200
    assert [demo.ask(path).status for path in ("/headers", "/audio", "/ws/echo")] == [401, 401, 401]
    assert demo.ask("/anything/else").reason == "no_route"
