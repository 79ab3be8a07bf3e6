"""SQuAD, TriviaQA, GLUE and SuperGLUE by hand: figures worked out on paper, the names of kinds, every refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from heedful.cli.main import app
from heedful.errors import RequestError
from heedful.scorers import glue, official, superglue
from heedful.scorers.answers import normalised, token_f1
from heedful.scorers.classes import accuracy, f1, macro_f1, matthews
from heedful.scorers.official import KINDS, find_kind, score_files
from heedful.scorers.triviaqa import normalised as triviaqa_normalised

DOCS = Path(__file__).parents[2] / "docs" / "commands" / "score.md"


def scored(folder: Path, kind: str, references: Any, predictions: Any) -> dict[str, Any]:
    """Score two files: text as it is, a list as lines of JSON, an object as JSON."""
    for name, value in (("references", references), ("predictions", predictions)):
        if isinstance(value, list):
            value = "\n".join(map(json.dumps, value)) + "\n"
        elif not isinstance(value, str):
            value = json.dumps(value)
        (folder / name).write_text(value, encoding="utf-8")
    return score_files(kind, folder / "references", folder / "predictions")


def squad(*questions: tuple[str, list[str]], version: str = "1.1") -> dict[str, Any]:
    qas = [{"id": key, "answers": [{"text": t} for t in texts]} for key, texts in questions]
    return {"version": version, "data": [{"paragraphs": [{"qas": qas}]}]}


def trivia(domain: str = "Wikipedia", **more: Any) -> dict[str, Any]:
    row = {"QuestionId": "tc_1", "Answer": {"NormalizedAliases": ["ann lee"]}, "EntityPages": [{"Filename": "A.txt"}]}
    return {"Domain": domain, "VerifiedEval": False, "Version": 1.0, "Data": [row | more]}


# Worked by hand ---------------------------------------------------------------------------------------------------


def test_squad_by_hand(tmp_path: Path) -> None:
    """One right, one of two words right (P 1, R 1/2: F1 2/3), one without a prediction; an extra one counts nowhere."""
    references = squad(("a", ["the Cat", "dog"]), ("b", ["red house"]), ("c", ["x"]))
    found = scored(tmp_path, "squad", references, {"a": "cat.", "b": "House!", "z": "x"})
    assert found["exact_match"] == pytest.approx(100 / 3)
    assert found["f1"] == pytest.approx(100 * (1 + 2 / 3) / 3)
    assert (found["total"], found["missing"], found["extra"], found["repeated"]) == (3, 1, 1, 0)
    assert found["note"].startswith("1 question without a prediction counted as 0; 1 prediction belonged to no")
    assert scored(tmp_path, "squad", references, {})["exact_match"] == 0, "as the owner's script says"


def test_of_an_id_that_stands_twice_the_last_counts(tmp_path: Path) -> None:
    found = scored(tmp_path, "squad", squad(("a", ["cat"])), '{"a": "dog", "a": "cat"}')
    assert (found["exact_match"], found["repeated"]) == (100.0, 1)


def test_squad2_by_hand(tmp_path: Path) -> None:
    references = squad(("a", ["cat"]), ("b", []), ("c", []), ("d", ["red house"]), version="v2.0")
    found = scored(tmp_path, "squad2", references, {"a": "", "b": "", "c": "the dog", "d": "house"})
    assert found["exact"] == 25.0
    assert found["f1"] == pytest.approx(100 * (1 + 2 / 3) / 4)
    assert [found[f"HasAns_{k}"] for k in ("exact", "total")] == [0.0, 2]
    assert [found[f"NoAns_{k}"] for k in ("exact", "f1", "total")] == [50.0, 50.0, 2]
    assert found["note"] is None
    only = scored(tmp_path, "squad2", squad(("a", ["cat"]), version="v2.0"), {"a": "cat"})
    assert not [k for k in only if k.startswith("NoAns")], "the owner's script has no such keys then"
    assert not [k for k in only if "best" in k], "it has them with probabilities of no answer only"


def test_triviaqa_by_hand(tmp_path: Path) -> None:
    found = scored(tmp_path, "triviaqa", trivia(), {"tc_1": "Ann_Lee"})
    assert [found[k] for k in ("exact_match", "f1", "common", "denominator", "pred_len", "gold_len")] == [
        100.0, 100.0, 1, 1, 1, 1,
    ]  # fmt: skip
    web = scored(tmp_path, "triviaqa", trivia("Web", SearchResults=[{"Filename": "b/2.txt"}]), {"tc_1--A.txt": "lee"})
    assert (web["denominator"], web["missing"]) == (2, 1)
    assert web["f1"] == pytest.approx(100 * (2 / 3) / 2)
    mirror = scored(tmp_path, "triviaqa", [{"id": "t1", "golden_answers": ["The “Lee”"]}], {"t1": "“lee”"})
    assert mirror["exact_match"] == 100.0


def test_what_is_compared() -> None:
    assert normalised("A well-known theme, the “the” Café") == "wellknown theme “ ” café"
    assert triviaqa_normalised("A well-known theme, the ‘the’ x_y") == "well known theme x y"
    assert triviaqa_normalised("cat´s ‘x’ `y`") == "cat s x y"
    assert token_f1([], []) == 0


def test_classes_by_hand() -> None:
    gold, predicted = [1, 1, 1, 0, 0], [1, 0, 1, 1, 0]
    assert accuracy(gold, predicted) == 0.6
    assert f1(gold, predicted) == pytest.approx(2 / 3)
    assert matthews(gold, predicted) == pytest.approx((2 * 1 - 1 * 1) / 6)  # tp tn - fp fn over the root of 3 3 2 2
    assert macro_f1(gold, predicted) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert matthews([1, 1], [1, 0]) == f1([0], [0]) == 0.0


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=20))
def test_classes_hold_what_they_must(pairs: list[tuple[int, int]]) -> None:
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    assert -1 - 1e-12 <= matthews(gold, predicted) <= 1 + 1e-12
    assert matthews(gold, predicted) == pytest.approx(matthews(predicted, gold))
    renamed = [[(k + 1) % 3 for k in side] for side in (gold, predicted)]
    assert macro_f1(*renamed) == pytest.approx(macro_f1(gold, predicted)), "names of classes do not matter"
    assert macro_f1(gold, gold) == accuracy(gold, gold) == 1


@given(st.text(max_size=30))
def test_to_compare_is_to_have_compared(text: str) -> None:
    for f in (normalised, triviaqa_normalised):
        assert f(f(text)) == f(text) or len(text.lower()) != len(text)  # a capital may grow when it is made small


def test_glue_by_hand(tmp_path: Path) -> None:
    """Rows in any order, numbers of the hub for names, CoLA without a line of names, a file of Windows."""
    references = "index\tsentence1\tlabel\n5\tx\tentailment\n3\ty\t1\n"
    found = scored(tmp_path, "glue:rte", references, "index\tprediction\r\n3\tnot_entailment\r\n5\t1\r\n9\t0\r\n")
    assert found["accuracy"] == 0.5
    assert (found["n"], found["extra"]) == (2, 1)
    cola = "gj04\t1\t\tIt rains.\ngj04\t0\t*\tRains it the.\n"
    assert scored(tmp_path, "glue:cola", cola, "index\tprediction\n0\t1\n1\t0\n")["matthews_correlation"] == 1.0
    flat = scored(tmp_path, "glue:stsb", "index\tscore\n0\t1\n1\t2\n", "index\tprediction\n0\t3\n1\t3\n")
    assert flat["pearson"] is None
    assert "pearson is not defined" in flat["note"]


def test_superglue_by_hand(tmp_path: Path) -> None:
    found = scored(
        tmp_path, "superglue:wsc", [{"idx": 0, "label": True}, {"idx": 1, "label": False}],
        [{"idx": 1, "label": "False"}, {"idx": 0, "label": "true"}],
    )  # fmt: skip
    assert found["accuracy"] == 1.0
    pairs = [{"idx": n, "hypothesis": "h", "label": "entailment"} for n in range(3)]
    answers = [{"idx": n, "label": name} for n, name in enumerate(["not_entailment", "not_entailment", "entailment"])]
    found = scored(tmp_path, "superglue:axg", pairs, answers)
    assert (found["accuracy"], found["gender_parity"]) == (pytest.approx(1 / 3), 1.0)
    assert "belongs to no pair" in found["note"]
    gold = {"idx": 0, "passage": {"questions": [
        {"idx": 0, "answers": [{"idx": 0, "label": 1}, {"idx": 1, "label": 0}]},
        {"idx": 1, "answers": [{"idx": 2, "label": 1}, {"idx": 3, "label": 0}]},
    ]}}  # fmt: skip
    given = json.loads(json.dumps(gold).replace('"idx": 3, "label": 0', '"idx": 3, "label": 1'))
    found = scored(tmp_path, "superglue:multirc", [gold], [given])
    assert (found["exact_match"], found["f1_a"], found["questions"]) == (0.5, pytest.approx(0.8), 2)
    assert found["f1_m"] == pytest.approx((1 + (2 / 3 + 0) / 2) / 2)
    queries = {"idx": 0, "qas": [{"idx": n, "answers": [{"text": "Ann Lee"}]} for n in range(2)]}
    found = scored(tmp_path, "superglue:record", [queries], [{"idx": 0, "label": "lee"}])
    assert (found["exact_match"], found["f1"], found["missing"]) == (0.0, pytest.approx(1 / 3), 1)


# Names of kinds -----------------------------------------------------------------------------------------------------


def test_each_task_is_a_kind_and_on_the_page() -> None:
    for benchmark, tasks in (("glue", glue.TASKS), ("superglue", superglue.TASKS)):
        assert {k.split(":")[1] for k in KINDS if k.startswith(f"{benchmark}:")} == set(tasks)
    page = DOCS.read_text(encoding="utf-8")
    for kind in KINDS:
        assert f"`{kind}`" in page or f"## {kind}\n" in page, kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [("glue:STS-B", "stsb"), ("glue:mnli_mismatched", "mnli"), ("glue:MNLI-m", "mnli"), ("superglue:AX-g", "axg")],
)
def test_a_task_may_be_named_as_its_owner_does(name: str, kind: str) -> None:
    assert find_kind(name).task == kind


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("glue:rtee", "(did you mean 'glue:rte'?)"),
        ("superglue:qnli", "choose superglue:axb, superglue:axg"),
        ("sqad2", "(did you mean 'squad2'?)"),
        ("glue", "score 'glue' needs the name of a task: choose glue:ax, glue:cola"),
        (
            "nothing",
            "choose alpaca-eval, bigbench, humaneval, ifeval, squad, squad2, triviaqa, glue:TASK, superglue:TASK",
        ),
    ],
)
def test_a_kind_that_there_is_not(name: str, says: str) -> None:
    with pytest.raises(RequestError) as caught:
        find_kind(name)
    assert says in str(caught.value)


# Refusals: kind, references, predictions, what the message says ----------------------------------------------------

RTE = "index\tlabel\n0\tentailment\n1\tentailment\n"
CB = [{"idx": 0, "label": "neutral"}]
READS = [{"idx": 0, "passage": {"questions": [{"idx": 0, "answers": [{"idx": 0, "label": 1}]}]}}]
REFUSED = [
    ("squad", "", "{}", "references: is empty"),
    ("squad", "{\n\n]", "{}", "references:3: broken JSON"),
    ("squad", [1], "{}", "not a file of SQuAD"),
    ("squad", {"data": []}, "{}", "has no questions"),
    ("squad", {"data": [{"paragraphs": {}}]}, "{}", 'data[0]: has no list under "paragraphs"'),
    ("squad", {"data": [{"paragraphs": [{"qas": [{"answers": []}]}]}]}, "{}", '[0].qas[0]: a question has an'),
    ("squad", squad(("a", [])), {"a": ""}, "such questions are SQuAD 2.0's: score squad2"),
    ("squad", squad(("a", ["x"])), [["a", "x"]], "predictions: not one object"),
    ("squad", squad(("a", ["x"])), {"a": None}, "the answer to a is null; write it as text"),
    ("squad", squad(("a", ["x"])), {"a": 1998}, "the answer to a is 1998"),
    ("squad", squad(("a", ["x"])), {"b": "x"}, "the ids there look like a, and here like b"),
    ("squad", squad(("a", ["x"])), "[" * 200_000, "nested too deep"),
    ("squad2", squad(("a", ["x"]), ("b", [])), {"a": "x"}, "no prediction for 1 question of 2, the first of them b"),
    ("triviaqa", {"Data": []}, "{}", "not a file of TriviaQA"),
    ("triviaqa", trivia(Answer={}), {"tc_1": "x"}, "Data[0]: has no answers"),
    ("triviaqa", trivia("Web"), {"tc_1": "x"}, "the ids there look like tc_1--A.txt, and here like tc_1"),
    ("triviaqa", trivia("Web", EntityPages=[{}]), "{}", 'a document has no "Filename"'),
    ("triviaqa", [{"id": "a", "golden_answers": ["x"]}] * 2, "{}", 'references:2: "a" stands at'),
    ("triviaqa", [{"id": "a", "golden_answers": []}], "{}", 'references:1: a line has an "id"'),
    ("glue:rte", RTE, "index\tprediction\n0\tentailment\n", "no prediction for 1 row of 2, the first of them 1"),
    ("glue:rte", RTE, "index\tprediction\n0\tyes\n1\t0\n", 'predictions:2: "yes" is no label; write entailment or'),
    ("glue:rte", RTE, "index\tprediction\n0\t0\n0\t0\n1\t0\n", "predictions:3: 0 was predicted before"),
    ("glue:rte", RTE, "index\tlabel\n0\t0\n", "there is no column prediction; there are index, label"),
    ("glue:rte", RTE, "index\tprediction\n0\n", "predictions:2: has 1 cell where the columns are 2"),
    ("glue:rte", RTE, "index\tprediction\n-1\t0\n", '"-1" is no index'),
    ("glue:rte", "index\tlabel\n", "index\tprediction\n", "references: has no rows"),
    ("glue:stsb", "index\tscore\n0\tnan\n", "index\tprediction\n0\t1\n", '"nan" is no score'),
    ("glue:sst2", "sentence\tlabel\nx\t2\n", "index\tprediction\n0\t1\n", '"2" is no label; write 0 or 1'),
    ("superglue:cb", CB, [{"idx": 0}], "predictions:1: null is no label; write entailment, contradiction or neutral"),
    ("superglue:cb", CB, [{"idx": "0", "label": "neutral"}], '"idx" is "0"; it is the whole number'),
    ("superglue:cb", CB, "3\n", "predictions:1: not an object"),
    ("superglue:cb", CB * 2, CB, "references:2: 0 stands at"),
    ("superglue:multirc", READS, [{"idx": 0, "label": 1}], 'predictions:1: has no list of objects under "questions"'),
    ("superglue:record", [{"idx": 0, "qas": [{"idx": 0}]}], CB, 'has no list of objects under "answers"'),
    ("superglue:record", [{"idx": 0, "qas": [{"idx": 4, "answers": [{"text": "x"}]}]}], CB, "no idx belongs to"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "references", "predictions", "says"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused(kind: str, references: Any, predictions: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        scored(tmp_path, kind, references, predictions)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures on stdout, one document with --json; what was missing on stderr."""
    monkeypatch.chdir(tmp_path)
    Path("dev.json").write_text(json.dumps(squad(("a", ["cat"]), ("b", ["dog"]))), encoding="utf-8")
    Path("answers.json").write_text('{"a": "cat"}', encoding="utf-8")
    arguments = ["score", "squad", "--references", "dev.json", "--predictions", "answers.json"]
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 0
    assert found.stdout.splitlines()[0].split() == ["exact_match", "50.0"]
    assert "note" not in found.stdout
    assert found.stderr == "note: 1 question without a prediction counted as 0\n"
    assert json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)["missing"] == 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "dev-v1.1.json").write_text("{}")
    with pytest.raises(RequestError, match=r"did you mean 'dev-v1.1.json'\?\); it should hold dev-v1.1"):
        score_files("squad", tmp_path / "dev-v1.json", tmp_path / "dev-v1.1.json")
    with pytest.raises(RequestError, match=r"--predictions .*: is a folder; name the file in it that has one object"):
        score_files("squad", tmp_path / "dev-v1.1.json", tmp_path)


def test_every_name_in_the_tables_is_the_owners() -> None:
    assert [official.find_kind(f"glue:{name}").summary for name in ("MNLI-mm", "SST-2")] == [
        "GLUE's MNLI: accuracy",
        "GLUE's SST-2: accuracy",
    ]
