"""TriviaQA: questions of quizzes, answered from memory or from documents.

Source: Joshi et al. 2017, https://arxiv.org/abs/1705.03551; https://github.com/mandarjoshi90/triviaqa. Its files
are one object; the answer has every name that counts, as it is written and normalised:

    {"Domain": "Web", "VerifiedEval": false, "Version": 1.0, "Data": [{"QuestionId": "tc_1", "Question": "Who ...?",
        "Answer": {"Value": "Ann Lee", "Aliases": ["Ann Lee", "A. Lee"], "NormalizedAliases": ["ann lee", "a lee"]},
        "EntityPages": [{"Filename": "Ann_Lee.txt"}], "SearchResults": []}]}

``triviaqa`` asks closed book: the questions of both domains, each once, no document. ``triviaqa:wikipedia`` and
``triviaqa:web`` show the first 800 words of the documents before the question; on the web each document asks anew, as
the owner's script has it, and the standard error knows that they share a question.

Profiles: ``official`` compares as the owner's script does (exact match and F1 with the nearest name), the prompt is
ours; ``lm-eval`` is the task triviaqa of lm-evaluation-harness 0.4: its prompt (a question mark is put after the
question, whether or not it has one), an answer that ends at a line break, a full stop or a comma, and exact match with
any alias but for capitals and punctuation.

No examples are shown unless --shots asks for them, as lm-evaluation-harness has it; papers on base models often show 5.
"""

from __future__ import annotations

import json
import random
import string
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from heedful.errors import RequestError, did_you_mean
from heedful.scorers.triviaqa import exact_and_f1
from heedful.tasks.base import Generation, Item, Mark, Outcome, Plan, Prompt, Sample, Task
from heedful.tasks.pieces import between, spans
from heedful.tasks.places import Places
from heedful.tasks.shots import examples, shots_of
from heedful.tasks.submissions import answered
from heedful.tasks.triviaqa_rows import DOMAINS, SOURCE, Question, closed_book, evidence, with_documents

DESCRIPTION = "Answer each question with a name, a number or a few words.\n\n"


def items(places: Places, plan: Plan, official: bool) -> list[Item]:
    """The questions, closed book or with their documents."""
    if plan.subset and plan.subset not in DOMAINS:
        raise RequestError(
            f"triviaqa:{plan.subset}{did_you_mean(plan.subset, DOMAINS)}: choose {' or '.join(DOMAINS)} to read in "
            "documents, or nothing for closed book"
        )
    reading = bool(plan.subset)
    read = partial(with_documents, places, plan.subset) if reading else partial(closed_book, places)
    questions = read("dev")[: plan.limit]
    shots = shots_of(plan, 0)
    pool = read("train") if shots else []
    drawn = random.Random(plan.seed)
    made = []
    for question in questions:
        chosen = examples(pool, shots, drawn, lambda other, own=question: other.text == own.text)
        asked = tuple((_ask(places, q, reading, official), _answer(q, official)) for q in chosen)
        prompt = Prompt(_ask(places, question, reading, official), asked, DESCRIPTION if official else "")
        gold = question.golds if official else question.aliases
        group = question.id.partition("--")[0] if plan.subset == "web" else None
        text = question.text.strip() if official else question.text
        read_in = between(prompt.question, "Passage: ", f"\nQuestion: {text}") if reading else ()
        asked_in = spans(prompt.question[read_in[0][1] :] if read_in else prompt.question, ("Question: ", text))
        shift = read_in[0][1] if read_in else 0
        inputs = (*read_in, *((a + shift, b + shift) for a, b in asked_in))
        made.append(Item(question.id, prompt, gold=gold, group=group, inputs=inputs))
    return made


def _ask(places: Places, question: Question, reading: bool, official: bool) -> str:
    passage = f"Passage: {evidence(places, question)}\n" if reading else ""
    text = question.text.strip() if official else f"{question.text}?"
    return f"{passage}Question: {text}\nAnswer:"


def _answer(question: Question, official: bool) -> str:
    return f" {question.value if official else question.aliases[0]}"


def mark(outcome: Outcome) -> Mark:
    """The owner's exact match and F1 of the first line."""
    if outcome.error or not outcome.texts:
        return Mark(None, {"exact_match": None, "f1": None})
    answer = outcome.texts[0].strip().split("\n", 1)[0].strip()
    exact, f1 = exact_and_f1(answer, outcome.item.gold)
    return Mark(answer, {"exact_match": float(exact), "f1": float(f1)})


def mark_lm_eval(outcome: Outcome) -> Mark:
    """lm-evaluation-harness's exact match: capitals and ASCII's punctuation do not count, any alias will do."""
    if outcome.error or not outcome.texts:
        return Mark(None, {"exact_match": None})
    answer = outcome.texts[0].strip()
    return Mark(answer, {"exact_match": float(_bare(answer) in map(_bare, outcome.item.gold))})


def _bare(text: str) -> str:
    return text.lower().translate(_NO_MARKS)


_NO_MARKS = str.maketrans("", "", string.punctuation)


def predictions(samples: Sequence[Sample]) -> dict[str, str]:
    """The file that the owner's script takes."""
    answered(samples, "triviaqa")
    found = {s.item.id: s.mark.answer for s in samples}
    return {"predictions.json": json.dumps(found, ensure_ascii=False, indent=0) + "\n"}


def _file(domain: str, split: str) -> str:
    rows = [
        {
            "QuestionId": f"{split}_{number}",
            "Question": text,
            "Answer": {"Value": names[0], "Aliases": names, "NormalizedAliases": [n.lower() for n in names]},
            "EntityPages": [{"Filename": f"{names[0].replace(' ', '_')}.txt"}],
            "SearchResults": [],
        }
        for number, (text, names) in enumerate(
            [(f"Who wrote the {split} book?", ["Ann Lee", "Lee"]), ("Which city is Norway's capital?", ["Oslo"])]
        )
    ]
    return json.dumps({"Domain": domain, "VerifiedEval": False, "Version": 1.0, "Data": rows})


_SAMPLE = {
    **{f"qa/{d.lower()}-{s}.json": _file(d, s) for d in ("Wikipedia", "Web") for s in ("dev", "train")},
    "evidence/wikipedia/Ann_Lee.txt": "Ann Lee wrote the book in May.\n",
    "evidence/wikipedia/Oslo.txt": "Oslo is Norway's capital.\n",
}
_LINE = Generation(stop=("\n",), max_new_tokens=32)


def _task(profile: str) -> Task:
    official = profile == "official"
    return Task(
        name="triviaqa",
        profile=profile,
        summary="quiz questions, from memory or with documents",
        source=SOURCE,
        shots=0,
        items=partial(items, official=official),
        mark=mark if official else mark_lm_eval,
        generation=_LINE if official else replace(_LINE, stop=("\n", ".", ","), max_new_tokens=256),
        subsets=DOMAINS,
        sample_rows=_SAMPLE,
        submission=predictions if official else None,
    )


TASKS = (_task("official"), _task("lm-eval"))
