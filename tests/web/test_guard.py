"""Attacks on the guard, through a real server on loopback: each is refused before the application hears of it."""

from __future__ import annotations

import pytest

from heedful.web.guard import HEADERS, LONGEST_ADDRESS, Rules, known_host
from heedful.web.limits import Buckets
from heedful.web.server import Address, rules_for

TOKEN = "a-token-of-many-letters"


@pytest.fixture
def site(echo, running):
    with running(echo) as site:
        yield site


def refused(answer, status):
    assert answer.status == status
    assert set(answer.json) == {"error"}
    return True


def test_what_a_page_of_ours_asks_is_answered(site, echo):
    assert site.get("/any").status == 200
    assert site.post("/api/mark", {"a": 1}).body == b'{"a": 1}'
    assert site.ask("HEAD", "/any").status == 200
    assert [m for m, _, _ in echo.reached] == ["GET", "POST", "HEAD"]


def test_every_answer_has_the_headers_that_hold_a_browser_back(site):
    for answer in (site.get("/"), site.get("/", host="evil.example"), site.ask("PUT", "/")):
        assert {k: answer.headers[k] for k in HEADERS} == HEADERS
        assert "server" not in answer.headers
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in HEADERS["content-security-policy"]


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8707", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.2", "0.0.0.0",
     "localhost:80:80", "localhost:x", "user@localhost", "[::1", "192.168.1.5:8707", "localhost,evil.example"],
)  # fmt: skip
def test_another_name_for_this_address_is_refused(site, echo, host):
    """DNS rebinding: the site of an attacker points its own name here."""
    assert refused(site.get("/", host=host), 421)
    assert refused(site.post("/api/mark", {}, host=host, origin=f"http://{host}"), 421)
    assert echo.reached == []


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9000", "127.0.0.1:1", "[::1]:8707"])
def test_names_of_this_machine_are_answered_on_any_port_as_through_a_tunnel(site, host):
    assert site.get("/", host=host).status == 200
    assert site.post("/api/mark", {}, host=host, origin=f"http://{host}").status == 200


def test_no_host_or_two_are_refused(site, echo):
    assert b" 400 " in site.raw(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").split(b"\r\n")[0]
    two = b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert b" 400 " in site.raw(two).split(b"\r\n")[0]
    assert site.get("/", host="").status == 400
    assert echo.reached == []


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": ""},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": "http://localhost:3000"},  # another program's page on this machine
        {"origin": "http://127.0.0.1"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
    ],
    ids=str,
)
def test_a_write_from_another_site_is_refused(site, echo, headers):
    assert refused(site.post("/api/mark", {"a": 1}, **headers), 403)
    assert echo.reached == []


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_write_that_a_plain_form_could_send_is_refused(site, echo, kind):
    assert refused(site.post("/api/mark", {"a": 1}, content_type=kind), 415)
    assert echo.reached == []


def test_a_read_by_another_sites_page_is_refused_but_a_link_is_followed(site, echo):
    load = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "script"}
    assert refused(site.get("/api/state", **load), 403)
    assert refused(site.get("/", sec_fetch_site="cross-site", sec_fetch_mode="navigate", sec_fetch_dest="iframe"), 403)
    assert refused(site.get("/api/state", origin="http://evil.example"), 403)
    assert echo.reached == []
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert site.get("/", **link).status == 200
    assert site.get("/", sec_fetch_site="none").status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"])
def test_other_methods_are_refused(site, echo, method):
    assert site.ask(method, "/").status in (400, 405)
    assert echo.reached == []


def test_a_large_body_is_refused_whether_or_not_it_says_its_size(site, echo):
    big = b"x" * 70_000
    assert refused(site.post("/api/mark", big), 413)
    assert refused(site.post("/api/mark", b"{}", content_length="99999999999"), 413)
    assert site.post("/api/mark", b"{}", content_length="9" * 300).status == 400
    head = (
        f"POST /api/mark HTTP/1.1\r\nHost: {site.host}\r\nOrigin: {site.origin}\r\nContent-Type: application/json\r\n"
    )
    chunks = b"".join(b"%x\r\n%s\r\n" % (7_000, big[:7_000]) for _ in range(10)) + b"0\r\n\r\n"
    answer = site.raw(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    assert b" 413 " in answer.split(b"\r\n")[0]
    assert echo.reached == []
    assert site.post("/api/mark", b"x" * 65_000).status == 200


def test_a_long_address_and_long_headers_are_refused(site, echo):
    assert refused(site.get("/" + "a" * LONGEST_ADDRESS), 414)
    assert b" 400 " in site.raw(b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000)[:20]
    assert echo.reached == []


def test_a_body_that_does_not_come_is_given_up(echo, running):
    with running(echo, Rules(body_seconds=0.2)) as site:
        head = f"POST / HTTP/1.1\r\nHost: {site.host}\r\nOrigin: {site.origin}\r\nContent-Type: application/json\r\n"
        answer = site.raw(head.encode() + b"Content-Length: 10\r\n\r\n{")
        assert b" 408 " in answer.split(b"\r\n")[0]
    assert echo.reached == []


def test_who_asks_too_often_waits(echo, running):
    with running(echo, Rules(requests=Buckets(rate=0.01, burst=5))) as site:
        statuses = [site.get("/").status for _ in range(8)]
        assert statuses == [200] * 5 + [429] * 3
        assert int(site.get("/").headers["retry-after"]) > 10
    assert len(echo.reached) == 5


def test_without_the_token_nothing_is_answered(echo, running):
    rules = Rules(token=TOKEN, cookie="heedful-token-1")
    with running(echo, rules) as site:
        assert refused(site.get("/"), 401)
        assert refused(site.post("/api/mark", {}), 401)
        assert refused(site.get("/?token=wrong"), 401)
        assert refused(site.get("/", cookie="heedful-token-1=wrong"), 401)
        assert refused(site.get("/", cookie=f"other={TOKEN}"), 401)
        assert refused(site.post(f"/api/mark?token={TOKEN}", {}), 401)  # a write needs the cookie
        assert echo.reached == []
        moved = site.get(f"/result?token={TOKEN}")
        assert (moved.status, moved.headers["location"]) == (303, "/result")
        kept = moved.headers["set-cookie"]
        assert kept.startswith(f"heedful-token-1={TOKEN};")
        assert "HttpOnly" in kept
        assert "SameSite" in kept
        cookie = kept.split(";")[0]
        assert site.get("/result", cookie=cookie).status == 200
        assert site.post("/api/mark", {}, cookie=cookie).status == 200
        assert site.get("/", authorization=f"Bearer {TOKEN}").status == 200
        assert site.get(f"/?token={TOKEN}", cookie=cookie).headers["location"] == "/"
        assert refused(site.post("/api/mark", {}, cookie=cookie, origin="http://evil.example"), 403)


def test_a_person_without_the_token_is_asked_for_it_and_a_script_gets_json(echo, running):
    with running(echo, Rules(token=TOKEN, cookie="heedful-token-1")) as site:
        page = site.get("/result", accept="text/html,application/xhtml+xml")
        assert (page.status, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
        assert "script" not in page.headers["content-security-policy"]
        assert b'<input name="token"' in page.body
        assert refused(site.get("/api/state", accept="*/*"), 401)
        typed = site.get(f"/result?token={TOKEN}", accept="text/html", sec_fetch_site="same-origin")
        assert (typed.status, typed.headers["location"]) == (303, "/result")
        other = site.get("/", accept="text/html", host="evil.example")
        assert (other.status, b"<input" in other.body) == (421, False)


def test_the_token_leads_to_no_other_site(echo, running):
    with running(echo, Rules(token=TOKEN)) as site:
        for path in ("//evil.example/", "/\\evil.example", "/%0d%0aSet-Cookie:x=1", "//evil.example/%2e%2e"):
            moved = site.get(f"{path}?token={TOKEN}")
            assert (moved.status, moved.headers["location"]) == (303, "/")
            cookie = moved.headers["set-cookie"].split(";")[0]
            again = site.get(f"{path}?token={TOKEN}", cookie=cookie)
            assert again.headers["location"] == "/"
            assert "x" not in again.headers


def test_guessing_the_token_is_slow(echo, running):
    with running(echo, Rules(token=TOKEN, wrong_tokens=Buckets(rate=0.01, burst=3))) as site:
        assert [site.get(f"/?token={k}").status for k in range(5)] == [401] * 3 + [429] * 2
        assert site.get(f"/?token={TOKEN}").status == 303


def test_a_token_that_is_no_latin_text_is_only_wrong(echo, running):
    with running(echo, Rules(token=TOKEN)) as site:
        assert refused(site.get("/?token=%ff%00"), 401)
        assert refused(site.get("/", cookie='heedful-token="\\377'), 401)
        assert refused(site.get("/", authorization="Bearer é"), 401)


def test_a_websocket_is_closed(site, echo):
    ask = f"GET / HTTP/1.1\r\nHost: {site.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    ask += "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    assert b" 101 " not in site.raw(ask.encode())


def test_an_address_of_the_network_is_a_name_only_where_the_server_listens_there():
    open_to_all = rules_for(Address("0.0.0.0", 8707, TOKEN))
    assert known_host("192.168.1.5:8707", open_to_all)
    assert known_host("[fe80::1]:8707", open_to_all)
    assert not known_host("evil.example:8707", open_to_all)
    assert not known_host("192.168.1.5:8707", rules_for(Address("127.0.0.1", 8707)))
    assert known_host("box.example", rules_for(Address("box.example", 8707, TOKEN)))
