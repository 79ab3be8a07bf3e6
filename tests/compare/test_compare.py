"""`heedful.compare`: what A and B may be, how they are joined, and the word."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from heedful.compare import Options, compare, read_side
from heedful.compare.ratings import DESCRIPTIVE_TEXT, MAIN_TEXT, SHARES_TEXT, SUPPORTING_TEXT
from heedful.errors import DataError, RequestError, RunError
from heedful.report.data import METRIC_SPECS


def answer(k: int, good: bool, who: str, **changes: Any) -> dict[str, Any]:
    row = {
        "id": f"{who}-{k}",
        "example_id": f"q{k}",
        "model": who,
        "settings": "s",
        "messages": [{"role": "user", "content": f"Question {k}?"}],
        "reference": f"The answer is {k}.",
        "text": f"The answer is {k}." if good else "Nobody knows.",
        "finish_reason": "stop" if good else "length",
        "prompt_tokens": 3,
        "tokens": 5,
        "seconds": 0.1,
        "error": None,
    }
    return row | changes


def score(k: int, value: float | None, who: str, **changes: Any) -> dict[str, Any]:
    row = {"id": f"s-{who}-{k}", "example_id": f"q{k}", "responses": [f"{who}-{k}"], "scorer": "correct"}
    return row | {"rater": "human:ann", "value": value} | changes


def write(path: Path, lines: list[dict[str, Any]]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return str(path)


@pytest.fixture
def two(tmp_path: Path) -> tuple[str, str]:
    """Files of answers: 5 of 30 good in A, 24 of 30 in B."""
    a = write(tmp_path / "a.jsonl", [answer(k, k < 5, "a") for k in range(30)])
    b = write(tmp_path / "b.jsonl", [answer(k, k < 24, "b") for k in range(30)])
    return a, b


def test_answers_are_scored_joined_and_compared(two):
    c = compare(*two)
    assert (c.verdict, c.joined, c.only_a, c.only_b, c.other) == ("better", 30, 0, 0, 0)
    by_name = {m.name: m for m in c.metrics}
    assert list(by_name) == ["stops", "chrf", "exact_match", "token_f1", "rouge_l", "length"]
    exact = by_name["exact_match"].comparison
    assert (exact.before.estimate, exact.after.estimate) == (5 / 30, 24 / 30)
    assert exact.p_value == 2 / 2**19
    assert exact.adjusted_p == pytest.approx(5 * 2 / 2**19, rel=1)
    assert by_name["length"].comparison.adjusted_p is None
    assert compare(two[1], two[0]).verdict == "worse"
    assert compare(two[0], two[0]).verdict == "inconclusive"
    assert "All answers are the same on both sides." in compare(two[0], two[0]).caveats


def test_the_roles_are_those_of_the_report():
    roles = {
        role: tuple(s.name for s in METRIC_SPECS if s.role == role) for role in ("main", "supporting", "descriptive")
    }
    assert tuple(s.name for s in METRIC_SPECS if s.kind == "share") == SHARES_TEXT
    assert roles == {"main": MAIN_TEXT, "supporting": SUPPORTING_TEXT, "descriptive": DESCRIPTIVE_TEXT}


def test_what_is_on_one_side_failed_or_another_question_is_counted(tmp_path, two):
    rows = [answer(k, True, "b") for k in range(2, 33)]
    rows[0] |= {"finish_reason": "error", "error": "503"}
    rows[1] |= {"messages": [{"role": "user", "content": "Something else?"}]}
    c = compare(two[0], write(tmp_path / "c.jsonl", rows))
    assert (c.joined, c.only_a, c.only_b, c.other) == (27, 2, 3, 1)
    assert {m.comparison.unscored for m in c.metrics} == {1}
    assert {m.comparison.n for m in c.metrics} == {26}
    assert "1 request failed in" in " ".join(c.caveats)


def test_nothing_in_common_shows_both_sides(tmp_path, two):
    other = write(tmp_path / "c.jsonl", [answer(k, True, "c") | {"example_id": f"row-{k}"} for k in range(3)])
    with pytest.raises(DataError, match=r"30 like 'q0', 'q1', 'q2' in .*a\.jsonl, 3 like 'row-0'"):
        compare(two[0], other)
    changed = [answer(k, True, "c", messages=[{"role": "user", "content": "New?"}]) for k in range(3)]
    with pytest.raises(DataError, match="no question is the same under its id"):
        compare(two[0], write(tmp_path / "d.jsonl", changed))


def test_ratings_by_people_are_joined_on_answers_and_are_main(tmp_path, two):
    marks = [score(k, 1.0, "a") for k in range(20)] + [score(k, float(k > 15), "b") for k in range(20)]
    marks[3]["value"] = None
    file = Path(write(tmp_path / "marks.jsonl", marks))
    c = compare(*two, scores=[file])
    marked = c.metrics[0]
    assert (marked.name, marked.role, marked.comparison.n, marked.comparison.unscored) == (
        "correct@human:ann",
        "main",
        19,
        11,
    )
    assert marked.comparison.verdict == "worse"
    assert c.verdict == "inconclusive"
    assert "but correct@human:ann got worse" in c.sentence
    alone = compare(*two, Options(metrics=("correct",)), scores=[file])
    assert [m.name for m in alone.metrics] == ["correct@human:ann"]
    assert (alone.verdict, alone.metrics[0].comparison.adjusted_p) == ("worse", alone.metrics[0].comparison.p_value)
    assert compare(*two, Options(metrics=("correct",), lower_is_better=("correct",)), scores=[file]).verdict == "better"
    with pytest.raises(RequestError, match="rates none of these answers"):
        compare(*two, scores=[Path(write(tmp_path / "x.jsonl", [score(1, 1.0, "z")]))])


def test_a_later_rating_counts_and_samples_of_a_question_are_averaged(tmp_path):
    rows = [
        score(1, 0.0, "a"),
        score(1, 1.0, "a"),
        score(2, 0.0, "a", responses=["a-2"]),
        score(2, 1.0, "a", responses=["a-2b"]),
    ]
    rows.append(score(3, None, "a"))
    side = read_side(write(tmp_path / "s.jsonl", rows))
    assert side.values == {"correct@human:ann": {"q1": 1.0, "q2": 0.5, "q3": None}}


def test_scores_alone_with_clusters_from_their_metadata(tmp_path):
    def rows(who: str, good: int) -> list[dict[str, Any]]:
        return [score(k, float(k < good), who, metadata={"passage": f"p{k // 5}"}) for k in range(40)]

    a, b = write(tmp_path / "a.jsonl", rows("a", 5)), write(tmp_path / "b.jsonl", rows("b", 25))
    plain, clustered = compare(a, b), compare(a, b, Options(cluster="passage"))
    assert (plain.verdict, clustered.verdict) == ("better", "inconclusive")
    assert (clustered.cluster, clustered.metrics[0].comparison.clusters) == ("passage", 8)
    with pytest.raises(RequestError, match=r"'pasage' \(did you mean 'passage'\?\)"):
        compare(a, b, Options(cluster="pasage"))
    other = rows("b", 25)
    other[7]["metadata"] = {"passage": "p9"}
    with pytest.raises(DataError, match=r'its passage is "p1" in .* but "p9" in'):
        compare(a, write(tmp_path / "c.jsonl", other), Options(cluster="passage"))
    with pytest.raises(RequestError, match="wilcoxon knows no clusters"):
        compare(a, b, Options(cluster="passage", test="wilcoxon"))


def test_bench_folders(tmp_path):
    def bench(name: str, good: int, profile: str) -> str:
        folder = tmp_path / name
        lines = [{"id": k, "subject": f"s{k % 10}", "score": k < good} for k in range(60)]
        write(folder / "samples" / "mmlu.jsonl", lines)
        squad = [{"id": f"x{k}", "score": {"exact": float(k < 9), "f1": k / 20 if k else None}} for k in range(20)]
        write(folder / "samples" / "squad.jsonl", squad)
        (folder / "results.json").write_text(json.dumps({"results": {"mmlu": {"profile": profile}}}))
        return str(folder)

    a, b = bench("a", 10, "hendrycks"), bench("b", 50, "lm-eval")
    c = compare(a, b)
    assert {m.name: m.comparison.n for m in c.metrics} == {"mmlu": 60, "squad.exact": 20, "squad.f1": 19}
    assert [m.comparison.unscored for m in c.metrics] == [0, 0, 1]
    assert c.verdict == "better"
    assert "A and B differ in the profile of mmlu: hendrycks in A, lm-eval in B." in c.caveats
    grouped = compare(a, b, Options(cluster="subject", metrics=("mmlu",)))
    assert grouped.metrics[0].comparison.clusters == 10


def test_a_run_against_its_base(tiny_run: Path, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run, ignore=shutil.ignore_patterns("checkpoints", "model", "adapter"))
    c = compare(f"run:{run}@base", str(run))
    assert c.joined == 8 or c.joined == 3
    assert (c.a.kind, c.b.kind) == ("run", "run")
    report = json.loads((run / "report.json").read_text())
    ours = {m.name: m.comparison for m in c.metrics}
    for name, row in report["metrics"].items():
        assert ours[name].difference.estimate == pytest.approx(row["difference"]["estimate"])
        assert ours[name].adjusted_p == (pytest.approx(row["p_corrected"]) if row["p_corrected"] is not None else None)
    assert c.verdict == report["verdict"]["kind"]
    with pytest.raises(RequestError, match="heedful respond"):
        read_side(f"run:{run}@step=3")
    (run / "responses" / "base.jsonl").unlink()
    with pytest.raises(RunError, match="no answers from before the tuning"):
        compare(f"run:{run}@base", str(run))


def test_examples_of_one_group_are_clusters_by_themselves(tiny_run: Path, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run, ignore=shutil.ignore_patterns("checkpoints", "model", "adapter"))
    lines = [json.loads(line) for line in (run / "splits" / "test.jsonl").read_text().splitlines()]
    write(run / "splits" / "test.jsonl", [line | {"group": "one tree"} for line in lines])
    c = compare(f"run:{run}@base", str(run))
    assert (c.cluster, c.metrics[0].comparison.clusters) == ("group", 1)
    assert compare(f"run:{run}@base", str(run), Options(cluster="none")).cluster is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ('{"example_id": "q1", "value": NaN}\n', r"x\.jsonl:1: value is NaN"),
        ('{"example_id": "q1", "value": "good"}\n', r'x\.jsonl:1: value is "good"'),
        ('{"example_id": "q1", "value": 1}\n', r"x\.jsonl:1: not a Score"),
        ('{"question": "?"}\n', r"x\.jsonl:1: is neither an answer .* nor a score"),
        ("[1, 2]\n", r"x\.jsonl:1: holds no object but list"),
        ('{"example_id": \n', r"x\.jsonl:1: broken JSON"),
    ],
)
def test_broken_files_are_named_with_their_line(tmp_path, text, message):
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(DataError, match=message):
        read_side(str(tmp_path / "x.jsonl"))


def test_a_last_line_that_was_cut_short_is_told(tmp_path, two):
    whole = Path(two[1]).read_text()
    (tmp_path / "c.jsonl").write_text(whole[:-40])
    c = compare(two[0], str(tmp_path / "c.jsonl"))
    assert (c.joined, c.only_a) == (29, 1)
    assert any("c.jsonl:30 was cut short" in note for note in c.caveats)
    (tmp_path / "d.jsonl").write_text(whole.rstrip("\n"))  # whole, only the line break is missing
    assert compare(two[0], str(tmp_path / "d.jsonl")).joined == 30


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.jsonl", "no such file or folder"),
        ("", "an empty name: no such file"),
        ("hf:gpt2", "is a model; answer the questions"),
        ("run:nowhere", "is not a run"),
        (".", "is neither a run .* nor a folder of heedful bench"),
    ],
)
def test_names_of_nothing_that_can_be_compared(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError, match=message):
        read_side(name)


def test_metrics_that_are_on_one_side_alone(tmp_path, two):
    marks = write(tmp_path / "marks.jsonl", [score(k, 1.0, "a") for k in range(30)])
    with pytest.raises(DataError, match=r"no metric is on both sides: correct@human:ann in .*marks\.jsonl, stops"):
        compare(marks, two[1])
    with pytest.raises(RequestError, match=r"--metric 'chrff' \(did you mean 'chrf'\?\)"):
        compare(*two, Options(metrics=("chrff",)))
    with pytest.raises(RequestError, match="--lower-is-better 'x'"):
        compare(*two, Options(lower_is_better=("x",)))


def test_without_expected_answers_there_is_one_note(tmp_path):
    a = write(tmp_path / "a.jsonl", [answer(k, k < 3, "a", reference=None) for k in range(12)])
    b = write(tmp_path / "b.jsonl", [answer(k, k < 9, "b", reference=None) for k in range(12)])
    c = compare(a, b)
    assert [m.name for m in c.metrics] == ["stops", "length"]
    assert c.metrics[0].comparison.adjusted_p == c.metrics[0].comparison.p_value
    assert "No example has an expected answer on both sides, so there is no chrf, exact_match" in " ".join(c.caveats)
