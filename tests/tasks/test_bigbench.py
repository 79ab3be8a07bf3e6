"""BIG-bench as a task: parts by name, both kinds of question, figures beside `heedful score`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heedful.errors import RequestError
from heedful.scorers.bigbench import prompts, read_task
from heedful.scorers.official import score_files
from heedful.tasks import Outcome, Places, Plan, Sample, find_task
from heedful.tasks.bigbench import TASKS

Write = Callable[..., Places]
Drawn = Callable[..., list[Sample]]
DATA = Path("/work/shared/data")
(TASK,) = TASKS
ROWS = TASK.sample_rows


def test_an_example_is_asked_for_its_choices_and_for_a_text(write: Write) -> None:
    places = write("bigbench", {f"BIG-bench/bigbench/benchmark_tasks/{k}": v for k, v in ROWS.items()})
    inside = Places("bigbench", (places.folder or Path()) / "BIG-bench")
    items = TASK.items(inside, Plan("weather"))
    assert [i.id for i in items[:2]] == ["weather/0/choices", "weather/0/text"]
    assert items[0].choices == ("yes", "no")
    assert items[0].prompt.text() == items[1].prompt.text() == "\nQ: Is rain wet?\n  choice: yes\n  choice: no\nA: "
    assert find_task("bigbench:weather").subset == "weather"


def test_prompts_with_examples_are_the_owners(write: Write) -> None:
    places = write("bigbench", ROWS)
    items = TASK.items(places, Plan("weather", shots=1))
    whole = read_task(places.used[0])
    assert [i.prompt.text() for i in items[::2]] == [p.text for p in prompts(whole, 1)]
    assert {len(i.prompt.shots) for i in items} == {1}
    other = TASK.items(places, Plan("weather", shots=1, seed=3))
    assert [i.prompt.text() for i in other[::2]] == [p.text for p in prompts(whole, 1, 3)]


def test_subtasks_by_name_and_what_is_not_there(write: Write) -> None:
    places = write("bigbench", ROWS)
    assert {i.subset for i in TASK.items(places, Plan())} == {"sums", "weather"}
    assert [i.id for i in TASK.items(places, Plan("sums"))] == [
        f"sums:{p}/{n}/text" for p in ("one", "two") for n in (0, 1)
    ]
    assert {i.subset for i in TASK.items(places, Plan("sums:two"))} == {"sums:two"}
    with pytest.raises(RequestError, match=r"\(wether/task.json\), and .* has none; name a folder that holds it"):
        TASK.items(places, Plan("wether"))
    with pytest.raises(RequestError, match="spelling_bee"):
        TASK.items(places, Plan("spelling_bee"))
    with pytest.raises(RequestError, match="has no subtask 'three'"):
        TASK.items(places, Plan("sums:three"))
    (places.folder or Path()).joinpath("sums/task.json").unlink()
    with pytest.raises(RequestError, match="only parts of it are there; ask bigbench:sums:one, bigbench:sums:two"):
        TASK.items(places, Plan("sums"))
    assert {i.subset for i in TASK.items(places, Plan())} == {"sums:one", "sums:two", "weather"}
    with pytest.raises(RequestError, match=r"no --data-dir was given; name a folder that holds it with --data-dir$"):
        TASK.items(Places("bigbench"), Plan("weather"))


def test_an_example_of_which_one_answer_failed_is_unscored(write: Write, drawn: Drawn) -> None:
    samples = drawn(TASK, TASK.items(write("bigbench", ROWS), Plan("weather")))
    failed = Outcome(samples[1].item, error="the request failed")
    samples[1] = Sample(failed, TASK.mark(failed))
    figures = TASK.figures(samples)
    assert [(f.n, f.unscored) for f in figures] == [(2, 1)] * len(figures)


@pytest.mark.parametrize("task", ["weather", "sums"])
def test_figures_are_those_of_heedful_score(write: Write, drawn: Drawn, tmp_path: Path, task: str) -> None:
    places = write("bigbench", ROWS)
    _compared(drawn(TASK, TASK.items(places, Plan(task))), tmp_path / task / "task.json", tmp_path)


@pytest.mark.skipif(not (DATA / "bigbench").is_dir(), reason="needs the data in /work/shared/data/bigbench")
@pytest.mark.parametrize("task", ["object_counting", "disambiguation_qa"])
def test_figures_on_real_files_are_those_of_heedful_score(drawn: Drawn, tmp_path: Path, task: str) -> None:
    items = TASK.items(Places("bigbench", DATA), Plan(task))
    _compared(drawn(TASK, items), DATA / "bigbench" / task / "task.json", tmp_path)


def _compared(samples: list[Sample], references: Path, folder: Path) -> None:
    """What the model said as a file of predictions, scored by `heedful score`."""
    lines: dict[tuple[str, int], dict[str, Any]] = {}
    for s in samples:
        fields = s.item.fields
        line = lines.setdefault((fields["leaf"].name, fields["index"]), {"id": fields["index"]})
        if fields["leaf"] is not fields["task"]:
            line["subtask"] = fields["leaf"].folder
        if s.item.choices:
            line["scores"] = dict(zip(s.item.choices, s.outcome.log_likelihoods, strict=True))
        else:
            line["output"] = s.outcome.texts[0]
    (folder / "predictions.jsonl").write_text("".join(json.dumps(v) + "\n" for v in lines.values()), encoding="utf-8")
    found = score_files("bigbench", references, folder / "predictions.jsonl")
    figures = TASK.figures(samples)
    assert figures[0].metric == found["preferred_score"]
    for figure in figures:
        scale = 100 if figure.metric in ("normalized_aggregate_score", "bleu", "rouge1", "rouge2", "rougeLsum") else 1
        assert (figure.value or 0) * scale == pytest.approx(found[figure.metric] or 0)
