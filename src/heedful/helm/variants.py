"""Perturbed copies of items: what comes from the row is changed, and all that the task puts around it stays.

    Item, a perturbation, a seed  ->  a copy, or None where it comes out as the item was

A copy is an item like any other, ``ITEM~NAME``. Perturbations that change who is spoken of change the answers that the
question shows, choices that are texts of the row, and expected answers that stand in the row, all alike. The unchanged
expected answer stays right beside the changed one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from heedful.helm.perturbations import PERTURBATIONS, perturbed_all
from heedful.tasks import Item
from heedful.tasks.pieces import Span


@dataclass(frozen=True)
class Copy:
    """A perturbed copy: of which item, by which perturbation."""

    of: str
    perturbation: str
    item: Item


def copies_of(item: Item, names: Sequence[str], seed: int) -> list[Copy]:
    """The copies of an item that differ from it."""
    made = ((name, perturbed_item(item, name, seed)) for name in names)
    return [Copy(item.id, name, copy) for name, copy in made if copy is not None]


def perturbed_item(item: Item, name: str, seed: int) -> Item | None:
    """The copy, or None where there is nothing to change or nothing was changed."""
    if not item.inputs:
        return None
    question = item.prompt.question
    answers_too = PERTURBATIONS[name].references_too
    places = (*item.inputs, *item.options) if answers_too else item.inputs
    choices = item.choices if answers_too and item.row_choices else ()
    golds = _golds_in_the_row(item) if answers_too else ()
    told = [*(c.strip() for c in choices), *golds]
    texts = [question[start:end] for start, end in places]
    changed = perturbed_all([*told, *texts], name, seed, item.id)  # answers first, as crfm-helm does
    answers, texts = changed[: len(told)], changed[len(told) :]
    asked = _replaced(question, places, texts)
    renamed = [_like(c, a) for c, a in zip(choices, answers, strict=False)]
    if asked == question and (not choices or tuple(renamed) == choices):
        return None
    return replace(
        item,
        id=f"{item.id}~{name}",
        prompt=replace(item.prompt, question=asked),
        choices=tuple(renamed) if choices else item.choices,
        gold=type(item.gold)((*item.gold, *answers[len(choices) :])) if golds else item.gold,
        inputs=(),
        options=(),
    )


def _golds_in_the_row(item: Item) -> tuple[str, ...]:
    """The expected answers, as texts, that stand in the row's own text: to be found there they change with it."""
    if item.choices or type(item.gold) not in (tuple, list) or not all(isinstance(g, str) for g in item.gold):
        return ()
    question = item.prompt.question
    row = "\n".join(question[start:end] for start, end in item.inputs)
    return tuple(g for g in item.gold if g.strip() and g in row)


def _replaced(question: str, places: Sequence[Span], texts: Sequence[str]) -> str:
    out, at = [], 0
    for (start, end), text in zip(places, texts, strict=True):
        out += [question[at:start], text]
        at = end
    return "".join([*out, question[at:]])


def _like(choice: str, text: str) -> str:
    """A changed choice with the white space around it that the choice had."""
    head = choice[: len(choice) - len(choice.lstrip())]
    return f"{head}{text}{choice[len(head) + len(choice.strip()) :]}"
