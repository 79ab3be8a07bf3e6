"""Is B better than A? Two sides joined on example ids, metric by metric, and one word.

    A, B -> Side, Side -> examples of both -> values of each metric -> PairedComparison -> Comparison

`compare_sides` works on sides that are read, `compare` on names as the command line takes them.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from heedful.compare.data import Comparison, MetricResult, Options, Role, Side
from heedful.compare.grouping import clusters_of
from heedful.compare.join import Joined, choose_metrics, join, lower_is_better, role_of
from heedful.compare.lines import read_lines
from heedful.compare.ratings import SHARES_TEXT, is_text_metric, read_scores
from heedful.compare.sides import pairs_told, read_side
from heedful.compare.verdict import overall, rule
from heedful.errors import RequestError
from heedful.records import Score
from heedful.stats import PairedComparison, compare_means, compare_ranks, compare_shares, correct, detectable_difference

__all__ = ["Comparison", "MetricResult", "Options", "Side", "compare", "compare_sides", "read_side"]

TESTS = ("auto", "wilcoxon")


def compare(
    a: str,
    b: str,
    options: Options | None = None,
    *,
    scores: Sequence[Path] = (),
    data: Mapping[str, Mapping[str, Any]] | None = None,
) -> Comparison:
    """Compare two runs, files of answers or scores, or bench folders, by name.

    `scores` are files of ratings of the answers, `data` has fields of examples to cluster by. RequestError or
    DataError, with file and line, where a side cannot be read or the two have nothing in common.
    """
    files = {path: _read_score_file(path) for path in scores}
    extra = [s for found, _ in files.values() for s in found]
    sides = read_side(a, extra), read_side(b, extra)
    answered = {r.id for side in sides for answers in side.answers.values() for r in answers}
    for path, (found, _) in files.items():
        if not any(s.responses[0] in answered for s in found):
            raise RequestError(f"--scores {path}: rates none of these answers; name the ratings of A's or B's answers")
    told = pairs_told(sum(pairs for _, pairs in files.values()))
    return compare_sides(*sides, options or Options(), data or {}, told)


def _read_score_file(path: Path) -> tuple[list[Score], int]:
    if not path.is_file():
        raise RequestError(f"--scores {path}: {'is a folder' if path.is_dir() else 'no such file'}; name a file")
    return read_scores(read_lines(path)[0])


def compare_sides(
    a: Side,
    b: Side,
    options: Options,
    data: Mapping[str, Mapping[str, Any]] | None = None,
    told: tuple[str, ...] = (),
) -> Comparison:
    """Compare two sides. The same sides and seed give the same numbers on every machine."""
    joined = join(a, b)
    names = choose_metrics(a, b, options)
    clusters, field, alone = clusters_of(joined.ids, a, b, data or {}, options.cluster)
    if options.test == "wilcoxon" and clusters is not None:
        raise RequestError(
            f"--test wilcoxon knows no clusters, and the examples are grouped by {field}; leave --test out, or give "
            "--cluster none and know that the p-value is too small"
        )
    columns = {name: _columns(name, a, b, joined, clusters) for name in names}
    lower = lower_is_better(names, options)
    tried = {name: _compare(name, *column, options, name not in lower) for name, column in columns.items()}
    family = [n for n in names if role_of(n, options) != "descriptive" and tried[n].n > 0]
    tried |= correct({n: tried[n] for n in family}, lower_is_better=lower, level=options.level)
    shares = 1 - (1 - options.level) / max(1, len(family))  # what Holm asks of the smallest p-value
    results = tuple(
        MetricResult(
            name,
            cast(Role, role_of(name, options)),
            name not in lower,
            tried[name],
            _detectable(name, *columns[name], shares, options),
        )
        for name in names
        if not _nothing_to_rate(name, tried[name])
    )
    word, sentence = overall(results)
    return Comparison(
        a=a,
        b=b,
        joined=len(joined.ids),
        only_a=joined.only_a,
        only_b=joined.only_b,
        other=joined.other,
        cluster=field,
        metrics=results,
        verdict=word,
        sentence=sentence,
        rule=rule(results, options),
        caveats=(*told, *alone, *_caveats(a, b, joined, results, names)),
        options=options,
    )


Column = tuple[list[float | None], list[float | None], list[Hashable] | None]


def _columns(name: str, a: Side, b: Side, joined: Joined, clusters: Sequence[Hashable] | None) -> Column:
    """The values of a metric on both sides, and their clusters.

    Where both sides have answers, for all of them: one that nobody rated is unscored. Elsewhere (a bench folder has
    many tasks) for the examples that have the metric on one side at least.
    """
    before, after = a.values[name], b.values[name]
    every = bool(a.answers and b.answers)
    places = [n for n, i in enumerate(joined.ids) if every or i in before or i in after]
    ids = [joined.ids[n] for n in places]
    kept = None if clusters is None else [clusters[n] for n in places]
    return [before.get(i) for i in ids], [after.get(i) for i in ids], kept


def _compare(
    name: str,
    before: list[float | None],
    after: list[float | None],
    clusters: list[Hashable] | None,
    options: Options,
    higher_is_better: bool,
) -> PairedComparison:
    how: dict[str, Any] = {"higher_is_better": higher_is_better, "level": options.level, "seed": options.seed}
    if _is_share(name, before, after):  # of differences that are 1 and -1 McNemar's test is Wilcoxon's
        return compare_shares(before, after, clusters=clusters, **how)
    if options.test == "wilcoxon":
        return compare_ranks(before, after, **how)
    return compare_means(before, after, clusters=clusters, **how)


def _detectable(
    name: str,
    before: list[float | None],
    after: list[float | None],
    clusters: list[Hashable] | None,
    level: float,
    o: Options,
) -> float:
    if o.test == "wilcoxon" and not _is_share(name, before, after):
        return math.nan  # it would need the shape of the differences, not only their spread
    return detectable_difference(before, after, clusters=clusters, level=level)


def _is_share(name: str, before: list[float | None], after: list[float | None]) -> bool:
    """Whether values are right or wrong: of Heedful's own metrics it is known, of others all values are 0 or 1."""
    if is_text_metric(name):
        return name in SHARES_TEXT
    return all(v in (0.0, 1.0) for v in (*before, *after) if v is not None)


def _nothing_to_rate(name: str, c: PairedComparison) -> bool:
    """Whether a metric on texts had no expected answer anywhere: then it is told once and takes no row."""
    return c.n == 0 and is_text_metric(name) and name not in ("stops", "length")


def _caveats(
    a: Side, b: Side, joined: Joined, results: Sequence[MetricResult], names: Sequence[str]
) -> tuple[str, ...]:
    """What a reader must know before believing the numbers."""
    out = [*a.told, *(t for t in b.told if t not in a.told)]
    if joined.other:
        what = "id stands" if joined.other == 1 else "ids stand"
        out.append(f"{joined.other:,} {what} for another question on the other side: left out.")
    for side in (a, b):
        failed = sum(all(r.finish_reason == "error" for r in side.answers.get(i, ())) for i in joined.ids)
        if side.answers and failed:
            what = "1 request" if failed == 1 else f"{failed:,} requests"
            out.append(f"{what} failed in {side.name}: unscored, not wrong.")
    lost = [n for n in names if n not in {m.name for m in results}]
    if lost:
        out.append(f"No example has an expected answer on both sides, so there is no {', '.join(lost)}.")
    for fact in sorted(a.facts.keys() & b.facts.keys()):
        if a.facts[fact] != b.facts[fact]:
            out.append(f"A and B differ in the {fact}: {a.facts[fact]} in A, {b.facts[fact]} in B.")
    answers = [(a.answers[i], b.answers[i]) for i in joined.ids if i in a.answers and i in b.answers]
    if any(x[0].reference != y[0].reference for x, y in answers):
        out.append("Some expected answers are not the same on both sides.")
    if answers and all([r.text for r in x] == [r.text for r in y] for x, y in answers):
        out.append("All answers are the same on both sides.")
    return tuple(out)
