"""Which examples are on both sides, and which metrics: nothing in common is an error that shows both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from heedful.compare.data import Options, Side
from heedful.compare.ratings import DESCRIPTIVE_TEXT, MAIN_TEXT, SHOWN_TEXT, is_text_metric
from heedful.errors import DataError, RequestError, did_you_mean


@dataclass(frozen=True)
class Joined:
    """The examples of both sides in B's order, and how many are on one side alone or ask something else there."""

    ids: tuple[str, ...]
    only_a: int
    only_b: int
    other: int


def join(a: Side, b: Side) -> Joined:
    """Join on example ids. DataError where nothing is left."""
    in_a, in_b = a.ids, b.ids
    common = [i for i in in_b if i in in_a]
    if not common:
        raise DataError(
            f"{a.name} and {b.name} have no example in common: {_shown(in_a)} in {a.name}, {_shown(in_b)} in {b.name}; "
            "compare answers to the same questions"
        )
    same = [i for i in common if _same_question(a, b, i)]
    if not same:
        raise DataError(
            f"{a.name} and {b.name} share {len(common):,} ids, but no question is the same under its id on both sides "
            f"('{common[0]}' is one); compare answers to the same questions"
        )
    return Joined(tuple(same), len(in_a) - len(common), len(in_b) - len(common), len(common) - len(same))


def _same_question(a: Side, b: Side, example_id: str) -> bool:
    before, after = a.question(example_id), b.question(example_id)
    return before is None or after is None or before.strip() == after.strip()


def _shown(ids: Iterable[str]) -> str:
    """How many ids there are and what they look like."""
    every = list(ids)
    first = ", ".join(f"'{i if len(i) <= 24 else i[:23] + '…'}'" for i in every[:3])
    return f"{len(every):,} like {first}" if len(every) > 1 else f"one, {first}"


def choose_metrics(a: Side, b: Side, options: Options) -> tuple[str, ...]:
    """The metrics to compare, in the order in which they are shown. RequestError where there are none.

    Those that the user named; else all that both sides have, except lengths and repetition beside the mean length.
    """
    common = [m for m in b.values if m in a.values]
    if not common:
        raise DataError(
            f"no metric is on both sides: {_listed(a.values)} in {a.name}, {_listed(b.values)} in {b.name}; "
            "score both in the same way"
        )
    for name in options.lower_is_better:
        _named(name, common, "--lower-is-better")
    if options.metrics:
        return tuple(dict.fromkeys(m for name in options.metrics for m in _named(name, common, "--metric")))
    shown = [m for m in SHOWN_TEXT if m in common]
    return tuple([m for m in common if not is_text_metric(m)] + shown)


def _named(name: str, common: Sequence[str], option: str) -> list[str]:
    """The metrics that a name stands for: itself, or the scorer by whatever raters."""
    found = [m for m in common if m == name] or [m for m in common if m.partition("@")[0] == name]
    if not found:
        near = did_you_mean(name, common)
        raise RequestError(f"{option} '{name}'{near}: choose {_listed(common)}")
    return found


def lower_is_better(metrics: Iterable[str], options: Options) -> tuple[str, ...]:
    """The metrics of which the user said that less is better."""
    return tuple(m for m in metrics if {m, m.partition("@")[0]} & set(options.lower_is_better))


def role_of(metric: str, options: Options) -> str:
    """Named metrics are all main; else those on texts have the report's roles and every other one is main."""
    if options.metrics or not is_text_metric(metric) or metric in MAIN_TEXT:
        return "main"
    return "descriptive" if metric in DESCRIPTIVE_TEXT else "supporting"


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:12]) + (f" and {len(every) - 12} more" if len(every) > 12 else "")
