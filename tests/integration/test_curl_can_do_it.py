"""A script with nothing but curl and the OpenAPI document does whatever the command line does."""

import click
import pytest

from gateway.cli.root import root
from tests.support.curl_script import CurlScript
from tests.support.management import first_key
from tests.support.running_gateway import Home, eventually

BY_OPERATION = {
    "keys create": "createKey",
    "keys list": "listKeys",
    "keys show": "getKey",
    "keys edit": "editKey",
    "keys verify": "verifyKey",
    "keys rotate": "rotateKey",
    "keys disable": "disableKey",
    "keys enable": "enableKey",
    "keys revoke": "revokeKey",
    "keys delete": "deleteKey",
    "keys import": "importKeys",
    "keys export": "exportKeys",
    "keys usage": "listUsage",
    "sign": "signAddress",
    "audit list": "listAudit",
    "audit export": "listAudit",
    "audit verify": "verifyAudit",
    "explain": "explainRequest",
    "upstreams list": "listTargets",
    "upstreams drain": "drainTarget",
    "upstreams resume": "resumeTarget",
    "credentials set": "putCredential",
    "credentials list": "listCredentials",
    "credentials test": "testCredential",
    "credentials remove": "deleteCredential",
    "reload": "reloadConfiguration",
}
OF_THE_HOST = {
    "serve": "it is the gateway",
    "tls self-signed": "writes files",
    "check": "reads a file",
    "config show": "reads a file",
    "keys pattern": "a constant",
    "credentials new-key": "makes a file; the key must not travel",
    "credentials rekey": "reads a file; the key must not travel",
    "presets list": "files of the package",
    "presets show": "files of the package",
    "admin reset": "is for whoever has lost the key that the API asks for",
    "scan": "reads files; verifyKey tells of each key in them",
    "backup": "copies the store's file with the rights of whoever asks; exportKeys tells what keys are in it",
    "restore": "replaces the store's file while no gateway runs",
    "doctor": "looks at files, ports and clocks",
    "health": "asks what needs no credential: `GET /healthz`",
    "version": "a constant, and `info.version` of the document",
    "completion": "is for a shell",
}


def commands(group: click.Group, name: str = "") -> set[str]:
    """The words of every command that does something."""
    context, found = click.Context(group), set()
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        words = f"{name} {word}".strip()
        found |= commands(command, words) if isinstance(command, click.Group) else {words}
    return found


def test_every_command_is_an_operation_or_the_hosts_own() -> None:
    assert commands(root) - set(OF_THE_HOST) == set(BY_OPERATION)


@pytest.fixture
def at_work(home: Home) -> Home:
    home.configure("http://127.0.0.1:9")
    return home


def test_a_keys_whole_life_by_curl(at_work: Home) -> None:
    with at_work.serve() as gateway:
        script = CurlScript(at_work.folder, gateway.admin_port, first_key(at_work.folder))
        assert set(BY_OPERATION.values()) <= script.operations
        asked = {"name": "Inventory", "scopes": ["chat:write"], "owner": "ann", "expires": "30d"}
        made = script.ask("createKey", asked, Idempotency_Key="first")
        assert made.status == 201
        secret, key_id = made.data["key"], made.data["id"]
        assert "key" not in script.ask("createKey", asked, Idempotency_Key="first").data
        assert script.ask("verifyKey", {"key": secret}).data["valid"] is True
        shown = script.ask("getKey", id=key_id)
        edited = script.ask("editKey", {"name": "Stock"}, id=key_id, If_Match=shown.headers["etag"])
        assert edited.data["name"] == "Stock"
        assert script.ask("editKey", {"name": "X"}, id=key_id, If_Match=shown.headers["etag"]).status == 412
        story = script.ask("explainRequest", {"method": "GET", "path": "/x", "key_id": key_id})
        assert story.data["outcome"] == "allowed"
        renewed = script.ask("rotateKey", {"overlap": "1h"}, id=key_id).data
        assert renewed["previous_secret_valid_until"] is not None
        assert script.ask("undoRotation", id=key_id).data["preview"] == made.data["preview"]
        script.ask("rotateKey", {"until_first_use": True}, id=key_id)
        assert script.ask("finishRotation", id=key_id).status == 200
        assert script.ask("disableKey", id=key_id).data["status"] == "disabled"
        assert script.ask("enableKey", id=key_id).data["status"] == "active"
        assert [key["id"] for key in script.ask("listKeys", owner="ann").data["items"]] == [key_id]
        [used] = script.ask("listKeys", used_since=shown.data["created_at"]).data["items"]
        assert used["name"] == "admin"
        assert gateway.ask("/x", key=secret).reason == "key_rotated"
        [day] = script.ask("listUsage", key_id=key_id).data["items"]
        assert (day["requests"], day["refusals"]) == (0, {"key_rotated": 1})
        [total] = script.ask("listUsage", per="total").data["items"]
        assert (total["key_id"], total["refusals"]) == (None, {"key_rotated": 1})
        assert key_id in {sum_["key_id"] for sum_ in script.ask("listUsage", per="key").data["items"]}
        assert script.ask("deleteKey", id=key_id).status == 409
        assert script.ask("revokeKey", id=key_id).data["status"] == "revoked"
        assert script.ask("deleteKey", id=key_id).status == 204
        assert script.ask("getKey", id=key_id).status == 404
        [ended] = script.ask("listAudit", order="desc", act="delete", limit="1").data["items"]
        assert ended["key_id"] == key_id
        acts = [each["act"] for each in script.ask("listAudit", key_id=key_id).data["items"]]
        assert acts == [
            *("create", "edit", "rotate", "undo_rotation", "rotate", "finish_rotation"),
            *("disable", "enable", "revoke", "delete"),
        ]
        assert script.ask("verifyAudit").data["whole"] is True
        assert {"chat:write", "keyhatch:admin"} <= {
            each["scope"] for each in script.ask("listScopes").data["items"]
        }
        exported = script.ask("exportKeys").data["items"]
        assert script.ask("importKeys", {"records": exported, "skip_existing": True}).data["skipped"] == len(
            exported
        )
        old = "sk-9f2kQ7vLx03mZpR8sT1w"
        named = {"format": "lines", "text": f"Old client,{old}\n", "scopes": ["chat:write"]}
        assert script.ask("importKeys", named).data["keys"][0]["name"] == "Old client"
        assert gateway.ask("/x", key=old).status == 502
        leaked = script.ask("createKey", {"name": "Leaked"}).data
        assert script.ask("revokeByValue", {"key": leaked["key"]}).data["status"] == "revoked"
        assert script.ask("getMe").data["name"] == "admin"


def test_what_the_gateway_sees_by_curl(at_work: Home) -> None:
    with at_work.serve() as gateway:
        script = CurlScript(at_work.folder, gateway.admin_port, first_key(at_work.folder))
        made = script.ask("createKey", {"name": "Awaited"}).data
        assert script.ask("lastCall", id=made["id"]).data["call"] is None
        assert gateway.ask("/x", key=made["key"]).reason == "upstream_unreachable"
        call = eventually(lambda: script.ask("lastCall", id=made["id"]).data["call"], "the call is seen")
        assert (call["path"], call["reason"]) == ("/x", "upstream_unreachable")
        assert script.ask("reloadConfiguration").data == {"changed": [], "takes_restart": [], "warnings": []}
        overview = script.ask("getOverview").data
        assert (overview["requests"], overview["refusals"]) == (1, {})
        [upstream] = overview["upstreams"]
        assert (upstream["name"], upstream["problem"]) == ("main", "refuses connections")


def test_a_target_is_drained_and_resumed_by_curl(at_work: Home) -> None:
    with at_work.serve() as gateway:
        script = CurlScript(at_work.folder, gateway.admin_port, first_key(at_work.folder))
        assert [each["state"] for each in script.ask("listTargets").data["items"]] == ["up"]
        drained = script.ask("drainTarget", upstream="main", target="main").data
        assert (drained["state"], drained["busy"]) == ("drained", 0)
        ran = at_work.keyhatch("upstreams", "resume", "main/main", "-o", "json")
        assert [each["state"] for each in ran.data] == ["up"]
        assert script.ask("listTargets").data["items"][0]["state"] == "up"


def test_a_credentials_whole_life_by_curl(home: Home) -> None:
    lent = {"main": {"url": "http://127.0.0.1:9", "credential": "vault:openai"}}
    home.configure("http://127.0.0.1:9", upstreams=lent, vault={"key_file": "vault.key"})
    assert home.keyhatch("credentials", "new-key", "vault.key").code == 0
    with home.serve() as gateway:
        script = CurlScript(home.folder, gateway.admin_port, first_key(home.folder))
        made = script.ask("putCredential", {"value": "sk-real-0123456789abcdef"}, name="openai")
        assert (made.data["state"], made.data["upstreams"]) == ("ok", ["main"])
        assert script.ask("getCredential", name="openai").data == made.data
        assert script.ask("listCredentials").data["items"] == [made.data]
        [trial] = script.ask("testCredential", name="openai").data["items"]
        assert trial["result"] == "unreachable"
        assert script.ask("deleteCredential", name="openai").status == 204
        assert script.ask("getCredential", name="openai").status == 404
