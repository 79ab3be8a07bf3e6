"""Addresses, tokens, sockets, the table of files, JSON bodies and the look that all pages share."""

from __future__ import annotations

import re
import socket
from importlib import resources

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from heedful.errors import RequestError
from heedful.web.assets import asset_routes, template
from heedful.web.bodies import json_body, json_response, number_field, telling, text_field
from heedful.web.limits import Buckets
from heedful.web.server import TOKEN_VARIABLE, Address, choose_token, is_loopback, listen, network_address


def test_loopback_needs_no_token_and_any_other_address_does(monkeypatch):
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    for host in ("localhost", "127.0.0.1", "::1"):
        assert choose_token(host) is None
    drawn = {choose_token("0.0.0.0") for _ in range(5)}
    assert len(drawn) == 5
    assert all(len(t or "") >= 32 for t in drawn)
    monkeypatch.setenv(TOKEN_VARIABLE, "0123456789abcdef")
    assert choose_token("127.0.0.1") == choose_token("0.0.0.0") == "0123456789abcdef"
    for weak in ("short", "sixteen letters; and more"):
        monkeypatch.setenv(TOKEN_VARIABLE, weak)
        with pytest.raises(RequestError, match="at least 16 letters"):
            choose_token("127.0.0.1")


def test_what_is_printed_can_be_opened(monkeypatch):
    assert Address("127.0.0.1", 8707).url == "http://127.0.0.1:8707/"
    assert Address("::1", 80, "t").url == "http://[::1]:80/?token=t"
    found = network_address()
    assert found is None or not is_loopback(found)
    monkeypatch.setattr("heedful.web.server.network_address", lambda: "192.168.1.23")
    assert Address("0.0.0.0", 80).url == "http://192.168.1.23:80/"
    monkeypatch.setattr("heedful.web.server.network_address", lambda: None)
    assert Address("0.0.0.0", 80).url == f"http://{socket.gethostname()}:80/"


def test_a_taken_port_is_told_or_another_is_found():
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(RequestError, match=f"--port {port}: another program has it"):
            listen("127.0.0.1", port)
        with listen("127.0.0.1", port, fallback=True) as second:
            assert second.getsockname()[1] not in (0, port)


@pytest.mark.parametrize("host", ["no.such.name.invalid", "203.0.113.7", "999.1.1.1"])
def test_an_address_that_is_not_ours_is_told(host):
    with pytest.raises(RequestError, match="no such address on this machine"):
        listen(host, 0)


def test_forgotten_clients_cost_nothing():
    buckets = Buckets(rate=1, burst=1, keys=3, clock=lambda: 0.0)
    assert all(buckets.wait(str(k)) == 0 for k in range(1000))
    assert len(buckets._left) == 3
    assert buckets.wait("999") == 1


ATTEMPTS = (
    "/static/../guard.py", "/static/..%2f..%2fguard.py", "/static/%2e%2e/guard.py", "/static/look.css/../../guard.py",
    "/static/", "/static", "/static//look.css", "/static/look.css%00.js", "/static/..\\guard.py", "/etc/passwd",
    "//etc/passwd", "/static/%2fetc%2fpasswd", "/static/guard.py", "/../../etc/passwd", "/static/LOOK.CSS",
)  # fmt: skip


def test_no_path_reaches_the_file_system(running):
    app = Starlette(routes=asset_routes({"look.css": "heedful.web"}))
    with running(app) as site:
        found = site.get("/static/look.css")
        assert found.status == 200
        assert found.headers["content-type"] == "text/css; charset=utf-8"
        tag = found.headers["etag"]
        assert site.get("/static/look.css", if_none_match=tag).status == 304
        for path in ATTEMPTS:
            answer = site.get(path)
            assert answer.status in (404, 421), path
            assert b"root:" not in answer.body
            assert b"import" not in answer.body


def test_what_is_sent_is_checked(running):
    async def endpoint(request):
        sent = await json_body(request, "text", "number")
        return json_response({"text": text_field(sent, "text", 5), "number": number_field(sent, "number", 0, 9, 0)})

    with running(Starlette(routes=[Route("/", telling(endpoint), methods=["POST"])])) as site:
        assert site.post("/", {"text": "héé", "number": 2}).json == {"text": "héé", "number": 2}
        wrong = {
            b"": "not JSON",
            b"{": "not JSON",
            b"\xff": "not JSON",
            b"[" * 60_000: "not JSON",
            b"[]": "not a JSON object",
            b'{"text": "a", "more": 1}': "unknown field",
            b'{"number": 1}': "'text' must be a text",
            b'{"text": 5}': "'text' must be a text",
            b'{"text": "123456"}': "6 characters",
            b'{"text": "\\ud800"}': "half a character",
            b'{"text": "a", "number": true}': "must be a number",
            b'{"text": "a", "number": NaN}': "must be a number",
            b'{"text": "a", "number": 1e999}': "must be a number",
            b'{"text": "a", "number": 10}': "from 0 to 9",
            b'{"text": "a", "number": ' + b"9" * 5000 + b"}": "not JSON",
        }
        for body, reason in wrong.items():
            answer = site.post("/", body)
            assert answer.status == 400, body[:40]
            assert reason in answer.json["error"]


def test_a_template_escapes_and_knows_its_names(tmp_path):
    page = template("heedful.review", "result.html.j2")
    with pytest.raises(Exception, match="undefined"):
        page.render()


def colours(package: str, name: str) -> list[dict[str, str]]:
    text = resources.files(package).joinpath(name).read_text()
    blocks = re.findall(r":root[^{]*\{([^}]*)\}", text)
    return [dict(re.findall(r"(--[a-z]+): ([^;]+);", b)) for b in blocks]


def test_pages_look_like_the_report():
    """The report's style sheet has some names more; what both have is the same."""
    ours, reports = colours("heedful.web", "look.css"), colours("heedful.report", "page.css")
    assert len(ours) == len(reports) == 3
    for mine, theirs in zip(ours, reports, strict=True):
        assert len(mine) > 8
        assert mine == {k: theirs[k] for k in mine}
