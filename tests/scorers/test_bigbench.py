"""BIG-bench by hand: figures worked out on paper, files that are wrong, the command as a user sees it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.errors import DataError, RequestError
from heedful.scorers.bigbench import Output, metrics, prompts, read_task, share
from heedful.scorers.bigbench.choice_metrics import best, normalised
from heedful.scorers.bigbench.text_metrics import numeric_match, rouge
from heedful.scorers.official import score_files

RAIN = {"input": "Is rain wet?", "target_scores": {"yes": 1, "no": 0}}
FOG = {"input": "Is fog hot?", "target_scores": {"yes": 0, "no": 1, "so-so": 0.5}}
WEATHER = {
    "name": "weather",
    "metrics": ["multiple_choice_grade"],
    "preferred_score": "multiple_choice_grade",
    "examples": [RAIN, FOG],
}


def write(folder: Path, lines: list[Any] | str, task: Any = None) -> tuple[Path, Path]:
    (folder / "task.json").write_text(json.dumps(WEATHER if task is None else task), encoding="utf-8")
    text = lines if isinstance(lines, str) else "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "outputs.jsonl").write_text(text, encoding="utf-8")
    return folder / "task.json", folder / "outputs.jsonl"


def scored(folder: Path, lines: list[Any] | str, task: Any = None) -> dict[str, Any]:
    return score_files("bigbench", *write(folder, lines, task))


def test_a_grade_its_calibration_and_its_normalised_score_by_hand(tmp_path: Path) -> None:
    half, quarter = math.log(0.5), math.log(0.25)
    found = scored(
        tmp_path,
        [
            {"id": "1", "scores": [quarter, quarter, half]},  # so-so: half a point
            {"id": 0, "scores": {"no": quarter, "yes": 3 * half}},  # 2/3 and 1/3: wrong
        ],
    )
    assert found["multiple_choice_grade"] == (0 + 0.5) / 2
    assert found["low_score"] == (1 / 2 + 1.5 / 3) / 2
    assert found["normalized_aggregate_score"] == pytest.approx(100 * (0.25 - 0.5) / (1 - 0.5))
    # Rain: 2 * (2/3)^2. Fog: what is right is 0, 2/3, 1/3 of 1/4, 1/4, 1/2.
    fog = 1 / 16 + (2 / 3 * 9 / 16 + 1 / 3 / 16) + (1 / 3 * 1 / 4 + 2 / 3 * 1 / 4)
    assert found["calibration_multiple_choice_brier_score"] == pytest.approx((2 * 4 / 9 + fog) / 5)
    assert found["expected_calibration_error"] == pytest.approx(abs(0 - 2 / 3) / 2 + abs(0 - 1 / 2) / 2)
    assert (found["n"], found["extra"], found["subtask_description"], found["note"]) == (2, 0, "weather", None)


def test_a_whole_task_is_the_mean_of_its_subtasks(tmp_path: Path) -> None:
    text = {"metrics": ["exact_str_match"], "preferred_score": "exact_str_match"}
    parts = {
        "a": {
            **text,
            "name": "Alpha",
            "examples": [{"input": "1", "target": ["x", "y"]}, {"input": "2", "target": "z"}],
        },
        "b": WEATHER,
    }
    for folder, part in parts.items():
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, [], part)
    right = [{"subtask": "b", "id": n, "scores": s} for n, s in ((0, [-1, -2]), (1, [-2, -1, -2]))]
    lines = [{"subtask": "a", "id": 0, "output": "y"}, {"subtask": "Alpha", "id": 1, "output": "!Z. z"}, *right]
    found = scored(tmp_path, lines, {"name": "both"})
    assert found["exact_str_match"] == 0.5
    assert found["normalized_aggregate_score"] == (50 + 100) / 2
    assert (found["preferred_score"], found["n"]) == ("normalized_aggregate_score", 4)
    assert [s["subtask_description"] for s in found["scores"]] == ["both:Alpha", "both:weather", "both"]
    with pytest.raises(DataError, match=r"no line for 1 example of 2 of both:Alpha, .* 1; .*a/task.json"):
        scored(tmp_path, [lines[0], *right], {"name": "both"})
    with pytest.raises(DataError, match=r"outputs.jsonl:1: both has no subtask 'c'; choose a, b"):
        scored(tmp_path, [{"subtask": "c", "id": 0}], {"name": "both"})
    assert share(read_task(tmp_path), 5) == 2
    with pytest.raises(RequestError, match="2 subtasks"):
        share(read_task(tmp_path), 1)


def test_shots_never_show_the_question_and_follow_the_seed(tmp_path: Path) -> None:
    examples = [{"input": f"{n}?", "target": str(n)} for n in range(9)]
    text = {"name": "n", "metrics": ["bleu"], "preferred_score": "bleu", "few_shot_example_separator": " & "}
    task = read_task(write(tmp_path, [], {**text, "task_prefix": "Count.", "examples": examples})[0])
    found = list(prompts(task, shots=3))
    assert sorted(p.index for p in found) == list(range(9)) != [p.index for p in found]
    for prompt in found:
        *shots, question = prompt.text.removeprefix("Count.").split(" & ")
        assert question == f"\nQ: {prompt.index}?\nA: "
        assert len({*shots, question + str(prompt.index)}) == 4
        assert all(shot == f"\nQ: {shot[4]}?\nA: {shot[4]}" for shot in shots)
    assert found == list(prompts(task, shots=3, seed=42)) != list(prompts(task, shots=3, seed=43))
    assert found[:4] == list(prompts(task, shots=3, max_examples=4)), "fewer examples are the first that are drawn"
    with pytest.raises(RequestError, match="9 examples, too few for 9 shots"):
        next(prompts(task, shots=9))


def test_rouge_is_drawn_as_its_package_draws_however_many_rows() -> None:
    from rouge_score.scoring import BootstrapAggregator, Score

    rng = np.random.RandomState(1)
    words = [" ".join(rng.choice(list("abcdefg"), rng.randint(1, 9))) for _ in range(320)]
    targets, answers = [[w] for w in words[:160]], words[160:]
    found = rouge(targets, answers, seed=5)["rouge1"]
    from rouge_score.rouge_scorer import RougeScorer

    scorer, aggregator = RougeScorer(["rouge1"]), BootstrapAggregator()
    for (target,), answer in zip(targets, answers, strict=True):
        aggregator.add_scores({"rouge1": Score(*scorer.score(target, answer)["rouge1"])})
    state = np.random.get_state()
    np.random.seed(5)
    theirs = aggregator.aggregate()["rouge1"].mid.fmeasure * 100
    np.random.set_state(state)
    assert found == theirs
    assert rouge(targets, answers, seed=6)["rouge1"] != found


@given(st.lists(st.floats(-50, 0) | st.just(-math.inf), min_size=2, max_size=6), st.floats(-20, 20))
def test_choices_are_graded_by_their_order_alone(log_probs: list[float], shift: float) -> None:
    if all(v == -math.inf for v in log_probs):
        return
    place = best(normalised(log_probs))
    assert log_probs[place] == pytest.approx(max(log_probs), abs=1e-12)
    assert float(np.exp(normalised(log_probs)).sum()) == pytest.approx(1)
    assert normalised([v + shift for v in log_probs]) == pytest.approx(normalised(log_probs))


def test_numbers_as_the_owner_compares_them() -> None:
    assert numeric_match([["10"]] * 4, ["11", "9.1", "11.5", "ten"]) == 0.5
    assert numeric_match([["-10"]], ["999"]) == 1, "the owner's quirk: the target's sign is kept"
    with pytest.raises(DataError, match="one target"):
        numeric_match([["1", "2"]], ["1"])


def test_a_kind_of_output_that_is_not_there_is_none_and_said(tmp_path: Path) -> None:
    task = {**WEATHER, "metrics": ["exact_str_match", "multiple_choice_grade", "bleurt"]}
    task["examples"] = [{**RAIN, "target": "yes"}, {**FOG, "target": "no"}]
    found = scored(tmp_path, [{"id": 0, "output": "yes"}, {"id": 1, "output": "no"}], task)
    assert found["exact_str_match"] == 1
    assert found["multiple_choice_grade"] is None
    assert found["normalized_aggregate_score"] is None
    assert "multiple_choice_grade" in found["note"]
    assert "bleurt" in found["note"]
    with pytest.raises(DataError, match=r'outputs.jsonl:2: of "output" some lines have it'):
        scored(tmp_path, [{"id": 0, "output": "yes", "scores": [-1, -2]}, {"id": 1, "scores": [-1, -2, -3]}], task)
    outputs = {"weather": {0: Output("yes"), 1: Output(None, (-1.0, -2.0, -3.0))}}
    with pytest.raises(DataError, match="example 1 has no text"):
        metrics(read_task(tmp_path), outputs)


GOOD = [{"id": 0, "scores": [-1, -2]}, {"id": 1, "scores": [-1, -2, -3]}]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", r"outputs.jsonl: is empty"),
        ('{"id": 0,', r"outputs.jsonl:1: broken JSON"),
        ("{\n", r"outputs.jsonl:2: broken JSON"),
        ("[1]", r"outputs.jsonl:1: not an object"),
        ([{"scores": [-1, -2]}], r'outputs.jsonl:1: "id" is null'),
        ([{"id": True}], r'"id" is true'),
        ([{"id": 7}], r"no line belongs to an example"),
        ([GOOD[0]], r"no line for 1 example of 2 of weather, the first of them 1; answer every example"),
        ([*GOOD, GOOD[0]], r"outputs.jsonl:3: example 0 was answered before, at .*outputs.jsonl:1"),
        ([{"id": 0, "scores": [-1]}], r'outputs.jsonl:1: "scores" is \[-1\]; write one number for each of 2 texts'),
        ([{"id": 0, "scores": {"yes": -1}}], r'"no" is wanting'),
        ([{"id": 0, "scores": {"yes": -1, "no": -2, "x": -3}}], r'"x" is none of the 2'),
        ('{"id": 0, "scores": [NaN, -1]}', r'"scores" has NaN'),
        ('{"id": 0, "scores": [-Infinity, -Infinity]}', r"has -Infinity alone"),
        ([{"id": 0, "scores": ["a", -1]}], r'"scores" has "a"'),
        ([{"id": 0, "output": "yes"}, {"id": 1}], r'outputs.jsonl:1: has no "scores", which the metrics of weather'),
        ([{"id": 0, "output": 7}], r'"output" is 7'),
        ([GOOD[0], {"id": 1}], r'outputs.jsonl:2: of "scores" some lines have it'),
        ('{"scores": [], "queries": []}', r'outputs.jsonl: has no "queries"'),
        ('{"scores": [], "queries": [{"samples": [], "task": "rain"}]}', r'queries\[0\]: is of the task "rain"'),
    ],
)
def test_predictions_that_are_wrong_are_named_with_their_place(tmp_path: Path, lines: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        scored(tmp_path, lines)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"examples": None}, r'task.json: "examples" is not a list'),
        ({"examples": [7]}, r"examples\[0\]: an example is an object"),
        ({"examples": [{**RAIN, "target_scores": {"yes": "1"}}]}, r'the score of "yes" is "1"'),
        ({"examples": [{**RAIN, "target": 7}]}, r'"target" is 7'),
        ({"metrics": ["bleuu"]}, r"no metric \"bleuu\" \(did you mean 'bleu'\?\)"),
        ({"preferred_score": "bleu"}, r'"preferred_score" is "bleu", which its metrics do not give'),
        ({"output_regex": "("}, r"no regular expression"),
        ({"choice_prefix": 7}, r'"choice_prefix" is 7'),
        ({"subtasks": []}, r"both examples and subtasks"),
        ({"name": ""}, r'has no "name"'),
    ],
)
def test_tasks_that_are_wrong_are_named_with_their_place(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        scored(tmp_path, GOOD, {**WEATHER, **change})


def test_a_task_that_is_a_program_is_refused_by_name(tmp_path: Path) -> None:
    for name, said in (("bbq_lite", "bigbench:bbq_lite_json asks the like"), ("mine", "runs no code of tasks")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "task.py").write_text("raise SystemExit('run')")
        for path in (tmp_path / name, tmp_path / name / "task.py"):
            with pytest.raises(RequestError, match=said):
                read_task(path)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match=r"has no task\.json"):
        read_task(tmp_path / "none")
    (tmp_path / "none" / "task.json").write_text('{"name": "none"}')
    with pytest.raises(DataError, match=r"no folder beside it holds a task\.json"):
        read_task(tmp_path / "none")


def test_the_command_prints_figures_and_says_what_was_left_out(
    tmp_path: Path, heedful: Callable[..., tuple[int, str, str]]
) -> None:
    task, lines = write(tmp_path, [*GOOD, {"id": 2, "scores": [-1, -2]}], {**WEATHER, "examples": [RAIN, FOG, RAIN]})
    status, out, err = heedful("score", "bigbench", "--references", task, "--predictions", lines)
    assert status == 0
    assert "multiple_choice_grade                    0.5" in out
    assert "1 example stood in the task before" in err
    assert "1 line belonged to no example" in err
    status, out, err = heedful("score", "bigbench", "--references", task, "--predictions", lines, "--json")
    assert json.loads(out)["scores"][0]["score_dict"]["multiple_choice_grade"] == 0.5
    status, out, err = heedful("score", "bigbench", "--references", task, "--predictions", task)
    assert (status, out) == (2, "")
    assert 'task.json:1: "id" is null' in err
