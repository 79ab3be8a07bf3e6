"""MMLU: 57 subjects, four choices, 14,042 test questions.

Source: Hendrycks et al. 2021, https://arxiv.org/abs/2009.03300; https://github.com/hendrycks/test. The owner's files
are CSV without a header, data/test/SUBJECT_test.csv and, for the five examples, data/dev/SUBJECT_dev.csv:

    What is the capital of France?,Rome,Paris,Madrid,Lisbon,B

Profiles: ``hendrycks`` asks as the owner's evaluate.py does (two spaces before the subject, as that code has it);
``lm-eval`` as the task group mmlu of lm-evaluation-harness 0.4 does. Both take the likeliest of " A" to " D".
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from heedful.errors import DataError, RequestError, did_you_mean
from heedful.tasks.base import Item, Mark, Outcome, Plan, Prompt, Sample, Source, Task
from heedful.tasks.figures import Figure, by_subset, macro_figure, mean_figure
from heedful.tasks.mmlu_subjects import GROUPS, SUBJECTS
from heedful.tasks.pieces import spans
from heedful.tasks.places import Places

LETTERS = "ABCD"
Row = tuple[str, tuple[str, ...], int]  # the question, four choices, the number of the right one
SOURCE = Source(
    paper="https://arxiv.org/abs/2009.03300",
    hub="cais/mmlu",
    revision="c30699e8356da336a370243923dbaf21066bb9fe",
    split="test",
    shots_split="dev",
    files="the owner's test/SUBJECT_test.csv and dev/SUBJECT_dev.csv",
    licence="MIT",
)


def items(places: Places, plan: Plan, strip: bool, gap: str) -> list[Item]:
    """The questions of the subjects that were asked for, or of all that are at hand."""
    shots = 5 if plan.shots is None else plan.shots
    made = []
    for subject in _subjects(places, plan.subset):
        rows = _rows(places, subject, SOURCE.split)[: plan.limit]
        examples = _rows(places, subject, "dev") if shots else []
        if shots > len(examples):
            raise RequestError(f"mmlu:{subject} has {len(examples)} examples; choose --shots {len(examples)} or fewer")
        about = f"The following are multiple choice questions (with answers) about{gap}{subject.replace('_', ' ')}.\n\n"
        asked = tuple((_question(row, strip), f" {LETTERS[row[2]]}") for row in examples[:shots])
        for number, row in enumerate(rows):
            question = _question(row, strip)
            letters = tuple(f" {c}" for c in LETTERS)
            listed = [(f"\n{c}. ", text) for c, text in zip(LETTERS, row[1], strict=True)]
            places_of = spans(question, ("", row[0].strip() if strip else row[0]), *listed)
            item = Item(f"{subject}/{number}", Prompt(question, asked, about), letters, LETTERS[row[2]], subject)
            made.append(replace(item, inputs=places_of[:1], options=places_of[1:]))
    return made


def _question(row: Row, strip: bool) -> str:
    question = row[0].strip() if strip else row[0]
    return question + "".join(f"\n{c}. {text}" for c, text in zip(LETTERS, row[1], strict=True)) + "\nAnswer:"


def mark(outcome: Outcome) -> Mark:
    """Right where the likeliest letter is the right one."""
    if outcome.error or not outcome.log_likelihoods:
        return Mark(None, {"accuracy": None})
    values = outcome.log_likelihoods
    letter = LETTERS[values.index(max(values))]
    return Mark(letter, {"accuracy": float(letter == outcome.item.gold)})


def figures(samples: Sequence[Sample]) -> list[Figure]:
    """Accuracy over all questions (the owner's 'Average accuracy'), over subjects, and of each subject and group."""
    parts = {subject: mean_figure(of, "accuracy", part=subject) for subject, of in by_subset(samples).items()}
    groups = [
        mean_figure(of, "accuracy", part=group)
        for group, subjects in GROUPS.items()
        if len(of := [s for s in samples if s.item.subset in subjects]) and len(parts) > 1
    ]
    whole = replace(mean_figure(samples, "accuracy"), main=True)
    if len(parts) < 2:
        return [whole]
    return [whole, macro_figure(list(parts.values()), "accuracy_macro"), *groups, *parts.values()]


def _subjects(places: Places, subset: str) -> Iterable[str]:
    if subset in GROUPS:
        return GROUPS[subset]
    if subset and subset not in SUBJECTS:
        known = [*SUBJECTS, *GROUPS]
        raise RequestError(f"mmlu:{subset}{did_you_mean(subset, known)}: choose a subject or {', '.join(GROUPS)}")
    if subset:
        return (subset,)
    if places.folder is None:
        return SUBJECTS
    found = [s for s in SUBJECTS if places.find(*_names(s, SOURCE.split))]
    if not found:
        places.need(SOURCE, *_names("SUBJECT", SOURCE.split))
    return found


def _names(subject: str, split: str) -> tuple[str, str]:
    return f"{split}/{subject}_{split}.csv", f"data/{split}/{subject}_{split}.csv"


def _rows(places: Places, subject: str, split: str) -> list[Row]:
    if places.folder is None:
        return [
            (row["question"], tuple(row["choices"]), int(row["answer"]))
            for row, _ in places.hub_rows(SOURCE, subject, split)
        ]
    return read_csv(places.need(SOURCE, *_names(subject, split)))


def read_csv(path: Path) -> list[Row]:
    """The rows of one of the owner's files; DataError with the line for one that is not of six cells."""
    rows: list[Row] = []
    with path.open(encoding="utf-8", newline="") as f:
        reader = csv.reader(f)
        for cells in reader:
            if len(cells) != 6 or cells[5].strip() not in tuple(LETTERS):
                raise DataError(
                    f"{path}:{reader.line_num}: not a row of question, four choices and a letter from A to D; "
                    "use the owner's file"
                )
            rows.append((cells[0], tuple(cells[1:5]), LETTERS.index(cells[5].strip())))
    return rows


_SAMPLE = {
    "test/astronomy_test.csv": "Which planet is nearest to the Sun?,Venus,Mercury,Earth,Mars,B\n"
    '"Is it ""cold"", there?",Yes,No,Seldom,Never,A\n',
    "dev/astronomy_dev.csv": "".join(f"Question {n}?,1,2,3,4,{'ABCDA'[n]}\n" for n in range(5)),
}


def _task(profile: str, strip: bool, gap: str) -> Task:
    return Task(
        name="mmlu",
        profile=profile,
        summary="57 subjects, four choices each",
        source=SOURCE,
        shots=5,
        items=partial(items, strip=strip, gap=gap),
        mark=mark,
        figures=figures,
        subsets=(*SUBJECTS, *GROUPS),
        sample_rows=_SAMPLE,
    )


TASKS = (_task("hendrycks", strip=False, gap="  "), _task("lm-eval", strip=True, gap=" "))
