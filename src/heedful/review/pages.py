"""The two pages, as HTML: the one to mark on, which its script fills, and the one with the result."""

from __future__ import annotations

import math

from heedful.report import numbers
from heedful.report.text import visible
from heedful.review.items import TAGS, Mode
from heedful.review.result import SPLIT, Result
from heedful.stats import Interval
from heedful.web.assets import template

VERDICT_KEYS = {
    "pair": (
        ("left", "A is better", "1"),
        ("right", "B is better", "2"),
        ("tie", "Tie", "3"),
        ("both_bad", "Both bad", "4"),
    ),
    "single": (("right", "Right", "1"), ("partly", "Partly", "2"), ("wrong", "Wrong", "3")),
}
TAG_KEYS = dict(zip(TAGS, "FIOLDGR", strict=True))  # letters that no other key of the page has


def review_page(mode: Mode, *, head: str = "", offline: bool = False) -> str:
    """The page to mark on. `head` is its style and scripts where those are not files of a server."""
    return template("heedful.review", "page.html.j2").render(
        mode=mode,
        verdicts=VERDICT_KEYS[mode],
        tags=[(name, label, TAG_KEYS[name]) for name, label in TAGS.items()] if mode == "single" else [],
        head=head,
        offline=offline,
    )


def result_page(mode: Mode, reviewer: str, left: int, found: Result | None) -> str:
    """The result; before the reviewer chose to see it (`found` is None) only the choice."""
    return template("heedful.review", "result.html.j2").render(
        mode=mode,
        reviewer=reviewer,
        to_mark=left,
        result=found,
        sentence=sentence(found) if found else "",
        kind=(found.verdict or "none") if found else "none",
        labels=labels(found) if found else {},
        tag_labels=TAGS,
        share=share,
        kappa=kappa,
        count=numbers.count_text,
        seconds=numbers.seconds_text,
    )


def labels(found: Result) -> dict[str, str]:
    """What each verdict is called once it is known who wrote what."""
    if found.mode == "single":
        return {"right": "right", "partly": "partly right", "wrong": "wrong", SPLIT: "reviewers split"}
    first, second = (visible(n) for n in found.names)
    return {
        "first": f"{first} better",
        "second": f"{second} better",
        "tie": "tie",
        "both_bad": "both bad",
        SPLIT: "reviewers split",
    }


def sentence(found: Result) -> str:
    """The result in one sentence, with no claim that the test does not bear."""
    if not found.marked:
        return "Nothing is marked yet."
    n = {k: count for k, (count, _) in found.shares.items()}
    if found.mode == "single":
        right = found.shares["right"][1]
        return (
            f"{numbers.count_text(n['right'])} of {numbers.count_text(found.marked)} answers are right "
            f"({numbers.value_text(right.estimate, 'share')}, {numbers.interval_text(right, 'share')})."
        )
    first, second = (visible(name) for name in found.names)
    word = {"better": "Better", "worse": "Worse"}.get(found.verdict or "", "Nobody can tell")
    return (
        f"{word}: {second} won {numbers.count_text(n['second'])} and lost {numbers.count_text(n['first'])} of "
        f"{numbers.count_text(found.marked)} questions against {first} ({numbers.p_phrase(found.p_value)})."
    )


def share(i: Interval | None) -> str:
    """A share with its interval.

    >>> share(Interval(0.5, 0.25, 0.75, 9))
    '50% (25% to 75%)'
    """
    if i is None or not i.n:
        return numbers.NOTHING
    return f"{numbers.value_text(i.estimate, 'share')} ({numbers.interval_text(i, 'share')})"


def kappa(value: float) -> str:
    """A coefficient of agreement with two decimals."""
    return numbers.NOTHING if math.isnan(value) else numbers.minus(f"{value:.2f}")
