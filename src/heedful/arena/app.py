"""The routes of the arena's pages. Reads never change anything; every write is a POST of JSON.

A browser is known by a secret in a cookie that scripts cannot read; the file has its hash alone. Answers stream as
server-sent events in the reply to the POST that asked for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from heedful.arena.arena import VOTES, Arena, Busy
from heedful.arena.asking import Exchange
from heedful.arena.ledger import Conflict, Missing, Visitor, clean_name
from heedful.errors import HeedfulError, RequestError
from heedful.web.assets import asset_routes, template
from heedful.web.bodies import json_body, json_response, text_field
from heedful.web.guard import Receive, Scope, Send
from heedful.web.limits import Buckets

FILES = {
    "look.css": "heedful.web",
    "look.js": "heedful.web",
    "arena.css": "heedful.arena",
    "arena.js": "heedful.arena",
    "markdown.js": "heedful.arena",
    "board.js": "heedful.arena",
}
SLOW_READER = 60.0  # seconds that a browser may take for a piece
YEAR = 31_536_000
Endpoint = Callable[[Request], Awaitable[Response]]


def arena_app(arena: Arena, cookie: str = "heedful-arena", newcomers: Buckets | None = None) -> Starlette:
    """The application, without its guard. `newcomers`: how many new visitors an address may bring."""
    pages = _Pages(arena, cookie, newcomers or Buckets(rate=5, burst=300))
    return Starlette(
        routes=[*pages.routes(), *asset_routes(FILES)],
        exception_handlers={HTTPException: _not_found, Exception: _broken},
    )


class _Pages:
    def __init__(self, arena: Arena, cookie: str, newcomers: Buckets):
        self.arena, self.cookie, self.newcomers = arena, cookie, newcomers
        self.rating = ThreadPoolExecutor(1, "heedful-board")

    def routes(self) -> list[Route]:
        gets = {"/": self.battle, "/named": self.named, "/board": self.board, "/api/state": self.state}
        gets["/api/board"] = self.ratings
        posts = {"name": self.name, "begin": self.begin, "ask": self.ask, "again": self.again, "stop": self.stop}
        posts["vote"] = self.vote
        return [
            *(Route(path, telling(found), methods=["GET"]) for path, found in gets.items()),
            *(Route(f"/api/{name}", telling(found), methods=["POST"]) for name, found in posts.items()),
        ]

    async def battle(self, request: Request) -> Response:
        return self._page("battle.html.j2", hidden=True)

    async def named(self, request: Request) -> Response:
        return self._page("battle.html.j2", hidden=False)

    async def board(self, request: Request) -> Response:
        return self._page("board.html.j2")

    def _page(self, name: str, **values: Any) -> Response:
        arena = self.arena
        text = template("heedful.arena", name).render(
            saved=arena.saved is not None, models=arena.models, longest=arena.limits.question, **values
        )
        return HTMLResponse(text)

    async def who(self, request: Request) -> Visitor | None:
        return await self.arena.visitor(request.cookies.get(self.cookie, "")[:100])

    async def somebody(self, request: Request, name: str | None = None) -> tuple[Visitor, str]:
        """The visitor, a new one where the browser has no secret that is known; then also the new secret."""
        if (found := await self.who(request)) is not None:
            return found, ""
        if self.newcomers.wait(request.client.host if request.client else ""):
            raise Busy("too many new visitors come from your address; try again in a moment")
        return await self.arena.welcome(name)

    def _known(self, response: Response, secret: str) -> Response:
        if secret:
            response.set_cookie(self.cookie, secret, max_age=YEAR, httponly=True, samesite="strict")
        return response

    async def state(self, request: Request) -> Response:
        hidden = request.query_params.get("named") is None
        who = await self.who(request)
        talk = await self.arena.latest(who, hidden) if who else None
        return json_response({"name": who and who.name, "talk": self.arena.state(talk)})

    async def ratings(self, request: Request) -> Response:
        # In a thread of its own: ratings that take long keep no vote waiting.
        style = request.query_params.get("style") == "1"
        board = await asyncio.get_running_loop().run_in_executor(self.rating, self.arena.board.get, style)
        if request.query_params.get("version") == board["version"]:
            return json_response({"version": board["version"]})
        return json_response(board)

    async def name(self, request: Request) -> Response:
        name = clean_name(text_field(await json_body(request, "name"), "name", 200))
        who, secret = await self.somebody(request, name)
        who = await self.arena.rename(who, name)
        return self._known(json_response({"name": who.name}), secret)

    async def begin(self, request: Request) -> Response:
        sent = await json_body(request, "hidden", "models")
        hidden, models = sent.get("hidden"), sent.get("models")
        if not isinstance(hidden, bool) or (hidden and models is not None):
            raise RequestError("'hidden' must be true or false, and hidden models are not chosen")
        if models is not None and not (
            isinstance(models, list) and len(models) == 2 and all(isinstance(m, str) for m in models)
        ):
            raise RequestError("'models' must be two names")
        who, secret = await self.somebody(request)
        talk = await self.arena.begin(who, hidden, (models[0], models[1]) if models else None)
        return self._known(json_response({"name": who.name, "talk": self.arena.state(talk)}), secret)

    async def ask(self, request: Request) -> Response:
        sent = await json_body(request, "conversation", "question")
        question = text_field(sent, "question", self.arena.limits.question)
        return Stream(await self.arena.ask(await self.who(request), _id(sent), question))

    async def again(self, request: Request) -> Response:
        sent = await json_body(request, "conversation")
        return Stream(await self.arena.ask(await self.who(request), _id(sent), None))

    async def stop(self, request: Request) -> Response:
        sent = await json_body(request, "conversation")
        await self.arena.stop(await self.who(request), _id(sent))
        return json_response({"stopped": True})

    async def vote(self, request: Request) -> Response:
        sent = await json_body(request, "conversation", "winner", "key")
        winner, key = text_field(sent, "winner", 20), text_field(sent, "key", 64)
        if winner not in VOTES or not key:
            raise RequestError(f"'winner' must be one of {', '.join(VOTES)}, and 'key' must not be empty")
        talk = await self.arena.vote(await self.who(request), _id(sent), winner, key)
        return json_response({"talk": self.arena.state(talk)})


def _id(sent: dict[str, Any]) -> str:
    return text_field(sent, "conversation", 64)


def telling(endpoint: Endpoint) -> Endpoint:
    """An endpoint whose errors reach the page as a sentence with the status that fits."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Busy as e:
            return json_response({"error": str(e)}, 429, {"retry-after": "2"})
        except HeedfulError as e:
            kinds = ((Missing, 404), (Conflict, 409), (RequestError, 400))
            return json_response({"error": str(e)}, next((s for kind, s in kinds if isinstance(e, kind)), 500))

    return answer


class Stream(Response):
    """The events of an exchange, as server-sent ones. A browser that goes away stops its answers."""

    media_type = "text/event-stream"

    def __init__(self, exchange: Exchange):
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        self.exchange = exchange

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        watcher = asyncio.create_task(self._watch(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            while (event := await self.exchange.events.get()) is not None:
                text = json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")
                async with asyncio.timeout(SLOW_READER):
                    await send({"type": "http.response.body", "body": b"data: " + text + b"\n\n", "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (OSError, TimeoutError):
            pass  # nobody reads it
        finally:
            watcher.cancel()
            self.exchange.stop()

    async def _watch(self, receive: Receive) -> None:
        with contextlib.suppress(Exception):
            while (await receive())["type"] != "http.disconnect":
                pass
            self.exchange.stop()


async def _not_found(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    return json_response({"error": "there is nothing here" if status == 404 else "not answered"}, status)


async def _broken(request: Request, error: Exception) -> Response:
    return json_response({"error": "the server failed; what it says stands in the terminal"}, 500)
