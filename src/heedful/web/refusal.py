"""A refusal as a page, for a person who opened an address: a sentence, and a place for a token that is missing."""

from __future__ import annotations

import base64
import hashlib
from html import escape

STYLE = (
    ":root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;"
    "padding:0 1.25rem}input,button{font:inherit;padding:.5rem .75rem;margin:.25rem .25rem .25rem 0;max-width:100%}"
)
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_TOKEN_FORM = (
    "<p>It is what stands after <b>token=</b> in that address. Whoever started the page has it.</p>"
    '<form><label>Token <input name="token" required autocomplete="off" autocapitalize="none" spellcheck="false">'
    "</label><button>Open</button></form>"
)


def refusal_page(status: int, reason: str) -> bytes:
    """The page of a refusal; the form sends the token to the same address, which the guard then checks."""
    sentence = escape(reason[:1].upper() + reason[1:])
    form = _TOKEN_FORM if status == 401 else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Heedful</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><main><p>{sentence}.</p>{form}</main></body></html>"
    ).encode()
