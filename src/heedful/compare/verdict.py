"""One word over all metrics, by a rule that is printed with it."""

from __future__ import annotations

from collections.abc import Sequence

from heedful.compare.data import MetricResult, Options
from heedful.stats import Verdict


def overall(metrics: Sequence[MetricResult]) -> tuple[Verdict, str]:
    """The word, and why in a sentence.

    Better where a main metric got better and none got worse, worse the other way round, else inconclusive.
    """
    main = [m for m in metrics if m.role == "main"]
    better, worse = ([m.name for m in main if m.comparison.verdict == word] for word in ("better", "worse"))
    if better and worse:
        return "inconclusive", f"{_and(better)} got better, but {_and(worse)} got worse"
    if better or worse:
        rest = [m.name for m in main if m.comparison.verdict == "inconclusive"]
        word: Verdict = "better" if better else "worse"
        unclear = f"; {_and(rest)}: no clear difference" if rest else ""
        return word, f"{_and(better or worse)} got {word}{unclear}"
    compared = [m for m in main if m.comparison.n > 1]
    if not compared:
        return "inconclusive", "fewer than two examples are scored on both sides"
    return "inconclusive", f"no clear difference in {_and([m.name for m in compared])}"


def rule(metrics: Sequence[MetricResult], options: Options, family: int) -> str:
    """The rule as a sentence, with the names of the main metrics. `family`: how many p-values were corrected."""
    tested = [m for m in metrics if m.role != "descriptive" and m.comparison.adjusted_p is not None]
    limit = f"{1 - options.level:.4g}"
    what = "metrics" if family == len(tested) else "comparisons"
    of = f" (Holm over {family} {what})" if family > 1 else ""
    which = "the metrics named" if options.metrics else "the main metrics"
    return (
        f"a metric got better or worse where its p-value{of} is below {limit} and the "
        f"{options.level * 100:g}% interval of the difference leaves out 0; B is better where at least one of {which} "
        f"({_and([m.name for m in metrics if m.role == 'main'], 6) or 'none'}) got better and none got worse, worse "
        "the other way round, else nobody can tell"
    )


def _and(names: Sequence[str], most: int = 4) -> str:
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
