"""SQuAD 1.1 and 2.0: questions about paragraphs of Wikipedia, answered in words of the paragraph.

Source: Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250, and 2018, https://arxiv.org/abs/1806.03822. The owner's
files, dev-v1.1.json and dev-v2.0.json, are one object; in 2.0 the answers of a question without one are ``[]``:

    {"version": "1.1", "data": [{"title": "Oslo", "paragraphs": [{"context": "Oslo is ...", "qas": [
        {"id": "q1", "question": "What is Oslo?", "answers": [{"text": "a city", "answer_start": 8}]}]}]}]}

The owner has metrics and no prompts. Profile ``official``: the prompt below, the first line that is written counts,
and where it is "unanswerable" (2.0) it stands for no answer; the owner's exact match and F1. ``squad2@lm-eval`` is the
task squadv2 of lm-evaluation-harness 0.4, which asks twice: for an answer, and how likely " unanswerable" is, on which
best_exact and best_f1 have a threshold. Written, "unanswerable" is an answer like any other there, so it is wrong
where there is none. Its task squad_completion is of another data set (hazyresearch/based-squad) and not here.

No examples are shown unless --shots asks for them: with a passage each, five are some thousand tokens a question.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from heedful.errors import DataError
from heedful.records import hash_of
from heedful.scorers.answers import exact_and_f1, normalised
from heedful.scorers.owners_files import one_each, shown
from heedful.scorers.squad import Question, exact_and_f1_or_none, read_questions
from heedful.tasks.base import Generation, Item, Mark, Outcome, Plan, Prompt, Sample, Source, Task
from heedful.tasks.figures import Figure, mean_figure
from heedful.tasks.pieces import Span, spans
from heedful.tasks.places import Places
from heedful.tasks.shots import examples, shots_of, train_file
from heedful.tasks.squad_threshold import NO_ANSWER, NO_ANSWER_SCORE, best_figures
from heedful.tasks.submissions import answered


@dataclass(frozen=True)
class Version:
    """What is of one of the two versions: its number, where it is, what is said before the questions."""

    name: str
    number: str
    source: Source
    description: str


def _source(number: str, paper: str, hub: str, revision: str) -> Source:
    return Source(
        paper=paper,
        hub=hub,
        revision=revision,
        split="validation",
        shots_split="train",
        files=f"the owner's dev-v{number}.json, and train-v{number}.json for examples",
        licence="CC BY-SA 4.0",
    )


V1 = Version(
    "squad",
    "1.1",
    _source("1.1", "https://arxiv.org/abs/1606.05250", "rajpurkar/squad", "7b6d24c440a36b6815f21b70d25016731768db1f"),
    "Answer each question with a few words taken from its passage.\n\n",
)
V2 = Version(
    "squad2",
    "2.0",
    _source(
        "2.0", "https://arxiv.org/abs/1806.03822", "rajpurkar/squad_v2", "3ffb306f725f7d2ce8394bc1873b24868140c412"
    ),
    'Answer each question with a few words taken from its passage, or with "unanswerable" where the passage does not '
    "tell.\n\n",
)


def items(
    places: Places,
    plan: Plan,
    version: Version,
    ask: Callable[[Question], str],
    answer: Callable[[Question], str],
    description: str,
    threshold: bool = False,
) -> list[Item]:
    """The questions of the validation file, those on one passage in one group. With a `threshold` each is asked a
    second time, for how likely it is that it has no answer."""
    questions = _read(places, version, "dev")[: plan.limit]
    shots = shots_of(plan, 0)
    pool = _read(places, version, "train") if shots else []
    drawn = random.Random(plan.seed)
    made = []
    for question in questions:
        chosen = examples(pool, shots, drawn, lambda other, own=question: _same(other, own))
        prompt = Prompt(ask(question), tuple((ask(s), answer(s)) for s in chosen), description)
        group = hash_of(question.passage, 12)
        fields = {"answerable": bool(question.golds)} if version is V2 else {}
        item = Item(question.id, prompt, gold=tuple(question.golds), group=group, fields=fields)
        made.append(replace(item, inputs=_spans(prompt.question, question)))
        if threshold:
            fields = fields | {
                "kind": "targets"
            }  # as in BIG-bench: how likely a text is, which is no score from 0 to 1
            made.append(replace(item, id=f"{item.id}/{NO_ANSWER}", choices=(f" {NO_ANSWER}",), fields=fields))
    return made


def _same(one: Question, other: Question) -> bool:
    return one.id == other.id or (one.text, one.passage) == (other.text, other.passage)


def _read(places: Places, version: Version, split: str) -> list[Question]:
    if places.folder is None:
        questions = _from_hub(places, version, {"dev": "validation"}.get(split, split))
    else:
        name = f"{split}-v{version.number}.json"
        wanted = (name, f"squad/{name}")  # both versions' files lie in one folder, which may be its parent here
        path = train_file(places, version.name, wanted) if split == "train" else places.need(version.source, *wanted)
        questions = read_questions(path)[1]
    for question in questions:
        if not question.text or not question.passage:
            raise DataError(f'{question.where}: has no "question" or no "context"; use the owner\'s file')
        if not question.golds and version is V1:
            raise DataError(f"{question.where}: has no answer; such questions are SQuAD 2.0's: ask squad2")
    one_each(((q.where, q.id) for q in questions), places.used[-1] if places.used else version.source.hub)
    return questions


def _from_hub(places: Places, version: Version, split: str) -> list[Question]:
    questions = []
    for row, where in places.hub_rows(version.source, None, split):
        answers = row.get("answers")
        golds = answers.get("text") if isinstance(answers, dict) else None
        texts = [row.get(key) for key in ("id", "question", "context", "title")]
        if not isinstance(golds, list) or not all(isinstance(t, str) for t in [*golds, *texts]):
            raise DataError(f"{where}: {shown(row)} is no question of SQuAD; check the data set")
        questions.append(Question(where, row["id"], golds, row["question"], row["context"], row["title"]))
    return questions


def _ask(question: Question) -> str:
    return f"Passage: {question.passage}\nQuestion: {question.text.strip()}\nAnswer:"


def _spans(asked: str, question: Question) -> tuple[Span, ...]:
    """Where passage and question stand, as each profile asks."""
    ours = spans(asked, ("Passage: ", question.passage), ("\nQuestion: ", question.text.strip()))
    return ours or spans(asked, ("\n\nBackground: ", question.passage), ("\n\nQuestion: ", question.text))


def _answer(question: Question) -> str:
    return f" {question.golds[0] if question.golds else NO_ANSWER}"


def _lm_ask(question: Question) -> str:
    return f"Title: {question.title}\n\nBackground: {question.passage}\n\nQuestion: {question.text}\n\nAnswer:"


def _lm_answer(question: Question) -> str:
    return f" {_answer(question)}"


def mark(outcome: Outcome) -> Mark:
    """The owner's exact match and F1 of SQuAD 1.1."""
    if outcome.error or not outcome.texts:
        return Mark(None, {"exact_match": None, "f1": None})
    answer = _first_line(outcome.texts[0])
    exact, f1 = exact_and_f1(answer, outcome.item.gold)
    return Mark(answer, {"exact_match": float(exact), "f1": float(f1)})


def mark2(outcome: Outcome, read: Callable[[str], str]) -> Mark:
    """The owner's exact match and F1 of SQuAD 2.0; of an item that asks how likely no answer is, how likely it is."""
    if outcome.item.choices:
        return Mark(None, {NO_ANSWER_SCORE: None if outcome.error else outcome.log_likelihoods[0]})
    if outcome.error or not outcome.texts:
        return Mark(None, {"exact": None, "f1": None})
    answer = read(outcome.texts[0])
    exact, f1 = exact_and_f1_or_none(answer, list(outcome.item.gold))
    return Mark(answer, {"exact": float(exact), "f1": float(f1)})


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0].strip()


def _or_none(text: str) -> str:
    line = _first_line(text)
    return "" if normalised(line) == NO_ANSWER else line


def figures2(asked: Sequence[Sample]) -> list[Figure]:
    """The owner's six: of all questions, of those with an answer and of those without; two more with a threshold."""
    samples = _written(asked)
    found = [replace(mean_figure(samples, "exact")), replace(mean_figure(samples, "f1"), main=True)]
    for prefix, answerable in (("HasAns", True), ("NoAns", False)):
        if chosen := [s for s in samples if s.item.fields["answerable"] is answerable]:
            found += [replace(mean_figure(chosen, m), metric=f"{prefix}_{m}") for m in ("exact", "f1")]
    return found + (best_figures(asked) if len(samples) < len(asked) else [])


def _written(samples: Sequence[Sample]) -> list[Sample]:
    return [s for s in samples if not s.item.choices]


def figures1(samples: Sequence[Sample]) -> list[Figure]:
    """The owner's two."""
    return [mean_figure(samples, "exact_match"), mean_figure(samples, "f1", main=True)]


def predictions(samples: Sequence[Sample]) -> dict[str, str]:
    """The file that the owner's script takes."""
    written = _written(samples)
    answered(written, "squad")
    found = {s.item.id: s.mark.answer for s in written}
    return {"predictions.json": json.dumps(found, ensure_ascii=False, indent=0) + "\n"}


def _file(version: str, split: str) -> str:
    none = {"id": f"{split}3", "question": "Who founded Oslo?", "answers": [], "is_impossible": True}
    questions = [
        {"id": f"{split}1", "question": f"What is Oslo ({split})?", "answers": [{"text": "a city", "answer_start": 8}]},
        {"id": f"{split}2", "question": "Where is it?",
         "answers": [{"text": "in Norway", "answer_start": 15}, {"text": "Norway", "answer_start": 18}]},
    ]  # fmt: skip
    questions += [none] if version == "v2.0" else []
    paragraph = {"context": "Oslo is a city in Norway.", "qas": questions}
    return json.dumps({"version": version, "data": [{"title": "Oslo", "paragraphs": [paragraph]}]})


_LINE = Generation(stop=("\n",), max_new_tokens=64)


def _task(version: Version, profile: str) -> Task:
    ours, two = profile == "official", version is V2
    return Task(
        name=version.name,
        profile=profile,
        summary="questions about a passage, some without an answer" if two else "questions about a passage",
        source=version.source,
        shots=0,
        items=partial(
            items,
            version=version,
            ask=_ask if ours else _lm_ask,
            answer=_answer if ours else _lm_answer,
            description=version.description if ours else "",
            threshold=not ours,
        ),
        mark=partial(mark2, read=_or_none if ours else str) if two else mark,
        figures=figures2 if two else figures1,
        generation=_LINE if ours else replace(_LINE, max_new_tokens=256),
        sample_rows={
            f"{split}-v{version.number}.json": _file("v2.0" if two else "1.1", split) for split in ("dev", "train")
        },
        submission=predictions,
    )


TASKS = (_task(V1, "official"), _task(V2, "official"), _task(V2, "lm-eval"))
