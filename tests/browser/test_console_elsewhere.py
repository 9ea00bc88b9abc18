"""The console behind a web server with TLS, and over a gateway that is started anew: real ones of both."""

import subprocess
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.conftest import ROUTES
from tests.support.console import Console
from tests.support.lasting_upstream import LastingUpstream
from tests.support.management import first_key
from tests.support.programs import program
from tests.support.real_upstreams import Nginx, free_port
from tests.support.running_gateway import Home
from tests.support.watched_page import PLAIN_NAME, watched

NAME = "keys.test"


def certificate(folder: Path) -> str:
    """nginx's words for a certificate that nobody vouches for."""
    request = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={NAME} -keyout key.pem -out cert.pem"
    subprocess.run([program("openssl"), *request.split()], cwd=folder, check=True, capture_output=True)
    return f"ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;"


def test_behind_tls_the_cookie_is_bound_to_its_host_and_everything_works(
    tmp_path: Path, chromium: Browser
) -> None:
    home, port = Home(tmp_path), free_port()
    server = {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", "admin_names": [NAME]}
    with LastingUpstream() as upstream:
        home.configure(upstream.url, ROUTES, server=server)
        with home.serve() as gateway:
            to_gateway = (
                f"proxy_pass http://127.0.0.1:{gateway.admin_port}; proxy_set_header Host $http_host;"
            )
            block = f"listen 127.0.0.1:{port} ssl; {certificate(tmp_path)} location / {{ {to_gateway} }}"
            with (
                Nginx(tmp_path / "nginx", block),
                watched(chromium, f"https://{NAME}:{port}", ignore_https_errors=True) as watch,
            ):
                console = Console(watch.page, first_key(tmp_path)).open()
                (cookie,) = watch.context.cookies()
                assert (cookie["name"], cookie["secure"]) == ("__Host-keyhatch_session", True)
                console.create("Behind TLS", "models:read")
                console.stored()
                watch.page.reload()
                expect(console.row("Behind TLS")).to_be_visible()


def test_a_gateway_that_is_started_anew_is_found_again_and_the_form_is_still_there(
    tmp_path: Path, chromium: Browser
) -> None:
    home, port = Home(tmp_path), free_port()
    with LastingUpstream() as upstream:
        home.configure(upstream.url, ROUTES, server={"proxy": "127.0.0.1:0", "admin": f"127.0.0.1:{port}"})
        with watched(chromium, f"http://{PLAIN_NAME}:{port}") as watch:
            watch.expect_console_error("Failed to load resource|status of 401")
            page = watch.page
            with home.serve():
                console = Console(page, first_key(tmp_path)).open()
                page.get_by_role("button", name="Create key").first.click()
                console.dialog.get_by_label("Name", exact=True).fill("Over the pause")
            expect(page.get_by_text("The gateway does not answer.")).to_be_visible()
            with home.serve():
                expect(page.get_by_text("The gateway does not answer.")).to_have_count(0)
                again = page.get_by_role("dialog", name="Sign in again")
                again.get_by_label("Admin key").fill(first_key(tmp_path))
                again.get_by_role("button", name="Sign in").click()
                expect(again).to_have_count(0)
                expect(console.dialog.get_by_label("Name", exact=True)).to_have_value("Over the pause")
                console.press("Create key")
                console.secret()
                console.stored()
                expect(console.row("Over the pause")).to_be_visible()
