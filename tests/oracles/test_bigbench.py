"""BIG-bench beside its owner's code: prompts character by character and figures to the last digit, on tasks that we
drew, with a record of what that code said; the real tasks can all be read, where they are at hand."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heedful.errors import HeedfulError, RequestError
from heedful.scorers.bigbench import (
    LITE,
    PROGRAMMATIC,
    BigBenchTask,
    Output,
    lite,
    metrics,
    prompts,
    read_task,
    refuse_programmatic,
    share,
)
from heedful.scorers.bigbench.text_metrics import answer_in
from heedful.scorers.official import score_files

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import bigbench_inputs as inputs  # noqa: E402  # pyright: ignore[reportMissingImports]

SAID = json.loads((HERE / "bigbench.json").read_text(encoding="utf-8"))
SHARED = Path("/work/shared/data/bigbench")
SOURCE = Path("/tmp/oracles/bigbench/bigbench-1.0.0/bigbench/benchmark_tasks")


def drawn(seed: int, folder: Path) -> Path:
    for name, held in inputs.task_files(seed).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(held, ensure_ascii=False), encoding="utf-8")
    return folder / "task.json"


def said(task: BigBenchTask, seed: int, shots: int) -> dict[str, dict[int, Output]]:
    """What the made-up model says to each prompt, in the order of the prompts."""
    return {
        leaf.name: {
            p.index: Output(
                inputs.answer(seed, p.text),
                tuple(inputs.log_prob(seed, p.text, c) for c in p.choices),
                tuple(inputs.log_prob(seed, p.text, t) for t in p.targets),
            )
            for p in prompts(leaf, shots)
        }
        for leaf in task.leaves
    }


def theirs(score: dict[str, Any]) -> dict[str, Any]:
    """The owner's ScoreData without what is no number."""
    numbers = {k: v if math.isfinite(v) else None for k, v in score["score_dict"].items()}
    if numbers[score["preferred_score"]] is None:
        numbers["normalized_aggregate_score"] = None
    return {**score, "score_dict": numbers}


def ours(task: BigBenchTask, seed: int, shots: int) -> Iterator[dict[str, Any]]:
    whole = metrics(task, said(task, seed, shots))
    for figures in (*whole.subtasks, whole):
        yield {
            "score_dict": figures.score_dict,
            "preferred_score": figures.preferred_score,
            "number_of_shots": shots,
            "low_score": figures.low_score,
            "high_score": figures.high_score,
            "subtask_description": figures.subtask_description,
        }


def test_figures_are_the_owners_to_the_last_digit(tmp_path: Path) -> None:
    seen: dict[str, set[Any]] = {}
    for seed in range(inputs.CASES):
        (tmp_path / str(seed)).mkdir()
        task = read_task(drawn(seed, tmp_path / str(seed)))
        found = {(s["subtask_description"], s["number_of_shots"]): s for n in inputs.SHOTS for s in ours(task, seed, n)}
        for score in map(theirs, SAID["says"][seed]["scores"]):
            assert found.pop((score["subtask_description"], score["number_of_shots"])) == score, seed
            for key, value in score["score_dict"].items():
                seen.setdefault(key, set()).add(value)
        assert not found, "every subtask and number of shots is the owner's"
    kinds = {figure for kind in inputs.GROUPS.values() for figure in kind} - {"rouge"}
    assert kinds | {"rouge1", "rouge2", "rougeLsum", "log_likelihood_per_char"} <= seen.keys()
    alike = [key for key, values in seen.items() if len(values) < 3]
    assert not alike, "figures that are all alike would show nothing"


def asked(task: BigBenchTask, runs: Iterator[tuple[int, int, int | None]]) -> str:
    """The prompts of each subtask and number of shots, as the record has them: a hash of all."""
    texts: list[list[str]] = []
    plans = list(runs)
    for leaf in task.leaves:
        for shots, seed, limit in plans:
            found = [p.text for p in prompts(leaf, shots, seed, limit)]
            if not texts or texts[-1] != found:
                texts.append(found)
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]


def test_prompts_are_the_owners_character_by_character(tmp_path: Path) -> None:
    for seed in range(inputs.CASES):
        (tmp_path / str(seed)).mkdir()
        path = drawn(seed, tmp_path / str(seed))
        assert asked(read_task(path), ((n, 42, None) for n in inputs.SHOTS)) == SAID["says"][seed]["asked"]
        few = read_task(path, choice_seed=5)
        assert asked(few, ((n, 7, share(few, 8)) for n in (0, 2))) == SAID["says"][seed]["asked_few"]


def test_the_owners_log_gives_the_scores_that_stand_in_it(tmp_path: Path) -> None:
    logs = [(seed, case["log"]) for seed, case in enumerate(SAID["says"]) if "log" in case]
    assert len(logs) == 3
    for seed, log in logs:
        (tmp_path / str(seed)).mkdir()
        path = drawn(seed, tmp_path / str(seed))
        for indent in (2, None):
            (tmp_path / "log.json").write_text(json.dumps(log, indent=indent), encoding="utf-8")
            found = score_files("bigbench", path, tmp_path / "log.json")
            key = lambda s: (s["number_of_shots"], s["subtask_description"])  # noqa: E731
            assert sorted(found["scores"], key=key) == sorted(map(theirs, log["scores"]), key=key)
            assert found["number_of_shots"] == 0
        log["queries"][0]["samples"][0]["input"] += "?"
        (tmp_path / "log.json").write_text(json.dumps(log), encoding="utf-8")
        with pytest.raises(RequestError, match=r"queries\[0\].samples\[0\]: is not the input of example"):
            score_files("bigbench", path, tmp_path / "log.json")


def test_lines_give_the_same_figures_as_outputs(tmp_path: Path) -> None:
    for seed in (6, 8, 9, 34):
        (tmp_path / str(seed)).mkdir()
        path = drawn(seed, tmp_path / str(seed))
        task = read_task(path)
        outputs = said(task, seed, 0)
        lines = [
            {
                "id": index,
                "subtask": name.removeprefix(f"{task.name}:"),
                "output": output.text,
                "scores": output.scores,
                "target_log_probs": output.target_log_probs,
            }
            for name, of_task in outputs.items()
            for index, output in reversed(of_task.items())
        ]
        file = tmp_path / "lines.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        found = score_files("bigbench", path, file)
        wanted = metrics(task, outputs)
        assert {k: found[k] for k in wanted.score_dict} == wanted.score_dict
        assert found["n"] == sum(len(leaf.examples) for leaf in task.leaves)


def test_the_end_of_an_answer_is_found_as_the_owner_does() -> None:
    for (text, regex, stop), found in zip(inputs.endings(), SAID["endings"], strict=True):
        assert answer_in(text, regex, stop) == found, (text, regex, stop)
    assert len(set(SAID["endings"])) > 50


def test_what_the_owners_code_does_not_take_is_refused(tmp_path: Path) -> None:
    for name, task in inputs.spoiled():
        (tmp_path / "task.json").write_text(json.dumps(task), encoding="utf-8")
        (tmp_path / "lines").write_text('{"id": 0, "output": "yes", "scores": [-1, -2]}', encoding="utf-8")
        if SAID["refused"][name]:
            with pytest.raises(HeedfulError, match=r"task\.json"):
                score_files("bigbench", tmp_path / "task.json", tmp_path / "lines")
        else:
            assert score_files("bigbench", tmp_path / "task.json", tmp_path / "lines")["exact_str_match"] == 1
    assert [name for name, refused in SAID["refused"].items() if not refused] == ["good"]


def test_lite_and_the_lists_of_names_are_the_owners() -> None:
    said = SAID["lite"]
    assert list(LITE) == said["names"]
    assert sorted(PROGRAMMATIC) == said["programmatic"]
    assert lite(dict(zip(said["names"], said["values"], strict=True))) == said["score"]
    with pytest.raises(RequestError, match="winowhy"):
        lite(dict.fromkeys(LITE[:-1], 1.0))
    for name in LITE:
        refuse_programmatic(name)
    with pytest.raises(RequestError, match="bigbench:sudoku is a programmatic task"):
        refuse_programmatic("sudoku")


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"needs the real tasks in {SHARED}")
def test_the_tasks_at_hand_are_read_and_the_right_answers_are_the_best(tmp_path: Path) -> None:
    files = sorted(SHARED.rglob("task.json"))
    assert len(files) >= 12
    for file in files:
        task = read_task(file)
        right = {
            p.index: Output(
                p.targets[0],
                tuple(math.log(0.97) if c in p.targets else math.log(0.01) for c in p.choices),
            )
            for p in prompts(task, shots=2)
        }
        found = metrics(task, {task.name: right}).score_dict
        for figure in ("exact_str_match", "multiple_choice_grade"):
            assert found.get(figure, 1) == 1 or task.output_regex is not None, (task.name, found)
        if task.preferred_score == "multiple_choice_grade":
            assert found["normalized_aggregate_score"] == pytest.approx(100), task.name


@pytest.mark.slow
@pytest.mark.skipif(not SOURCE.is_dir(), reason=f"needs the source of bigbench 1.0.0 in {SOURCE.parents[1]}")
def test_the_json_tasks_of_the_package_can_be_read() -> None:
    """Those below 2 MB, for time's sake: all of them are 1.7 GB."""
    folders = {d.name for d in SOURCE.iterdir() if (d / "task.json").is_file()}
    assert len(folders) == 167
    for name in sorted(folders):
        if sum(f.stat().st_size for f in (SOURCE / name).rglob("task.json")) < 2_000_000:
            for leaf in read_task(SOURCE / name).leaves:
                assert next(iter(prompts(leaf))).text.endswith(leaf.examples[0].input)
    programs = {d.name for d in SOURCE.iterdir() if (d / "task.py").is_file()}
    assert programs - folders == {*PROGRAMMATIC}
    with pytest.raises(RequestError, match="sudoku is a programmatic task"):
        read_task(SOURCE / "sudoku" / "task.py")
