"""helm.html: one file without a network and without a script, made from helm.html.j2 and the report's look.

The page's Content-Security-Policy allows its one style sheet by its hash and nothing else. Names of models, tasks and
files are other people's text: all of it is escaped.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from markupsafe import Markup

from heedful.helm import texts
from heedful.helm.columns import COLUMNS
from heedful.helm.results import letter, why_not
from heedful.report.page import policy
from heedful.report.text import visible


def helm_page(results: Mapping[str, Any]) -> str:
    """The page of a helm.json."""
    style = f"{_file('heedful.report', 'page.css')}\n{_file('heedful.helm', 'helm.css')}"
    page = _template().render(
        r=results,
        models=[(letter(results, m["name"]), m) for m in results["models"]],
        columns=COLUMNS,
        policy=policy(style, ""),
        style=Markup(style),
        sentence=texts.sentence(results),
        told=texts.pair_sentences(results),
        texts=texts,
        plot=plot,
        win=lambda column, model: results["mean_win_rates"][column].get(model),
        cell=lambda model, key, column: results["cells"][model][key][column],
        missing=texts.missing_lines(why_not(results)),
        pairs=list(_pairs(results)),
        copies=list(_copies(results)),
        biases=list(_biases(results)),
    )
    return visible(page)


@functools.cache
def _template() -> Any:
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # slow to import

    environment = Environment(
        loader=FunctionLoader(lambda name: _file("heedful.helm", name)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("helm.html.j2")


def _file(package: str, name: str) -> str:
    return resources.files(package).joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


def plot(value: float | None, low: float | None, high: float | None) -> Markup:
    """A figure from 0 to 1 with its interval, as a picture; nothing where there is no figure."""
    if value is None:
        return Markup("")
    parts = ['<line class="scale" x1="4" x2="96" y1="7" y2="7"/>']
    if low is not None and high is not None:
        parts.append(f'<line class="range" x1="{_at(low)}" x2="{_at(high)}" y1="7" y2="7"/>')
    parts.append(f'<circle cx="{_at(value)}" cy="7" r="4"/>')
    return Markup(f'<svg class="figure" viewBox="0 0 100 14" aria-hidden="true">{"".join(parts)}</svg>')


def _at(share: float) -> str:
    return f"{4 + 92 * min(max(share, 0.0), 1.0):.1f}"


def _pairs(results: Mapping[str, Any]) -> Iterator[tuple[str, str, list[Mapping[str, Any]]]]:
    """For each two models that were compared their letters and the lines."""
    found = results["comparisons"]
    for a, b in dict.fromkeys((c["a"], c["b"]) for c in found):
        yield letter(results, a), letter(results, b), [c for c in found if (c["a"], c["b"]) == (a, b)]


def _copies(results: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, str, int, list[str]]]]]:
    """By scenario each perturbation: its kind, how many items it changed, and each model's score before and after."""
    for key, scenario in results["scenarios"].items():
        rows = []
        for name, of in results["perturbations"].items():
            cells = (results["cells"][m["name"]][key][of["kind"]] for m in results["models"])
            told = [_before_and_worst(c.get("parts", {}).get(name)) for c in cells]
            if any(t != texts.NOTHING for t in told):
                rows.append((name, of["kind"], scenario["changed"][name], told))
        if rows:
            yield key, rows


def _biases(results: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, list[Mapping[str, Any]]]]]]:
    """By scenario each figure that bias is the mean of, with each model's."""
    for key in results["scenarios"]:
        parts = [results["cells"][m["name"]][key]["bias"].get("parts", {}) for m in results["models"]]
        names = dict.fromkeys(name for of in parts for name in of)
        nothing = {"value": None, "low": None, "high": None}
        if names:
            yield key, [(_figure_name(name), [of.get(name, nothing) for of in parts]) for name in names]


def _figure_name(name: str) -> str:
    """crfm-helm's name in words.

    >>> _figure_name("mode=associations,demographic_category=gender,target_category=profession")
    'associations, gender, profession'
    """
    return ", ".join(part.partition("=")[2] for part in name.split(","))


def _before_and_worst(part: Mapping[str, Any] | None) -> str:
    """``0.52 → 0.40``: the changed items' own score, and with the perturbation."""
    if part is None or part["worst"]["value"] is None:
        return texts.NOTHING
    return f"{part['before']['value']:.2f} → {part['worst']['value']:.2f}"
