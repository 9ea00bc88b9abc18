"""The answer that every peer carries."""

import json
from pathlib import Path

from bench import same_job
from bench.upstream import ANSWER, CHAT


def test_the_answer_is_190_bytes_of_json() -> None:
    assert len(ANSWER.encode()) == 190
    assert json.loads(ANSWER)["object"] == "list"


def test_the_answer_can_stand_in_nginx_quotes() -> None:
    assert not set("'$\\") & set(ANSWER)


def test_a_chat_completion_is_json_that_tells_which_credentials_came() -> None:
    text = json.loads(CHAT)["choices"][0]["message"]["content"]
    assert {"$http_x_api_key", "$http_authorization"} <= set(text.replace("$", " $").split())
    assert not set("'\\") & set(CHAT)


def test_what_is_measured_is_what_was_checked() -> None:
    script = Path(same_job.__file__).with_name("chat.lua").read_text()
    assert f"wrk.body = '{same_job.CHAT_BODY}'" in script
