"""Asking a judge about items, and keeping each verdict as it comes.

    Item -> one request (or two, one an order) -> Judgement -> Score

Two files grow side by side: the judgements (each request, with the judge's own words) and the Scores made of them.
Nothing that has a line is asked again, whenever the process was killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.backends.base import Answer, Backend
from heedful.errors import DataError
from heedful.judge.items import Item
from heedful.judge.judge import Judge
from heedful.judge.judgements import Judgement, Order, append_judgement, check_own, read_judgements
from heedful.judge.scores import judged_scores, unasked_scores
from heedful.records import Message, Score, from_json, hash_of, to_json
from heedful.store import append_jsonl, read_jsonl

IDENTICAL = "the two answers are the same"


@dataclass(frozen=True)
class Request:
    """One question to the judge about an item."""

    id: str
    item: Item
    order: Order
    messages: tuple[Message, ...]

    @property
    def characters(self) -> int:
        return sum(len(m.content) for m in self.messages)


def why_not_asked(judge: Judge, item: Item) -> str | None:
    """Why an item needs no judge or cannot be judged; None where it is asked about."""
    failed = next((a for a in item.answers if a.finish_reason == "error"), None)
    if failed is not None:
        return f"there is no answer, its request failed: {failed.error or 'unknown'}"
    if "reference" in judge.prompt.places and item.reference is None:
        return "there is no expected answer"
    if len(item.answers) == 2 and item.answers[0].text == item.answers[1].text:
        return IDENTICAL
    return None


def requests_for(judge: Judge, items: Sequence[Item]) -> list[Request]:
    """Every request that the items need, both orders of a pair one after the other."""
    return [r for item in items if why_not_asked(judge, item) is None for r in _requests(judge, item)]


def _requests(judge: Judge, item: Item) -> Iterator[Request]:
    for order in _orders(judge, item):
        shown = item.answers[::-1] if order == "ba" else item.answers
        texts = {"question": item.question, "reference": item.reference or ""}
        names = ("answer",) if order == "one" else ("answer_a", "answer_b")
        texts |= {name: answer.text for name, answer in zip(names, shown, strict=True)}
        if judge.rubric:
            texts["criteria"] = judge.rubric.text
        messages = judge.prompt.messages_for(texts, judge.settings.seed)
        identity = hash_of([judge.asked, list(item.ids), order, list(messages)])
        yield Request(identity, item, order, messages)


def _orders(judge: Judge, item: Item) -> tuple[Order, ...]:
    """Both orders of a pair, or the one that an annotator draws."""
    if len(item.answers) == 1:
        return ("one",)
    if not judge.prompt.one_order:
        return ("ab", "ba")
    return ("ba",) if judge.prompt.is_turned(item.question) else ("ab",)


@dataclass(frozen=True)
class Judged:
    """What came of an item: its judgements (none where nothing was asked, and why) and the Scores made of them."""

    item: Item
    judgements: tuple[Judgement, ...]
    scores: tuple[Score, ...]
    unasked: str | None = None


def judge_items(
    judge: Judge,
    items: Sequence[Item],
    load: Callable[[], Backend],
    scores_file: Path,
    judgements_file: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Judged]:
    """Ask what has no verdict in the files yet, adding to them as verdicts come; all items, in their order.

    The judge is loaded only where something is to be asked. DataError where a file belongs to other answers, another
    judge, prompt or settings.
    """
    requests = requests_for(judge, items)
    known = read_judgements(judgements_file, judge.asked)
    kept = _Scores(judge, items, scores_file)
    done = {r.id: known[r.id] for r in requests if r.id in known and known[r.id].error is None}
    of_item: dict[tuple[str, ...], list[Request]] = {}
    for r in requests:
        of_item.setdefault(r.item.ids, []).append(r)
    for item in items:  # what a kill left without a Score, and what needs no judge
        kept.keep(_judged(judge, item, of_item.get(item.ids, []), done))
    todo = [r for r in requests if r.id not in done]
    progress(len(done), len(requests))
    if todo:
        for request, judgement in _ask(judge, load(), todo):
            append_judgement(judgements_file, judgement)
            done[request.id] = judgement
            kept.keep(_judged(judge, request.item, of_item[request.item.ids], done))
            progress(len(done), len(requests))
    return [j for item in items if (j := _judged(judge, item, of_item.get(item.ids, []), done)) is not None]


def _judged(judge: Judge, item: Item, requests: Sequence[Request], done: dict[str, Judgement]) -> Judged | None:
    """An item with its Scores; None while a verdict is wanting."""
    unasked = why_not_asked(judge, item)
    if unasked is not None:
        return Judged(item, (), tuple(unasked_scores(judge, item, unasked, unasked == IDENTICAL)), unasked)
    if not all(r.id in done for r in requests):
        return None
    judgements = tuple(done[r.id] for r in requests)
    return Judged(item, judgements, tuple(judged_scores(judge, item, judgements)))


class _Scores:
    """The file of Scores: a Score that stands there is not written again, one that changed is added after it."""

    def __init__(self, judge: Judge, items: Sequence[Item], path: Path):
        check_own(path)
        self.path = path
        self.lines: dict[str, dict[str, Any]] = {}
        for number, value in enumerate(read_jsonl(path), 1):
            score = from_json(Score, value, f"{path}:{number}")
            if score.rater != judge.rater or score.metadata.get("prompt_hash") != judge.prompt.hash:
                raise DataError(f"{path}:{number}: is a score by another judge or prompt; choose another --out")
            self.lines[score.id] = to_json(score)

    def keep(self, judged: Judged | None) -> None:
        lines = [to_json(s) for s in judged.scores] if judged else []
        new = [line for line in lines if self.lines.get(line["id"]) != line]
        if new:
            append_jsonl(self.path, *new)
            self.lines |= {line["id"]: line for line in new}


def _ask(judge: Judge, backend: Backend, todo: Sequence[Request]) -> Iterator[tuple[Request, Judgement]]:
    for answer in backend.answer([r.messages for r in todo], judge.settings):
        request = todo[answer.index]
        yield request, judgement_of(judge, request, answer)


def judgement_of(judge: Judge, request: Request, answer: Answer) -> Judgement:
    """What a judge's answer says, with how it was read."""
    failed = answer.finish_reason == "error"
    reading = None if failed else judge.prompt.read(answer, judge.rubric, judge.from_text, request.item.question)
    return Judgement(
        id=request.id,
        example_id=request.item.example_id,
        responses=request.item.ids,
        order=request.order,
        asked=judge.asked,
        text=answer.text,
        value=reading.value if reading else None,
        by=reading.by if reading else None,
        why=reading.why if reading else f"the request failed: {answer.error or 'unknown'}",
        choice=reading.choice if reading else None,
        reason=reading.reason if reading else None,
        mass=reading.mass if reading else None,
        scores=dict(reading.scores) if reading else {},
        reasons=dict(reading.reasons) if reading else {},
        prompt_tokens=answer.prompt_tokens,
        tokens=answer.tokens,
        seconds=answer.seconds,
        error=(answer.error or "unknown") if failed else None,
    )
