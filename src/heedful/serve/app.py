"""The routes: what OpenAI's clients ask for, and what looks after a server."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from heedful.serve.answering import Service, answer
from heedful.serve.asked import read_asked
from heedful.serve.faults import ApiError
from heedful.web.bodies import json_response

ROUTES = "POST /v1/chat/completions, POST /v1/completions, GET /v1/models, GET /health, GET /metrics"


def serve_app(service: Service) -> Starlette:
    """The application, without its gate."""
    routes = _Routes(service)
    return Starlette(
        routes=[
            Route("/v1/chat/completions", routes.chat, methods=["POST"]),
            Route("/v1/completions", routes.completions, methods=["POST"]),
            Route("/v1/models", routes.models, methods=["GET"]),
            Route("/v1/models/{name:path}", routes.model, methods=["GET"]),
            Route("/health", routes.health, methods=["GET"]),
            Route("/metrics", routes.metrics, methods=["GET"]),
        ],
        exception_handlers={ApiError: _told, HTTPException: _no_route, Exception: _broken},
    )


class _Routes:
    def __init__(self, service: Service):
        self.service = service

    async def chat(self, request: Request) -> Response:
        return await self._answer("chat", request)

    async def completions(self, request: Request) -> Response:
        return await self._answer("text", request)

    async def _answer(self, kind: str, request: Request) -> Response:
        service = self.service
        try:
            if service.ending:
                raise ApiError(503, "the server is ending", headers={"retry-after": "5", "connection": "close"})
            asked = read_asked(kind, await request.body(), service.defaults)  # type: ignore[arg-type]
        except ApiError as e:
            service.figures.requests["chat" if kind == "chat" else "completions", e.status] += 1
            raise
        return await answer(service, asked, request)

    async def models(self, _: Request) -> Response:
        return json_response({"object": "list", "data": [self._model()]})

    async def model(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name != self.service.defaults.model:
            raise ApiError(404, f"there is no model '{name[:200]}'", "model", "model_not_found")
        return json_response(self._model())

    def _model(self) -> dict[str, object]:
        service = self.service
        return {
            "id": service.defaults.model,
            "object": "model",
            "created": service.created,
            "owned_by": "heedful",
            "max_model_len": service.worker.backend.positions,
        }

    async def health(self, _: Request) -> Response:
        return json_response({"status": "ending" if self.service.ending else "ok"}, 503 if self.service.ending else 200)

    async def metrics(self, _: Request) -> Response:
        worker = self.service.worker
        text = self.service.figures.text(worker.running, worker.waiting)
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


async def _told(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error.response()


async def _no_route(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    wanted = "there is no such address" if status == 404 else "this address is asked in another way"
    return ApiError(status, f"{wanted}; there are {ROUTES}").response()


async def _broken(_: Request, error: Exception) -> Response:
    return ApiError(500, f"the server failed ({type(error).__name__}); this is a defect of Heedful").response()
