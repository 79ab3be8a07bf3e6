"""How figures are written in the table of a terminal and on the page, and the sentence over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from heedful.helm.results import letter

NOTHING = "–"
WORDS = {"better": "better", "worse": "worse", "inconclusive": "nobody can tell"}


def value_text(column: str, value: float | None) -> str:
    """A share with two decimals, seconds with two digits and a bound below a thousandth.

    >>> value_text("accuracy", 0.5), value_text("efficiency", 0.0126), value_text("bias", None)
    ('0.50', '0.013', '–')
    """
    if value is None:
        return NOTHING
    if column != "efficiency":
        return f"{value:.2f}"
    return "<0.001" if value < 0.001 else f"{value:.2g}" if value < 10 else f"{value:,.0f}"


def interval_text(low: float | None, high: float | None) -> str:
    """Two bounds, short; nothing where there are none.

    >>> interval_text(0.333, 1.0), interval_text(0.0, 0.5), interval_text(None, None)
    ('.33–1', '0–.50', '')
    """
    return "" if low is None or high is None else f"{_short(low)}–{_short(high)}"


def _short(value: float) -> str:
    text = f"{value:.2f}"
    return {"0.00": "0", "1.00": "1"}.get(text, text.replace("0.", ".", 1))


def signed(value: float | None) -> str:
    """A difference with its sign, two decimals, a true minus.

    >>> signed(0.25), signed(-0.031), signed(-0.001), signed(None)
    ('+0.25', '−0.03', '0.00', '–')
    """
    if value is None:
        return NOTHING
    text = f"{value:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text.replace("-", "−")


def bounds(low: float | None, high: float | None) -> str:
    """The interval of a difference; nothing where there is none.

    >>> bounds(-0.04, 0.1)
    '−0.04 to +0.10'
    """
    return "" if low is None or high is None else f"{signed(low)} to {signed(high)}"


def p_text(p: float | None) -> str:
    """A p-value with three decimals, and a bound below 0.001."""
    return NOTHING if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def missing_lines(missing: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    """What was not measured, grouped: where and why.

    >>> missing_lines({"rte": {"bias": "chosen", "toxicity": "chosen"}, "cb": {"bias": "chosen", "toxicity": "chosen"}})
    [('bias, toxicity of rte, cb', 'chosen')]
    """
    found: dict[tuple[str, str], list[str]] = {}
    for scenario, of in missing.items():
        for why in dict.fromkeys(of.values()):
            columns = ", ".join(c for c, w in of.items() if w == why)
            found.setdefault((columns, why), []).append(scenario)
    return [(f"{columns} of {', '.join(scenarios)}", why) for (columns, why), scenarios in found.items()]


def pair_sentences(results: Mapping[str, Any]) -> list[str]:
    """Of each two models that were compared what came of it."""
    found: Sequence[Mapping[str, Any]] = results["comparisons"]
    told = []
    for a, b in dict.fromkeys((c["a"], c["b"]) for c in found):
        words = [c["verdict"] for c in found if (c["a"], c["b"]) == (a, b)]
        one, other = letter(results, b), letter(results, a)
        better, worse = words.count("better"), words.count("worse")
        if better or worse:
            told.append(f"{one} is better than {other} in {better} of {len(words)} comparisons and worse in {worse}")
        else:
            told.append(f"nobody can tell {one} from {other} in any of {len(words)} comparisons")
    return told


def sentence(results: Mapping[str, Any]) -> str:
    """What the comparisons come to; with one model that there is nothing to compare."""
    told = pair_sentences(results)
    if len(results["models"]) == 1:
        return "One model: its figures are below, and there is nothing to compare them with."
    if not told:
        return "No difference could be tested: no two models have the same figure."
    if len(told) == 1:
        return f"{told[0][:1].upper()}{told[0][1:]}."
    clear = sum(c["verdict"] != "inconclusive" for c in results["comparisons"])
    return f"Of {len(results['comparisons'])} comparisons {clear} {'is' if clear == 1 else 'are'} clear."
