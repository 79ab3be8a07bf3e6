"""SQuAD 1.1 and 2.0 as tasks: what is asked, what counts, figures beside `heedful score`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from heedful.errors import DataError, HeedfulError, RequestError
from heedful.scorers.official import score_files
from heedful.tasks import Outcome, Places, Plan, Sample, Task, find_task
from heedful.tasks.squad import TASKS

Write = Callable[..., Places]
Drawn = Callable[..., list[Sample]]
DATA = Path("/work/shared/data")
SQUAD, SQUAD2, LM_EVAL = TASKS


def test_what_is_asked(write: Write) -> None:
    places = write("squad2", SQUAD2.sample_rows)
    first, _, none = SQUAD2.items(places, Plan())
    assert first.prompt.text() == (
        'Answer each question with a few words taken from its passage, or with "unanswerable" where the passage does '
        "not tell.\n\nPassage: Oslo is a city in Norway.\nQuestion: What is Oslo (dev)?\nAnswer:"
    )
    assert (first.gold, none.gold) == (("a city",), ())
    assert first.group == none.group
    first, none, *_ = LM_EVAL.items(places, Plan())
    assert (none.id, none.choices, none.prompt) == ("dev1/unanswerable", (" unanswerable",), first.prompt)
    assert first.prompt.text() == (
        "Title: Oslo\n\nBackground: Oslo is a city in Norway.\n\nQuestion: What is Oslo (dev)?\n\nAnswer:"
    )
    assert {a for i in SQUAD2.items(places, Plan(shots=2)) for _, a in i.prompt.shots} >= {" unanswerable"}
    with pytest.raises(RequestError, match=r"squad: --shots needs training rows .*train-v1.1.json"):
        SQUAD.items(write("squad", {"dev-v1.1.json": SQUAD.sample_rows["dev-v1.1.json"]}), Plan(shots=1))


def test_what_counts(write: Write) -> None:
    places = write("squad2", SQUAD2.sample_rows)
    first, _, none = SQUAD2.items(places, Plan())
    lm_none = LM_EVAL.items(places, Plan())[4]

    def scores(task: Task, item: Any, text: str) -> Mapping[str, float | None]:
        return task.mark(Outcome(item, texts=(text,))).scores

    assert scores(SQUAD2, first, " A city!\nQuestion: and") == {"exact": 1.0, "f1": 1.0}
    assert scores(SQUAD2, first, "the big city") == {"exact": 0.0, "f1": pytest.approx(2 / 3)}
    assert scores(SQUAD2, none, " Unanswerable.") == {"exact": 1.0, "f1": 1.0}
    assert scores(LM_EVAL, lm_none, " unanswerable") == {"exact": 0.0, "f1": 0.0}
    assert scores(LM_EVAL, lm_none, " ") == {"exact": 1.0, "f1": 1.0}


def test_the_best_threshold_by_hand(write: Write) -> None:
    items = LM_EVAL.items(write("squad2", LM_EVAL.sample_rows), Plan())
    said = {"dev1": "a city", "dev2": "Sweden", "dev3": "Harald"}
    likely = {"dev1": -3.0, "dev2": -1.0, "dev3": -2.0}

    def samples(drop: str = "") -> list[Sample]:
        made = []
        for item in items:
            name = item.id.split("/")[0]
            given = {"log_likelihoods": (likely[name],)} if item.choices else {"texts": (said[name],)}
            outcome = Outcome(item, error="no answer") if item.id == drop else Outcome(item, **given)
            made.append(Sample(outcome, LM_EVAL.mark(outcome)))
        return made

    figures = {f.metric: f for f in LM_EVAL.figures(samples())}
    # None answered: 1 of 3 is right. dev1 alone: 2. Then dev3, which has no answer, would be lost.
    assert (figures["best_exact"].value, figures["exact"].value) == (2 / 3, 1 / 3)
    assert (figures["best_f1"].value, figures["best_f1"].n, figures["f1"].n) == (2 / 3, 3, 3)
    assert figures["best_f1"].stderr is None  # one passage
    lost = {f.metric: f for f in LM_EVAL.figures(samples("dev1/unanswerable"))}
    assert (lost["best_exact"].value, lost["best_exact"].n, lost["best_exact"].unscored) == (1 / 2, 2, 1)
    assert (lost["exact"].n, lost["exact"].unscored) == (3, 0)
    assert LM_EVAL.submission is not None
    assert json.loads(LM_EVAL.submission(samples())["predictions.json"]) == said


def test_the_hubs_rows_are_the_same_items(hub: Any, write: Write) -> None:
    rows = [
        {"id": "dev1", "title": "Oslo", "context": "Oslo is a city in Norway.", "question": "What is Oslo (dev)?",
         "answers": {"text": ["a city"], "answer_start": [8]}},
    ]  # fmt: skip
    for task in (SQUAD, SQUAD2, LM_EVAL):
        places = write(task.name, task.sample_rows)
        (item, *_) = task.items(hub(task.name, {(None, "validation"): rows}), Plan())
        assert item == task.items(places, Plan(limit=1))[0]


@pytest.mark.parametrize("task", [SQUAD, SQUAD2], ids=lambda t: t.name)
def test_figures_are_those_of_heedful_score(task: Task, write: Write, drawn: Drawn, tmp_path: Path) -> None:
    data = write(task.name, task.sample_rows)
    _compared(task, drawn(task, task.items(data, Plan())), data.used[0], tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "squad").is_dir(), reason="needs the data in /work/shared/data/squad")
@pytest.mark.parametrize("task", [SQUAD, SQUAD2], ids=lambda t: t.name)
def test_figures_on_the_real_files_are_those_of_heedful_score(task: Task, drawn: Drawn, tmp_path: Path) -> None:
    data = Places(task.name, DATA)
    items = task.items(data, Plan())
    assert len(items) == (10570 if task is SQUAD else 11873)
    _compared(task, drawn(task, items), data.used[0], tmp_path)


def _compared(task: Task, samples: list[Sample], references: Path, folder: Path) -> None:
    assert task.submission is not None
    (text,) = task.submission(samples).values()
    (folder / "predictions.json").write_text(text, encoding="utf-8")
    found = score_files(task.name, references, folder / "predictions.json")
    figures = {f.metric: f.value for f in task.figures(samples)}
    assert len(figures) == (2 if task is SQUAD else 6)
    for metric, value in figures.items():
        assert 100 * (value or 0) == pytest.approx(found[metric], abs=1e-9)


def test_mistakes(write: Write) -> None:
    broken = SQUAD.sample_rows["dev-v1.1.json"].replace('"question"', '"query"')
    with pytest.raises(DataError, match=r'qas\[0\]: has no "question" or no "context"'):
        SQUAD.items(write("squad", {"dev-v1.1.json": broken}), Plan())
    with pytest.raises(DataError, match=r"qas\[2\]: has no answer; such questions are SQuAD 2.0's: ask squad2"):
        SQUAD.items(write("squad", {"dev-v1.1.json": SQUAD2.sample_rows["dev-v2.0.json"]}), Plan())
    with pytest.raises(RequestError, match="squad2 has no profile 'lm'; choose"):
        find_task("squad2@lm")
    (item, *_) = SQUAD.items(write("squad", SQUAD.sample_rows), Plan())
    failed = Outcome(item, error="no answer")
    assert SQUAD.submission is not None
    with pytest.raises(HeedfulError, match="squad: 1 item of 1 have no answer, the first of them dev1"):
        SQUAD.submission([Sample(failed, SQUAD.mark(failed))])
    assert json.loads(SQUAD.sample_rows["dev-v1.1.json"])["version"] == "1.1"
