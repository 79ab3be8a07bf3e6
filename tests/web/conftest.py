"""A guarded application that says what reached it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("local_site", Path(__file__).parent / "local_site.py")
assert _spec
assert _spec.loader
local_site = importlib.util.module_from_spec(_spec)
sys.modules["local_site"] = local_site  # dataclasses look their module up
_spec.loader.exec_module(local_site)


class Echo:
    """An application that keeps what reached it, and answers with the body."""

    def __init__(self):
        self.reached = []

    async def __call__(self, scope, receive, send):
        body, more = b"", scope["method"] == "POST"
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.reached.append((scope["method"], scope["path"], body))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def echo():
    return Echo()


@pytest.fixture
def running():
    return local_site.running
