"""Is B better than A? Two sides joined on example ids, metric by metric, and one word.

    A, B -> Side, Side -> examples of both -> values of each metric -> PairedComparison -> Comparison

`compare_sides` works on sides that are read, `compare` on names as the command line takes them. `compare_several` holds
several against the first; their p-values are corrected together, since the best of many is often so by chance.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from heedful.compare.data import Comparison, MetricResult, Options, Role, Side
from heedful.compare.grouping import clusters_of
from heedful.compare.join import Joined, choose_metrics, join, lower_is_better, role_of
from heedful.compare.lines import read_lines
from heedful.compare.ratings import SHARES_TEXT, is_text_metric, read_scores
from heedful.compare.recipes import differing, shown
from heedful.compare.sides import pairs_told, read_side
from heedful.compare.verdict import overall, rule
from heedful.errors import RequestError
from heedful.records import Score
from heedful.stats import PairedComparison, compare_means, compare_ranks, compare_shares, correct, detectable_difference

__all__ = ["Comparison", "MetricResult", "Options", "Side", "compare", "compare_several", "compare_sides", "read_side"]

TESTS = ("auto", "wilcoxon")
Column = tuple[list[float | None], list[float | None], list[Hashable] | None]


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
    return compare_several(a, (b,), options, scores=scores, data=data)[0]


def compare_several(
    a: str,
    others: Sequence[str],
    options: Options | None = None,
    *,
    scores: Sequence[Path] = (),
    data: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[Comparison, ...]:
    """`compare` for each of `others` against `a`; Holm's correction is over all metrics of all of them."""
    files = {path: _read_score_file(path) for path in scores}
    extra = [s for found, _ in files.values() for s in found]
    first, *rest = (read_side(name, extra) for name in (a, *others))
    answered = {r.id for side in (first, *rest) for answers in side.answers.values() for r in answers}
    for path, (found, _) in files.items():
        if not any(s.responses[0] in answered for s in found):
            raise RequestError(f"--scores {path}: rates none of these answers; name the ratings of A's or B's answers")
    told = pairs_told(sum(pairs for _, pairs in files.values()))
    chosen = options or Options()
    return _conclude([_try(first, side, chosen, data or {}) for side in rest], chosen, told)


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
    return _conclude([_try(a, b, options, data or {})], options, told)[0]


@dataclass(frozen=True)
class _Tried:
    """Two sides compared metric by metric, their p-values not corrected yet. `alone` says which were left alone."""

    a: Side
    b: Side
    joined: Joined
    cluster: str | None
    alone: tuple[str, ...]
    lower: frozenset[str]
    columns: Mapping[str, Column]
    compared: Mapping[str, PairedComparison]

    def family(self, options: Options) -> list[str]:
        """The metrics that are tested."""
        return [n for n, c in self.compared.items() if role_of(n, options) != "descriptive" and c.n > 0]


def _try(a: Side, b: Side, options: Options, data: Mapping[str, Mapping[str, Any]]) -> _Tried:
    joined = join(a, b)
    names = choose_metrics(a, b, options)
    clusters, field, alone = clusters_of(joined.ids, a, b, data, options.cluster)
    if options.test == "wilcoxon" and clusters is not None:
        raise RequestError(
            f"--test wilcoxon knows no clusters, and the examples are grouped by {field}; leave --test out, or give "
            "--cluster none and know that the p-value is too small"
        )
    columns = {name: _columns(name, a, b, joined, clusters) for name in names}
    lower = frozenset(lower_is_better(names, options))
    compared = {name: _compare(name, *column, options, name not in lower) for name, column in columns.items()}
    return _Tried(a, b, joined, field, tuple(alone), lower, columns, compared)


def _conclude(tried: Sequence[_Tried], options: Options, told: tuple[str, ...]) -> tuple[Comparison, ...]:
    """The words, once all p-values that are read together are corrected together."""
    found = {f"{k}:{name}": t.compared[name] for k, t in enumerate(tried) for name in t.family(options)}
    lower = [f"{k}:{name}" for k, t in enumerate(tried) for name in t.lower]
    corrected = correct(found, lower_is_better=lower, level=options.level)
    return tuple(
        _comparison(t, {n: corrected.get(f"{k}:{n}", c) for n, c in t.compared.items()}, len(found), options, told)
        for k, t in enumerate(tried)
    )


def _comparison(
    t: _Tried, compared: Mapping[str, PairedComparison], family: int, options: Options, told: tuple[str, ...]
) -> Comparison:
    shares = 1 - (1 - options.level) / max(1, family)  # what Holm asks of the smallest p-value
    results = tuple(
        MetricResult(
            name,
            cast(Role, role_of(name, options)),
            name not in t.lower,
            compared[name],
            _detectable(name, *t.columns[name], shares, options),
        )
        for name in compared
        if not _nothing_to_rate(name, compared[name])
    )
    word, sentence = overall(results)
    return Comparison(
        a=t.a,
        b=t.b,
        joined=len(t.joined.ids),
        only_a=t.joined.only_a,
        only_b=t.joined.only_b,
        other=t.joined.other,
        cluster=t.cluster,
        metrics=results,
        verdict=word,
        sentence=sentence,
        rule=rule(results, options, family),
        caveats=(*told, *t.alone, *_caveats(t.a, t.b, t.joined, results, list(compared))),
        options=options,
    )


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
    recipes = differing([a, b])
    out += [f"The recipes differ in {key}: {shown(x)} in A, {shown(y)} in B." for key, (x, y) in recipes.items()]
    for fact in sorted(a.facts.keys() & b.facts.keys()):
        if "max_new_tokens" not in recipes and a.facts[fact] != b.facts[fact]:
            out.append(f"A and B differ in the {fact}: {a.facts[fact]} in A, {b.facts[fact]} in B.")
    answers = [(a.answers[i], b.answers[i]) for i in joined.ids if i in a.answers and i in b.answers]
    if any(x[0].reference != y[0].reference for x, y in answers):
        out.append("Some expected answers are not the same on both sides.")
    if answers and all([r.text for r in x] == [r.text for r in y] for x, y in answers):
        out.append("All answers are the same on both sides.")
    return tuple(out)
