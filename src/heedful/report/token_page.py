"""A page that shows rows token by token: one file, no script, made from token_page.html.j2 and token_page.css.

Its Content-Security-Policy allows the one style sheet by its hash and nothing else, since rows are strangers' text.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from markupsafe import Markup, escape

from heedful.report.text import visible
from heedful.report.token_text import raw_text
from heedful.report.token_view import ShownDrop, ShownRow, ShownToken, cut_sentence, visible_parts, visible_text

TITLES = {"trained": "trained", "masked": "in an answer, not trained", "read": "read, not trained"}


def token_page(shown: Sequence[ShownRow | ShownDrop], facts: Mapping[str, str]) -> str:
    """The whole page; `facts` are told at its head."""
    style = _file("token_page.css")
    page = _template().render(
        rows=[one for one in shown if isinstance(one, ShownRow)],
        drops=[one for one in shown if isinstance(one, ShownDrop)],
        facts=facts,
        policy=policy(style),
        style=Markup(style),
        tokens=tokens_html,
        token_text=token_html,
        titles=TITLES,
        raw=raw_text,
    )
    return visible(page)


@functools.cache
def _template() -> Any:
    from jinja2 import Environment, FunctionLoader  # slow to import

    environment = Environment(loader=FunctionLoader(_file), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["text"] = visible_text
    return environment.get_template("token_page.html.j2")


def policy(style: str) -> str:
    """The Content-Security-Policy that allows exactly this style sheet."""
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{hashed}'; img-src data:; base-uri 'none'; form-action 'none'"


def tokens_html(row: ShownRow) -> Markup:
    """All tokens of a row in spans, runs of trained ones in <mark>, and each cut where it was made."""
    cuts = {c.at: c for c in row.cuts}
    out = []
    for state, found in row.runs():
        before, after = {
            "trained": (Markup('<mark><b class="hidden">trained: </b>'), Markup('<b class="hidden"> :end</b></mark>')),
            "masked": (
                Markup('<span class="masked"><b class="hidden">answer, not trained: </b>'),
                Markup('<b class="hidden"> :end</b></span>'),
            ),
            "read": (Markup(""), Markup("")),
        }[state]
        out.append(before)
        for place, token in found:
            if place in cuts:
                out.append(_cut(cut_sentence(cuts.pop(place))))
            out.append(_span(place, token))
        out.append(after)
    out += [_cut(cut_sentence(c)) for c in cuts.values()]
    return Markup("").join(out)


def _cut(sentence: str) -> Markup:
    return Markup('<strong class="cut">✂ {}</strong>').format(sentence)


def _span(place: int, token: ShownToken) -> Markup:
    classes = ["t", *(["special"] if token.special else []), *(["stop"] if token.stop else [])]
    what = f"token {place}, id {token.id}, {TITLES[token.state]}{', stop token' if token.stop else ''}"
    return Markup('<span class="{}" title="{}">{}</span>').format(" ".join(classes), what, token_html(token))


def token_html(token: ShownToken) -> Markup:
    """A token's text; what has no shape of its own is set apart."""
    parts = [Markup("<i>{}</i>").format(s) if kind != "text" else escape(s) for kind, s in visible_parts(token.text)]
    return Markup("").join(parts)


def _file(name: str) -> str:
    return resources.files("heedful.report").joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")
