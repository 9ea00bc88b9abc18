"""Guarantees of gateway/admin/api/targets.py: who may look sees them, admins alone take one out."""

from tests.unit.admin.api.stand import Held, Stand

BIG = {"upstream": "local-ai", "target": "big", "busy": 0, "last_error": None}
PATH = "/upstreams/local-ai/targets/big"


async def test_all_targets_are_listed_without_an_address(stand: Stand, admin: Held) -> None:
    told = await stand.ask(admin, "GET", "/upstreams")
    assert told.status == 200
    assert [(each["target"], each["state"]) for each in told.json["items"]] == [
        ("big", "up"),
        ("small", "up"),
    ]


async def test_a_target_is_taken_out_and_back_and_the_audit_tells(stand: Stand, admin: Held) -> None:
    told = await stand.ask(admin, "POST", f"{PATH}/drain")
    assert (told.status, told.json) == (200, {**BIG, "state": "drained", "since": "2027-01-15T08:00:00Z"})
    assert stand.served["local-ai"].crew.standings[0].is_drained
    told = await stand.ask(admin, "POST", f"{PATH}/resume")
    assert told.json["state"] == "up"
    entries = (await stand.ask(admin, "GET", "/audit?act=drain")).json["items"]
    assert [(each["actor"], each["after"]["target"]) for each in entries] == [(admin.id, "big")]


async def test_who_is_not_there_is_not_found(stand: Stand, admin: Held) -> None:
    for path in ("/upstreams/nobody/targets/big/drain", "/upstreams/local-ai/targets/tiny/resume"):
        told = await stand.ask(admin, "POST", path)
        assert (told.status, told.code) == (404, "target_not_found")


async def test_only_admins_take_one_out(stand: Stand) -> None:
    writer = await stand.make("writer", "keyhatch:write")
    assert (await stand.ask(writer, "GET", "/upstreams")).status == 200
    assert (await stand.ask(writer, "POST", f"{PATH}/drain")).status == 403
    assert not stand.served["local-ai"].crew.standings[0].is_drained


async def test_whoever_manages_only_their_own_keys_sees_none(stand: Stand) -> None:
    own = await stand.make("own", "keyhatch:own", owner="ann")
    assert (await stand.ask(own, "GET", "/upstreams")).status == 403
