"""The routes of the review page. Reads never change anything; every write is a POST of JSON.

The reviewer's name is in a cookie. It is no secret and proves nothing: whoever may ask at all may say who they are.
"""

from __future__ import annotations

import urllib.parse
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from heedful.errors import RequestError
from heedful.review.export import csv_text, jsonl_text
from heedful.review.items import ReviewSet
from heedful.review.marks import Marks, Reviewer, clean_name
from heedful.review.pages import result_page, review_page
from heedful.review.result import result_of
from heedful.review.session import LONGEST_NOTE, Session, check_verdict
from heedful.web.assets import asset_routes
from heedful.web.bodies import json_body, json_response, number_field, telling, text_field

FILES = {
    "look.css": "heedful.web",
    "look.js": "heedful.web",
    "review.css": "heedful.review",
    "review.js": "heedful.review",
    "server-store.js": "heedful.review",
    "result.js": "heedful.review",
}
LONGEST_MARK = 86_400.0  # seconds: a page that was left open overnight


def review_app(review: ReviewSet, marks: Marks, cookie: str = "heedful-reviewer") -> Starlette:
    """The application, without its guard."""
    return Starlette(
        routes=[*_Pages(review, marks, cookie).routes(), *asset_routes(FILES)],
        exception_handlers={HTTPException: _not_found, Exception: _broken},
    )


class _Pages:
    def __init__(self, review: ReviewSet, marks: Marks, cookie: str):
        self.review, self.marks, self.cookie = review, marks, cookie
        self.session = Session(review, marks)

    def routes(self) -> list[Route]:
        gets = {
            "/": self.page,
            "/result": self.result,
            "/review.jsonl": self.jsonl,
            "/review.csv": self.csv,
            "/api/state": self.state,
        }
        posts = {"name": self.name, "mark": self.mark, "undo": self.undo, "unblind": self.unblind}
        return [
            *(Route(path, telling(found), methods=["GET"]) for path, found in gets.items()),
            *(Route(f"/api/{name}", telling(found), methods=["POST"]) for name, found in posts.items()),
        ]

    async def who(self, request: Request) -> Reviewer | None:
        name = self._kept_name(request)
        return await run_in_threadpool(self.marks.find, name) if name else None

    def _kept_name(self, request: Request) -> str:
        """The name that the browser keeps; empty where it keeps none, or what is no name."""
        try:
            return clean_name(urllib.parse.unquote(request.cookies.get(self.cookie, "")))
        except RequestError:
            return ""

    async def named(self, request: Request) -> Reviewer:
        who = await self.who(request)
        if who is None:
            raise RequestError("the page does not know your name; load it again")
        return who

    async def page(self, request: Request) -> Response:
        return HTMLResponse(review_page(self.review.mode))

    async def state(self, request: Request) -> Response:
        who = await self.who(request)
        if who is None:  # the name of another review on this machine is offered
            return json_response(self.session.state(None) | {"known_as": self._kept_name(request)})
        return await self._state(
            who, _whole(request.query_params, "number"), _whole(request.query_params, "after") or 0
        )

    async def _state(self, who: Reviewer | None, number: int | None = None, after: int = 0) -> Response:
        return json_response(await run_in_threadpool(self.session.state, who, number, after))

    async def name(self, request: Request) -> Response:
        sent = await json_body(request, "name", "again")
        name = text_field(sent, "name", 200)
        known = await run_in_threadpool(self.marks.find, name)
        if known and sent.get("again") is not True and self._kept_name(request) != known.name:
            marked = (await run_in_threadpool(self.session.state, known))["marked"]
            if marked:  # two of one class may have one name, and neither is to mark on in the other's
                return json_response(self.session.state(None) | {"known_as": known.name, "taken": marked})
        who = await run_in_threadpool(self.marks.reviewer, name)
        response = await self._state(who)
        kept = urllib.parse.quote(who.name, safe="")
        response.set_cookie(self.cookie, kept, max_age=31_536_000, httponly=True, samesite="strict")
        return response

    async def mark(self, request: Request) -> Response:
        who = await self.named(request)
        sent = await json_body(request, "set", "number", "verdict", "tags", "note", "seconds", "key")
        if sent.get("set") != self.review.hash:
            raise RequestError("this page shows another review than the server has; load it again")
        number = int(number_field(sent, "number", 1, len(self.review.items)))
        verdict, tags = check_verdict(self.review.mode, sent.get("verdict"), sent.get("tags", []))
        mark = {"number": number, "verdict": verdict, "tags": tags}
        mark["note"] = text_field(sent, "note", LONGEST_NOTE, "").strip()
        mark["seconds"] = min(float(number_field(sent, "seconds", 0, 1e12, 0)), LONGEST_MARK)
        mark["key"] = text_field(sent, "key", 64)
        if not mark["key"]:
            raise RequestError("'key' must not be empty: it makes a mark that is sent twice count once")
        await run_in_threadpool(self.session.mark, who, mark)
        return await self._state(who, after=number)

    async def undo(self, request: Request) -> Response:
        who = await self.named(request)
        await json_body(request)
        return await self._state(who, await run_in_threadpool(self.session.undo, who))

    async def unblind(self, request: Request) -> Response:
        who = await self.named(request)
        await json_body(request)
        await run_in_threadpool(self.marks.unblind, who)
        return json_response({"unblinded": True})

    async def result(self, request: Request) -> Response:
        who = await self.who(request)
        if who is None:
            return RedirectResponse("/", 303)
        state = await run_in_threadpool(self.session.state, who)
        found = await run_in_threadpool(result_of, self.review, self.marks) if who.unblinded else None
        return HTMLResponse(result_page(self.review.mode, who.name, state["total"] - state["marked"], found))

    async def jsonl(self, request: Request) -> Response:
        return await self._download(request, "jsonl", "application/x-ndjson")

    async def csv(self, request: Request) -> Response:
        return await self._download(request, "csv", "text/csv; charset=utf-8")

    async def _download(self, request: Request, kind: str, media_type: str) -> Response:
        """All marks as a file, for who has chosen to see who wrote what: it says so."""
        if not (await self.named(request)).unblinded:
            raise RequestError("the marks say who wrote what; choose to unblind on the page with the result first")
        text = await run_in_threadpool(jsonl_text if kind == "jsonl" else csv_text, self.review, self.marks)
        body = ("\ufeff" if kind == "csv" else "") + text
        headers = {"content-disposition": f'attachment; filename="review.{kind}"'}
        return Response(body.encode("utf-8", "replace"), headers=headers, media_type=media_type)


def _whole(values: Any, name: str) -> int | None:
    text = values.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 9):
        raise RequestError(f"'{name}' must be a whole number")
    return int(text)


async def _not_found(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    return json_response({"error": "there is nothing here" if status == 404 else "not answered"}, status)


async def _broken(request: Request, error: Exception) -> Response:
    return json_response({"error": "the server failed; what it says stands in the terminal"}, 500)
