"""The picture at the head of the readme: `python docs/pictures/shoot.py RUN/report.html docs/pictures/report.png`.

Needs Chromium and playwright. The upper part of the page, in few colours, so that the file stays small.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

WIDTH, HEIGHT, COLOURS = 1000, 900, 64


def shoot(page: Path, picture: Path) -> None:
    """Write the upper part of a page as a PNG."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"], timeout=600_000)
        opened = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=1.5)
        opened.set_default_timeout(600_000)
        opened.goto(page.resolve().as_uri())
        content = opened.screenshot()
        browser.close()
    Image.open(io.BytesIO(content)).convert("RGB").quantize(COLOURS).save(picture, optimize=True)


if __name__ == "__main__":
    shoot(Path(sys.argv[1]), Path(sys.argv[2]))
