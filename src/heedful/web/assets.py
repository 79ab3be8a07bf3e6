"""Pages and files that the package brings. A request names an entry of a fixed table, never a path on the disk."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0b6068"/>'
    '<path d="M9 8v16M9 16h14M23 8v16" stroke="#fff" stroke-width="3.4" stroke-linecap="round" fill="none"/></svg>'
)


@functools.cache
def asset(package: str, name: str) -> str:
    """The text of a file of a package."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


def asset_routes(files: Mapping[str, str]) -> list[Route]:
    """Routes for files by name and package, ``{"look.css": "heedful.web"}``, below ``/static/``, and the icon."""
    routes = [
        _route(f"/static/{name}", asset(package, name), TYPES[name.rsplit(".")[-1]]) for name, package in files.items()
    ]
    return [*routes, _route("/favicon.ico", ICON, "image/svg+xml")]


def _route(path: str, text: str, kind: str) -> Route:
    body = text.encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {"cache-control": "no-cache", "etag": tag}  # asked for again each time, sent again when it changed

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=kind)

    return Route(path, answer, methods=["GET"])


@functools.cache
def template(package: str, name: str) -> Any:
    """A page's template: everything that is put in is escaped, and a name that it does not know is an error."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # slow to import

    environment = Environment(
        loader=FunctionLoader(lambda wanted: asset(package, wanted)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
