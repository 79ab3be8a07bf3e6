"""SQuAD, TriviaQA, GLUE and SuperGLUE beside their owners' code: equal to the last digit on files that we drew, and on
the published predictions where they are at hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from heedful.scorers.official import score_files

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import benchmarks_inputs as inputs  # noqa: E402  # pyright: ignore[reportMissingImports]

DATA = Path("/work/shared/data")
SAID = json.loads((HERE / "benchmarks.json").read_text(encoding="utf-8"))
SEEDS = range(SAID["cases"])


def scored(folder: Path, kind: str, references: str, predictions: str) -> dict[str, Any]:
    (folder / "references").write_text(references, encoding="utf-8")
    (folder / "predictions").write_text(predictions, encoding="utf-8")
    return score_files(kind, folder / "references", folder / "predictions")


def lines(rows: Iterable[Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def table(*rows: Iterable[Any]) -> str:
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


def same(found: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert {k: found[k] for k in theirs} == theirs


@pytest.mark.parametrize(("kind", "version"), [("squad", "1.1"), ("squad2", "v2.0")])
def test_squad_is_its_script(kind: str, version: str, tmp_path: Path) -> None:
    for seed in SEEDS:
        references, predictions = inputs.squad(seed, version)
        found = scored(tmp_path, kind, json.dumps(references), json.dumps(predictions, ensure_ascii=False))
        theirs = SAID["says"][kind][seed]
        same(found, theirs)
        ours_alone = set(found) - set(theirs)
        assert ours_alone <= {"total", "missing", "extra", "repeated", "note"}, "no key of the owner's is made up"
    assert len({str(said) for said in SAID["says"][kind]}) > 30, "cases that are all alike would show nothing"


def test_triviaqa_is_its_script(tmp_path: Path) -> None:
    for seed in SEEDS:
        references, predictions = inputs.triviaqa(seed)
        same(
            scored(tmp_path, "triviaqa", json.dumps(references), json.dumps(predictions)),
            SAID["says"]["triviaqa"][seed],
        )


def test_triviaqas_mirror_is_compared_in_the_same_way(tmp_path: Path) -> None:
    for seed in SEEDS:
        references, predictions = inputs.triviaqa(seed)
        if references["Domain"] == "Wikipedia" and not references["VerifiedEval"]:
            rows = [
                {"id": r["QuestionId"], "golden_answers": r["Answer"]["Aliases"] + r["Answer"].get("HumanAnswers", [])}
                for r in references["Data"]
            ]
            same(scored(tmp_path, "triviaqa", lines(rows), json.dumps(predictions)), SAID["says"]["triviaqa"][seed])


@pytest.mark.parametrize(
    ("kind", "names", "column"),
    [
        ("glue:mrpc", ("0", "1"), "Quality"),
        ("glue:cola", ("0", "1"), "label"),
        ("glue:mnli", ("entailment", "neutral", "contradiction"), "gold_label"),
        ("glue:ax", ("entailment", "neutral", "contradiction"), "Label"),
    ],
)
def test_glue_is_scikit_learn(kind: str, names: tuple[str, ...], column: str, tmp_path: Path) -> None:
    task = kind.split(":")[1]
    for seed in SEEDS:
        gold, predicted = inputs.classes(seed, len(names))
        references = table((column, "sentence"), *((names[g], "It said “so”.") for g in gold))
        answers = table(("index", "prediction"), *((n, names[p]) for n, p in enumerate(predicted)))
        same(scored(tmp_path, kind, references, answers), SAID["says"]["classes"][task][seed])


def test_sts_b_is_scipy(tmp_path: Path) -> None:
    for seed in SEEDS:
        gold, predicted = inputs.scores(seed)
        references = table(("index", "score"), *enumerate(gold))
        answers = table(("index", "prediction"), *enumerate(predicted))
        same(scored(tmp_path, "glue:stsb", references, answers), SAID["says"]["stsb"][seed])


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("superglue:cb", ("entailment", "contradiction", "neutral")),
        ("superglue:axb", ("entailment", "not_entailment")),
    ],
)
def test_superglue_is_scikit_learn(kind: str, names: tuple[str, ...], tmp_path: Path) -> None:
    task = kind.split(":")[1]
    for seed in SEEDS:
        gold, predicted = inputs.classes(seed, len(names))
        references = lines({"idx": n, "label": names[g]} for n, g in enumerate(gold))
        answers = lines({"idx": n, "label": names[p]} for n, p in enumerate(predicted))
        same(scored(tmp_path, kind, references, answers), SAID["says"]["classes"][task][seed])


def test_gender_parity_is_jiants(tmp_path: Path) -> None:
    names = ("entailment", "not_entailment")
    for seed in SEEDS:
        gold, predicted = inputs.classes(seed, 2)
        references = lines({"idx": n, "hypothesis": str(n // 2), "label": names[g]} for n, g in enumerate(gold))
        answers = lines({"idx": n, "label": names[p]} for n, p in enumerate(predicted))
        found = scored(tmp_path, "superglue:axg", references, answers)
        assert found["gender_parity"] == SAID["says"]["parity"][seed]
        assert found["accuracy"] == SAID["says"]["classes"]["mrpc"][seed]["accuracy"]


def nested(rows: list[tuple[int, ...]], column: int) -> str:
    passages: dict[int, dict[int, list[Any]]] = {}
    for row in rows:
        passages.setdefault(row[0], {}).setdefault(row[1], []).append({"idx": row[2], "label": row[column]})
    return lines(
        {"idx": p, "passage": {"questions": [{"idx": q, "answers": answers} for q, answers in found.items()]}}
        for p, found in passages.items()
    )


def test_multirc_is_evaluates(tmp_path: Path) -> None:
    for seed in SEEDS:
        rows = inputs.multirc(seed)
        same(scored(tmp_path, "superglue:multirc", nested(rows, 3), nested(rows, 4)), SAID["says"]["multirc"][seed])


def test_record_is_its_script(tmp_path: Path) -> None:
    for seed in SEEDS:
        passages, answers = inputs.record(seed)
        given = lines({"idx": key, "label": text} for key, text in answers.items())
        same(scored(tmp_path, "superglue:record", lines(passages), given), SAID["says"]["record"][seed])


PUBLISHED = pytest.mark.skipif(not (DATA / "squad").is_dir(), reason="the published predictions are not at hand")


@PUBLISHED
def test_the_published_predictions() -> None:
    folder = DATA / "squad"
    found = score_files("squad", folder / "dev-v1.1.json", folder / "predictions-v1.1-match-lstm.json")
    assert (found["exact_match"], found["f1"]) == (67.63481551561021, 76.75556184979696)
    found = score_files("squad2", folder / "dev-v2.0.json", folder / "predictions-v2.0-nlnet.json")
    assert (found["exact"], found["f1"]) == (75.82750779078582, 78.77776770381455)
    assert (found["HasAns_f1"], found["NoAns_f1"]) == (75.52773885752195, 82.01850294365012)
    folder = DATA / "triviaqa"
    found = score_files("triviaqa", folder / "triviaqa_sample.json", folder / "sample_predictions.json")
    assert (found["exact_match"], found["common"], found["denominator"]) == (50.0, 1, 2)


@PUBLISHED
def test_the_owners_dev_sets_are_read_whole(tmp_path: Path) -> None:
    """The gold labels as predictions: every row is read, and all is right."""
    for name, kind, column, rows in (
        ("CoLA/dev.tsv", "glue:cola", 1, 1043),
        ("MRPC/msr_paraphrase_test.txt", "glue:mrpc", 0, 200),
        ("QNLI/dev.tsv", "glue:qnli", 3, 200),
        ("RTE/dev.tsv", "glue:rte", 2, 277),
        ("SST-2/dev.tsv", "glue:sst2", 1, 200),
        ("STS-B/dev.tsv", "glue:stsb", 9, 1500),
    ):
        gold = [line.split("\t") for line in (DATA / "glue" / name).read_text("utf-8-sig").split("\n") if line]
        gold = gold[kind != "glue:cola" :]
        answers = table(("index", "prediction"), *((n, row[column]) for n, row in enumerate(gold)))
        (tmp_path / "answers.tsv").write_text(answers, encoding="utf-8")
        found = score_files(kind, DATA / "glue" / name, tmp_path / "answers.tsv")
        assert found["n"] == rows
        assert all(found[k] == pytest.approx(1.0, abs=1e-12) for k in found if k not in ("n", "extra", "note")), kind
    for name, count in (("BoolQ", 100), ("CB", 56), ("COPA", 100), ("MultiRC", 241), ("RTE", 277), ("WSC", 104)):
        path = DATA / "superglue" / name / "val.jsonl"
        found = score_files(f"superglue:{name.lower()}", path, path)
        assert found["n"] == count or name == "MultiRC"
        assert all(found[k] == 1.0 for k in ("accuracy", "exact_match", "f1", "f1_a") if k in found), name
