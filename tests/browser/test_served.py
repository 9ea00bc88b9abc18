"""The gateway that a browser stands before is whole: its first key manages, its upstream answers."""

from playwright.sync_api import Browser

from tests.browser.conftest import Served
from tests.support.plain_caller import open_stream
from tests.support.running_gateway import eventually
from tests.support.watched_page import PLAIN_NAME, Watch, watched

NO_ICON = r"status of 404 .*/favicon\.ico"  # what a browser asks for beside a page that names none


def test_its_first_key_manages_and_a_key_made_with_it_calls(served: Served) -> None:
    secret = served.admin.create("Browser", scopes=["models:read"])["key"]
    answer = served.gateway.ask("/v1/models", key=secret)
    assert answer.data["data"][0]["id"] == "tiny"
    assert served.gateway.ask("/v1/chat/completions", key=secret).reason == "scope_missing"


def test_a_stream_stays_open_for_as_long_as_its_key_lives(served: Served) -> None:
    made = served.admin.create("Stream")
    with open_stream(served.gateway.port, "/ticks", key=made["key"]) as stream:
        assert stream.readline() == b"data: tick\n"
        assert served.upstream.open_now["/ticks"] == 1
        served.admin("POST", f"/keys/{made['id']}/revoke")
        eventually(lambda: served.upstream.open_now["/ticks"] == 0, "the stream is cut")


def test_a_page_is_at_home_on_the_admin_listener(watch: Watch) -> None:
    watch.expect_console_error(NO_ICON)
    page = watch.page
    answer = page.goto("/healthz")
    assert answer is not None
    assert answer.json() == {"status": "ok"}
    assert page.evaluate("isSecureContext && 'clipboard' in navigator")


def test_by_a_plain_name_the_browser_has_no_clipboard(served: Served, chromium: Browser) -> None:
    with watched(chromium, f"http://{PLAIN_NAME}:{served.gateway.admin_port}") as watch:
        watch.expect_console_error(NO_ICON)
        answer = watch.page.goto("/healthz")
        assert answer is not None
        assert answer.ok
        assert not watch.page.evaluate("isSecureContext || 'clipboard' in navigator")


def test_a_site_elsewhere_whose_name_leads_here_is_refused(served: Served, chromium: Browser) -> None:
    with watched(chromium, f"http://rebound.test:{served.gateway.admin_port}") as watch:
        watch.expect_console_error("status of 4")
        answer = watch.page.goto("/healthz")
        assert answer is not None
        assert 400 <= answer.status < 500
