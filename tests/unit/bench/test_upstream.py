"""The answer that every peer carries."""

import json

from bench.upstream import ANSWER


def test_the_answer_is_190_bytes_of_json() -> None:
    assert len(ANSWER.encode()) == 190
    assert json.loads(ANSWER)["object"] == "list"


def test_the_answer_can_stand_in_nginx_quotes() -> None:
    assert not set("'$\\") & set(ANSWER)
