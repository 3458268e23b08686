"""Who may look at the live view: this machine, or whoever knows the token; never a page of somebody else's."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from epofusion_ros.view import access
from epofusion_ros.view.address import is_local, listen, page_address

PAGE = Path(access.__file__).parent / "page"
TOKEN = "right"


def ask(token: str, path: str = "/", **headers: str) -> tuple[int, dict[str, str]]:
    """Ask a real server that wants this token; returns the status and the headers of its answer."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="the page")

    async def answer() -> tuple[int, dict[str, str]]:
        app = web.Application(middlewares=[access.access_check(token, 8080)])
        app.on_response_prepare.append(access.add_headers)
        app.router.add_get("/", page)
        async with TestServer(app) as server, ClientSession() as session:
            got = await session.get(server.make_url(path), headers=headers, allow_redirects=False)
            return got.status, dict(got.headers)

    return asyncio.run(answer())


@pytest.mark.parametrize("host", ["localhost", "localhost:9000", "127.0.0.1:8080", "[::1]:8080"])
def test_this_machine_may_look_under_all_its_own_names(host: str) -> None:
    assert ask("", Host=host, Origin=f"http://{host}")[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8080", "10.0.0.7:8080", ""])
def test_a_name_that_only_leads_here_is_refused(host: str) -> None:
    assert ask("", Host=host)[0] == 403


@pytest.mark.parametrize("token", ["", TOKEN])
@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:9999", "null"])
def test_a_page_of_another_site_is_refused(origin: str, token: str) -> None:
    cookie = f"epofusion_view_8080={TOKEN}"
    assert ask(token, Host="localhost:8080", Origin=origin, Cookie=cookie)[0] == 403


@pytest.mark.parametrize("path", ["/", "/?token=wrong", "/?token=", "/?token=%C3%A9"])
def test_without_the_token_nobody_sees_anything(path: str) -> None:
    assert ask(TOKEN, path)[0] == 401
    assert ask(TOKEN, path, Cookie="epofusion_view_8080=wrong")[0] == 401


def test_the_token_goes_from_the_address_into_a_cookie_that_scripts_and_other_sites_do_not_get() -> None:
    status, headers = ask(TOKEN, f"/?token={TOKEN}", Host="vehicle:8080")
    assert (status, headers["Location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=Strict"} <= set(headers["Set-Cookie"].split("; "))
    assert ask(TOKEN, Host="vehicle:8080", Cookie=headers["Set-Cookie"].split(";")[0])[0] == 200


def test_the_page_works_offline_and_browsers_are_told_so() -> None:
    files = [path for path in PAGE.iterdir() if path.is_file()]
    assert {path.suffix for path in files} == {".html", ".css", ".js"}
    addresses = {found for path in files for found in re.findall(r"\w+://[^$]\S*", path.read_text(encoding="utf-8"))}
    assert not addresses
    assert ask("")[1]["Content-Security-Policy"].startswith("default-src 'self'; ")


def test_the_address_to_open_is_that_of_the_socket() -> None:
    with listen("127.0.0.1", 0) as server:
        assert is_local(server)
        port = server.getsockname()[1]
        assert page_address(server, "") == f"http://127.0.0.1:{port}/"
        assert page_address(server, TOKEN) == f"http://127.0.0.1:{port}/?token={TOKEN}"


def test_all_addresses_of_a_machine_are_not_local() -> None:
    with listen("0.0.0.0", 0) as server:
        assert not is_local(server)
        assert "0.0.0.0" not in page_address(server, "")


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1", "nowhere.invalid"])
def test_an_address_that_cannot_be_had_is_said_in_one_sentence(host: str) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=rf"^{host} port {port} cannot be listened on: \w.*; expected"):
            listen(host, port)


def test_a_taken_port_ends_the_command_with_code_2_and_one_sentence() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "epofusion_ros.cli.main", "view", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    (sentence,) = done.stderr.splitlines()
    assert "Address already in use; expected" in sentence
