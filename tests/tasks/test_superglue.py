"""SuperGLUE: the owner's files and the hub's rows, examples, mistakes, the leaderboard's files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heedful.errors import DataError, RequestError
from heedful.scorers.official import score_files
from heedful.tasks import Outcome, Places, Plan, Sample
from heedful.tasks.samples_superglue import SAMPLE
from heedful.tasks.superglue import TASKS
from heedful.tasks.superglue_rows import FOLDERS, names

Write = Callable[..., Places]
Drawn = Callable[..., list[Sample]]
DATA = Path("/work/shared/data")
SUPERGLUE, LM_EVAL = TASKS


def test_every_task_is_read_from_the_owners_files(write: Write) -> None:
    items = SUPERGLUE.items(write("superglue", {f"SuperGLUE/{name}": text for name, text in SAMPLE.items()}), Plan())
    by_id = {i.id: i for i in items}
    assert [i.subset for i in items][:: len(items) - 1] == ["boolq", "axg"]
    assert {i.subset for i in items} == set(SUPERGLUE.subsets)
    assert [by_id[k].gold for k in ("boolq/0", "cb/2", "copa/1", "multirc/0-0-2", "wsc/0", "axb/1")] == [
        1,
        2,
        1,
        0,
        1,
        1,
    ]
    copa = by_id["copa/1"]
    assert (copa.prompt.text(), copa.choices) == ("The street was wet because", (" the moon rose.", " I washed it."))
    record = by_id["record/0"]
    assert record.prompt.text() == (
        "Ann Lee ran from Oslo to Rome.\n- Ann Lee ran far\n- She left Oslo in May\n\nIn the end"
    )
    assert record.choices == (" Ann Lee was tired.", " Oslo was tired.", " Rome was tired.")
    assert (record.gold, record.group) == (("Ann Lee",), "record/0")
    assert by_id["record/1"].choices[2] == "Rome is where she arrived."
    assert by_id["boolq/0"].group == by_id["boolq/1"].group != None  # noqa: E711
    assert by_id["multirc/0-1-3"].group == by_id["multirc/0-0-0"].group != by_id["multirc/1-2-5"].group
    assert by_id["wsc/0"].prompt.text() == (
        "Passage: Ann thanked Bea , who had helped [her] .\n"
        'Question: In this passage, does [her] stand for "Ann"?\nAnswer:'
    )
    assert 'stand for "The cup"' in by_id["wsc/1"].prompt.text()  # "the cup." in the file, whose text has it otherwise


def test_the_hubs_rows_are_the_same_items(hub: Any, write: Write) -> None:
    of_hub = hub(
        "superglue",
        {
            ("multirc", "validation"): [
                {"paragraph": "Ann has a cat. Bo has a dog.", "question": "Who has a pet?", "answer": "Ann",
                 "idx": {"paragraph": 0, "question": 0, "answer": 0}, "label": 1},
            ],
            ("record", "validation"): [
                {"passage": json.loads(SAMPLE["ReCoRD/val.jsonl"])["passage"]["text"],
                 "query": "In the end @placeholder was tired.", "entities": ["Rome", "Oslo", "Ann Lee"],
                 "entity_spans": {}, "answers": ["Ann Lee"], "idx": {"passage": 0, "query": 0}},
            ],
            ("wsc.fixed", "validation"): [
                {"text": "Ann thanked Bea , who had helped her .", "span1_index": 0, "span1_text": "Ann",
                 "span2_index": 7, "span2_text": "her", "idx": 0, "label": 1},
            ],
            ("boolq", "test"): [{"question": "is it", "passage": "It is.", "idx": 3, "label": -1}],
        },
    )  # fmt: skip
    places = write("superglue", SAMPLE)
    for task in TASKS:
        for subset in ("multirc", "record", "wsc"):
            assert task.items(of_hub, Plan(subset))[0] == task.items(places, Plan(subset))[0]
    (item,) = SUPERGLUE.items(of_hub, Plan("boolq", split="test"))
    assert (item.id, item.gold) == ("boolq/3", None)


def test_examples_and_their_answers(write: Write) -> None:
    places = write("superglue", SAMPLE)
    (first, *_) = SUPERGLUE.items(places, Plan("record", shots=1))
    assert first.prompt.shots[0][1] == "Rome is where she arrived."
    (first, *_) = LM_EVAL.items(places, Plan("copa", shots=1))
    assert first.prompt.shots == (("The street was wet because", "  i washed it."),)
    assert SUPERGLUE.items(places, Plan("AX-g", shots=1))[0].prompt.shots[0][1] in (" yes", " no")
    (places.folder or Path()).joinpath("COPA/train.jsonl").unlink()
    with pytest.raises(RequestError, match=r"superglue:copa: --shots needs training rows .*\(COPA/train.jsonl\)"):
        SUPERGLUE.items(places, Plan("copa", shots=1))


@pytest.mark.parametrize(
    ("task", "row", "said"),
    [
        ("copa", {"premise": "A", "choice1": "B", "choice2": "C", "question": "why", "idx": 0}, 'is "why"; it is'),
        ("rte", {"premise": "A", "hypothesis": 3, "idx": 0}, '"hypothesis" is 3; it is a text in the owner'),
        ("rte", {"premise": "A", "hypothesis": "B", "label": "no", "idx": 0}, '"no" is no label; write entailment'),
        ("rte", {"premise": "A", "hypothesis": "B"}, '"idx" is null'),
        ("wic", {"word": "a", "sentence1": "a", "sentence2": "a", "start1": 0, "idx": 0}, '"end1" is null; it is'),
        ("multirc", {"idx": 0, "passage": "A"}, 'has no object under "passage"'),
        ("record", {"idx": 0, "passage": {"text": "A", "entities": [{"start": 0}]}, "qas": []}, '"start" and "end"'),
        ("record", {"idx": 0, "passage": {"text": "A", "entities": [{"start": 0, "end": 0}]},
                    "qas": [{"idx": 0, "query": "none", "answers": []}]}, '"@placeholder"'),
    ],
)  # fmt: skip
def test_a_broken_row_is_told_with_its_line(write: Write, task: str, row: dict[str, Any], said: str) -> None:
    (name,) = names(task, "validation")
    with pytest.raises(DataError, match=rf"{Path(name).name}:1: .*{said}"):
        SUPERGLUE.items(write("superglue", {name: json.dumps(row) + "\n"}), Plan(task))


def test_mistakes_in_what_is_asked(write: Write) -> None:
    places = write("superglue", SAMPLE)
    with pytest.raises(RequestError, match=r"superglue:bolq \(did you mean 'boolq'\?\): choose boolq, cb"):
        SUPERGLUE.items(places, Plan("bolq"))
    with pytest.raises(RequestError, match=r"superglue@lm-eval has no axb, .*; ask superglue:axb"):
        LM_EVAL.items(places, Plan("AX-b"))
    two = SAMPLE["AX-g/AX-g.jsonl"].replace('"The nurse called."', '"The nurse slept."', 1)
    with pytest.raises(DataError, match="rows 0 and 1 are no pair, their hypotheses differ"):
        SUPERGLUE.items(write("superglue", {"AX-g/AX-g.jsonl": two}), Plan("axg"))


def test_multirc_by_hand(write: Write) -> None:
    """Answers 1 1 0 | 0 1 | 1; said 1 1 1 | 0 1 | 1: one of three questions is not all right, F1 is 8/9."""
    items = SUPERGLUE.items(write("superglue", SAMPLE), Plan("multirc"))
    said = {"multirc/0-0-2": 1}
    samples = []
    for item in items:
        answer = said.get(item.id, item.gold)
        outcome = Outcome(item, (-1.0, -2.0) if answer == 0 else (-2.0, -1.0))
        samples.append(Sample(outcome, SUPERGLUE.mark(outcome)))
    figures = {f.metric: f.value for f in SUPERGLUE.figures(samples)}
    assert figures == pytest.approx({"f1_a": 8 / 9, "exact_match": 2 / 3, "f1_m": (0.4 + 2) / 3})


def test_figures_are_those_of_heedful_score_on_the_leaderboards_files(write: Write, drawn: Drawn) -> None:
    places = write("superglue", SAMPLE)
    assert _compared(places, drawn(SUPERGLUE, SUPERGLUE.items(places, Plan())), places) == 15


@pytest.mark.skipif(not (DATA / "superglue").is_dir(), reason="needs the data in /work/shared/data/superglue")
def test_figures_on_the_real_files_are_those_of_heedful_score(write: Write, drawn: Drawn) -> None:
    data = Places("superglue", DATA)
    items = SUPERGLUE.items(data, Plan())
    assert [sum(i.subset == t for i in items) for t in ("boolq", "cb", "copa", "rte", "wic", "wsc")] == [
        100, 56, 100, 277, 100, 104
    ]  # fmt: skip
    assert _compared(write("superglue", {}), drawn(SUPERGLUE, items), data) == 10


def _compared(places: Places, samples: list[Sample], data: Places) -> int:
    """How many figures were compared, all of them equal."""
    assert SUPERGLUE.submission is not None
    figures = {(f.part, f.metric): f.value for f in SUPERGLUE.figures(samples)}
    tasks = {folder: task for task, folder in FOLDERS.items()}
    checked = 0
    for name, text in SUPERGLUE.submission(samples).items():
        assert places.folder is not None
        task = tasks[Path(name).stem]
        (places.folder / name).write_text(text, encoding="utf-8")
        references = data.find(*names(task, "validation"))
        assert references is not None
        found = score_files(f"superglue:{task}", references, places.folder / name)
        assert found["extra"] == 0
        for (part, metric), value in figures.items():
            if part == task:
                assert value == found[metric]
                checked += 1
    return checked
