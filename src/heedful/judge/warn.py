"""What a reader of a judge's figures must be told, as sentences: unreadable, order, length, no better than a coin.

A leaning is told where the interval leaves out what a judge without it would show. Length alone proves nothing:
longer answers may be better. With people's marks the judge's taste for length is measured against theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from heedful.stats import Interval

UNREADABLE_MOST = 0.1
CONSISTENT_LEAST = 0.75


def warnings_of(summary: Mapping[str, Any]) -> list[str]:
    """The warnings of a summary whose intervals are `Interval`s still."""
    return [*_reading(summary), *(_pairs(summary) if summary["mode"] == "pairs" else _scores(summary))]


def percent(share: float) -> str:
    """A share in percent, with a decimal where whole ones would say 0 or 100 of what is neither."""
    text = f"{share * 100:.0f}"
    return f"{share * 100:.1f}%" if text in ("0", "100") and share not in (0, 1) else f"{text}%"


def _leaves_out(i: Interval, value: float) -> bool:
    return i.low > value or i.high < value


def _reading(summary: Mapping[str, Any]) -> Iterator[str]:
    unread: Interval = summary["unreadable"]
    if unread.n and unread.estimate > UNREADABLE_MOST:
        yield (
            f"{percent(unread.estimate)} of the verdicts could not be read, and the others may not be like them; "
            "another prompt or judge is needed"
        )
    if summary["failed"]:
        yield (
            f"{summary['failed']:,} requests to the judge failed (the first: {summary['first_failure']}); "
            "--resume asks them again"
        )
    if not summary["fenced"]:
        yield "the prompt puts answers in bare: an answer can pose as part of the prompt"
    if any(side["model"] == summary["judge"] for side in summary["answers"]):
        yield "the judge judged answers of its own, and judges like their own better; let another model judge"
    named = summary.get("annotator_model")
    if named is not None and named not in summary["judge"]:
        yield (
            f"the annotator is published for {named}, and {summary['judge']} judged: the win rate is not comparable "
            "with published ones"
        )


def _pairs(summary: Mapping[str, Any]) -> Iterator[str]:
    place, long, people = summary["position"], summary["length"], summary["people"]
    if place.first_place.n and _leaves_out(place.first_place, 0.5) and place.p_value < 0.05:
        which = "first" if place.for_first > place.for_second else "second"
        yield (
            f"the judge leans to the answer shown {which}: in {max(place.for_first, place.for_second):,} pairs it took "
            f"the {which} in both orders, in {min(place.for_first, place.for_second):,} the other; those are ties here"
        )
    if place.consistency.n and place.consistency.estimate < CONSISTENT_LEAST:
        yield (
            f"the judge keeps to its verdict in only {percent(place.consistency.estimate)} of the pairs when their "
            "order is turned"
        )
    if people is not None and people["longer_beyond_people"] is not None:
        extra: Interval = people["longer_beyond_people"]
        if _leaves_out(extra, 0) and people["longer_beyond_people_p"] < 0.05:
            which = "longer" if extra.estimate > 0 else "shorter"
            yield (
                f"the judge leans to the {which} answer: it lets the longer one win "
                f"{percent(abs(extra.estimate))} {'more' if extra.estimate > 0 else 'less'} often than people do"
            )
    elif long.longer_wins.n and _leaves_out(long.longer_wins, 0.5) and _leaves_out(long.correlation, 0):
        share = long.longer_wins.estimate
        yield (
            f"the verdicts follow length: the {'longer' if share > 0.5 else 'shorter'} answer wins "
            f"{percent(max(share, 1 - share))}; that may be the judge's taste or the answers' merit, and --human tells"
        )
    order = people["each_order"] if people is not None else None
    if order is not None:
        average = order["average"]
        if average["low"] is not None and average["low"] <= 0.5:
            yield (
                f"against people the judge is no better than a coin: right in {percent(average['estimate'])} "
                f"({percent(average['low'])} to {percent(average['high'])})"
            )


def _scores(summary: Mapping[str, Any]) -> Iterator[str]:
    for side in summary["sides"]:
        if side["distinct"] == 1 and summary["judged"] > 1:
            yield f"the judge gave every answer of {side['model']} the same score"
        follows: Interval = side["length_correlation"]
        if follows.n and _leaves_out(follows, 0):
            yield (
                f"scores of {side['model']} go with the {'length' if follows.estimate > 0 else 'shortness'} of the "
                f"answer (Spearman {follows.estimate:.2f}, {follows.low:.2f} to {follows.high:.2f}); that may be the "
                "judge's taste or the answers' merit"
            )
    people = summary["people"]
    if people is not None and people["n"]:
        rank = people["correlations"]["spearman"]
        if rank["low"] is None or rank["low"] <= 0:
            shown = "cannot be had" if rank["estimate"] is None else f"is {rank['estimate']:.2f}"
            yield f"nothing shows that the judge's scores go with people's: Spearman's correlation {shown}"
