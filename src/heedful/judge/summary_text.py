"""The summary of a judging for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from heedful.judge.warn import percent

_INDENT = 12


def summary_lines(summary: Mapping[str, Any], width: int = 80) -> list[str]:
    """The lines to print, from the JSON form of a summary."""
    rows = [*_head(summary), *(_pairs(summary) if summary["mode"] == "pairs" else _singles(summary))]
    rows += list(_people(summary))
    rows += [("warning", w) for w in summary["warnings"]]
    rows.append(("note", summary["comparable"]))
    out: list[str] = []
    for label, text in rows:
        wrapped = textwrap.wrap(text, width - _INDENT, break_on_hyphens=False, break_long_words=False) or [""]
        out += [f"{label if i == 0 else '':<{_INDENT}}{line}" for i, line in enumerate(wrapped)]
    return out


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'s' * (number != 1)}"


def share(i: Mapping[str, Any] | None) -> str:
    """A share with its interval in percent."""
    if i is None or i["estimate"] is None:
        return "not known"
    if i["low"] is None:
        return percent(i["estimate"])
    return f"{percent(i['estimate'])} ({percent(i['low'])} to {percent(i['high'])})"


def number(i: Mapping[str, Any] | None, digits: int = 2) -> str:
    """A number with its interval."""
    if i is None or i["estimate"] is None:
        return "not known"
    if i["low"] is None:
        return f"{i['estimate']:.{digits}f}"
    return f"{i['estimate']:.{digits}f} ({i['low']:.{digits}f} to {i['high']:.{digits}f})"


def _head(s: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "judge", s["judge"]
    rubric = f", rubric {s['rubric']} v{s['rubric_version']} ({s['rubric_hash'][:8]})" if s.get("rubric") else ""
    yield "prompt", f"{s['prompt']} v{s['prompt_version']} ({s['prompt_hash'][:8]}){rubric}"
    thing = "pair" if s["mode"] == "pairs" else "answer"
    read = ", ".join(f"{n:,} by {how}" for how, n in s["read_by"].items())
    yield "judged", f"{s['judged']:,} of {_count(s['items'], thing)}" + (f"; verdicts read: {read}" if read else "")
    unread = f"{s['unreadable_items']:,}, {share(s['unreadable'])} of those asked" if s["unreadable"]["n"] else "0"
    yield "unreadable", unread + (f"; the first: {s['first_unreadable']}" if s["first_unreadable"] else "")
    rest = [f"{s['failed']:,} failed"] if s["failed"] else []
    rest += [f"{n:,} not asked: {why}" for why, n in s["unasked"].items()]
    rest += [f"{s['identical']:,} with two answers that are the same: ties, not asked"] if s["identical"] else []
    rest += [f"{s['one_sided']:,} with one answer only"] if s["one_sided"] else []
    if rest:
        yield "left out" if not s["identical"] else "besides", "; ".join(rest)


def _singles(s: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for side in s["sides"]:
        for i, (name, mean) in enumerate(side["means"].items()):
            label = "mean" if name == s["prompt"] else name.partition("/")[2]
            yield label, f"{number(mean)}" + (f"  {side['model']}" if i == 0 else "")
        yield "length", f"Spearman of score and length {number(side['length_correlation'])}"
    for name, d in s["differences"].items():
        label = "change" if name == s["prompt"] else name.partition("/")[2]
        yield label, f"{number(d['difference'])}, p {d['p_value']:.3g}: {d['verdict']} ({d['test']})"


def _pairs(s: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    first, second = (side["model"] for side in s["answers"])
    yield "win rate", f"{share(s['win_rate'])} for {second} against {first}"
    turned = f", {s['turned']:,} of them since the verdict changed with the order" if s["turned"] else ""
    yield "", f"{s['won']:,} won, {s['lost']:,} lost, {_count(s['ties'], 'tie')}{turned}"
    if s["mean_probability"] is not None:
        yield "", f"mean probability of being better {share(s['mean_probability'])}"
    place = s["position"]
    if s["one_order"]:
        yield "order", "each pair was shown in one drawn order, so nothing is known of the judge's leaning to a place"
    else:
        yield "order", f"same verdict in both orders {share(place['consistency'])}"
        p = f", p {place['p_value']:.3g}" if place["first_place"]["n"] else ""
        yield "", f"the answer shown first is taken {share(place['first_place'])}{p}"
    long = s["length"]
    yield "length", f"the longer answer wins {share(long['longer_wins'])}"
    yield "", f"Spearman of verdict and length difference {number(long['correlation'])}"
    yield "", f"win rate at equal length (logistic) {share(long['at_equal_length'])}"


def _people(s: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    people = s["people"]
    if people is None:
        return
    names = ", ".join(people["people"])
    if not people["marked"]:
        yield "people", f"no mark in {people['file']} is on these answers"
        return
    if s["mode"] != "pairs":
        c = people["correlations"]
        yield "people", f"{_count(people['n'], 'answer')} marked by {names}; {people['unscored']:,} without a verdict"
        for name in ("pearson", "spearman", "kendall"):
            yield "", f"{name.capitalize()} {number(c[name], 3)}"
        return
    unread = people["accuracy"]["unscored"]
    yield "people", f"{_count(people['marked'], 'pair')} marked by {names}; {unread:,} without a verdict"
    kappa = "not known" if people["kappa"] is None else f"{people['kappa']:.2f}"
    yield "", f"same verdict as people {share(people['accuracy'])}, Cohen's kappa {kappa}"
    each = people["each_order"]
    if each is not None:
        yield (
            "",
            (
                f"each order by itself: {percent(each['first'])} and {percent(each['second'])} right, "
                f"together {share(each['average'])}; a coin has 50%"
            ),
        )
    yield "", f"people let the longer answer win {share(people['longer_wins'])}"
