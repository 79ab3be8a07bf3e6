"""A real Chromium for these tests, and pages opened in it under watch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 180_000  # milliseconds: for what always comes, on a machine that is busy with other things
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM} (apt-get install chromium)")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE)
        yield browser
        browser.close()


class Windows:
    """Windows of a browser, handed on from test to test: opening one costs more than most that is done in it."""

    def __init__(self, browser: Any):
        self.browser = browser
        self.free: list[tuple[dict[str, Any], Any]] = []
        self.taken: dict[Any, dict[str, Any]] = {}
        self.heard: dict[Any, list[tuple[str, Callable[[Any], object]]]] = {}

    def take(
        self, complaints: list[str], requested: Callable[[str], object], viewport: Any = None,
        color_scheme: str = "light", **options: Any,
    ) -> Any:  # fmt: skip
        """An empty page, as in a browser that was never used. `options` are those of its browser context."""
        place = next((k for k, (made, _) in enumerate(self.free) if made == options), None)
        if place is None:
            context = self.browser.new_context(**options)
            context.set_default_timeout(PATIENCE)
            page = context.new_page()
        else:
            _, page = self.free.pop(place)
        page.set_viewport_size(viewport or {"width": 1280, "height": 900})
        page.emulate_media(color_scheme=color_scheme, media="null")
        self.taken[page] = options
        self.heard[page] = [
            ("console", lambda m: complaints.append(m.text)),
            ("pageerror", lambda e: complaints.append(str(e))),
            ("dialog", lambda d: complaints.append(d.message)),
            ("request", lambda r: requested(r.url)),
        ]
        for event, hear in self.heard[page]:
            page.on(event, hear)
        return page

    def give_back(self, page: Any) -> None:
        """Leave nothing in it of what was there: no page, no cookie, nothing stored, nobody who listens."""
        options = self.taken.pop(page)
        address = urlsplit(page.url)
        for event, hear in self.heard.pop(page):
            page.remove_listener(event, hear)
        page.unroute_all(behavior="ignoreErrors")
        page.mouse.move(0, 0)
        page.goto("about:blank")
        page.context.clear_cookies()
        session = page.context.new_cdp_session(page)
        origin = f"{address.scheme}://{address.netloc}"
        session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        session.detach()
        self.free.append((options, page))


@pytest.fixture(scope="package")
def windows(browser: Any) -> Windows:
    return Windows(browser)


@pytest.fixture
def open_file(windows: Windows) -> Iterator[Callable[..., Any]]:
    """Opens a file with options of a browser context; afterwards there were no errors, dialogs or requests."""
    opened, complaints, requests, files = [], [], [], set()

    def open_it(path: Path, **options: Any) -> Any:
        page = windows.take(complaints, requests.append, **options)
        opened.append(page)
        files.add(path.as_uri())
        page.goto(path.as_uri())
        return page

    yield open_it
    for page in opened:
        windows.give_back(page)
    assert complaints == []
    assert [u for u in requests if not u.startswith(("file:", "data:"))] == []
    assert {u for u in requests if u.startswith("file:")} <= files
