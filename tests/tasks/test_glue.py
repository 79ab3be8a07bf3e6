"""GLUE: the owner's files and the hub's rows, examples, mistakes, the leaderboard's files."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heedful.errors import DataError, HeedfulError, RequestError
from heedful.scorers.official import score_files
from heedful.tasks import Outcome, Places, Plan, Sample, find_task
from heedful.tasks.glue import TASKS
from heedful.tasks.glue_rows import names
from heedful.tasks.samples_glue import SAMPLE

Write = Callable[..., Places]
Drawn = Callable[..., list[Sample]]
DATA = Path("/work/shared/data")
GLUE, LM_EVAL = TASKS
_NAMES = "index\tsentence1\tsentence2\tlabel\n"


def test_every_part_is_read_from_the_owners_files(write: Write) -> None:
    items = GLUE.items(write("glue", {f"glue/{name}": text for name, text in SAMPLE.items()}), Plan())
    assert [i.id for i in items if i.id.endswith("/1")] == [f"{part}/1" for part in GLUE.subsets if part != "mnli"]
    by_id = {i.id: i for i in items}
    assert by_id["cola/0"].prompt.text() == (
        "Sentence: The cat slept.\nQuestion: Is this sentence good English grammar?\nAnswer:"
    )
    assert by_id["cola/0"].choices == (" no", " yes")
    assert [by_id[f"{i}"].gold for i in ("cola/0", "cola/1", "rte/0", "wnli/0", "ax/1")] == [1, 0, 1, 1, 2]
    assert [by_id[f"stsb/{n}"].gold for n in range(3)] == [4.8, 0.2, 2.5]
    assert 'Sentence 2: The bank "closed".' in by_id["mrpc/1"].prompt.text()


def test_the_hubs_rows_are_asked_like_the_owners(hub: Any) -> None:
    of_hub = hub(
        "glue",
        {
            ("mnli", "validation_mismatched"): [
                {"premise": "The shop is shut.", "hypothesis": "The shop is open. ", "label": 2, "idx": 0},
                {"premise": "The shop is shut.", "hypothesis": "The shop is not open.", "label": 0, "idx": 1},
            ],
            ("stsb", "test"): [{"sentence1": "A", "sentence2": "B", "label": -1.0, "idx": 7}],
        },
    )
    found = GLUE.items(of_hub, Plan("MNLI-mm"))
    assert [(i.id, i.gold) for i in found] == [("mnli_mismatched/0", 2), ("mnli_mismatched/1", 0)]
    (item,) = GLUE.items(of_hub, Plan("stsb", split="test"))
    assert (item.id, item.gold) == ("stsb/7", None)


def test_what_is_at_hand_is_run_and_the_rest_is_told(write: Write) -> None:
    places = write("glue", {name: SAMPLE[name] for name in ("RTE/dev.tsv", "CoLA/dev.tsv")})
    assert {i.subset for i in GLUE.items(places, Plan())} == {"rte", "cola"}
    with pytest.raises(RequestError, match=r"needs the owner's CoLA/dev.tsv.* \(WNLI/dev.tsv\)"):
        GLUE.items(places, Plan("wnli"))
    with pytest.raises(RequestError, match=r"glue:rte: --shots needs training rows .*\(RTE/train.tsv\).*--shots 0"):
        GLUE.items(places, Plan("rte", shots=2))
    with pytest.raises(RequestError, match=r"glue:rtf \(did you mean 'rte'\?\): choose cola, .*, mnli, or none"):
        GLUE.items(places, Plan("rtf"))
    with pytest.raises(
        RequestError, match="glue@lm-eval has no stsb, as lm-evaluation-harness has none; ask glue:stsb"
    ):
        LM_EVAL.items(places, Plan("STS-B"))
    with pytest.raises(RequestError, match="glue has no split 'dev'; choose train, validation, test"):
        GLUE.items(places, Plan("rte", split="dev"))


def test_examples_come_from_the_training_rows_by_seed(write: Write) -> None:
    lines = "".join(f"{k}\tPremise {k}.\tHypothesis {k}.\tentailment\n" for k in range(40))
    files = {**SAMPLE, "RTE/train.tsv": _NAMES + lines}
    places = write("glue", files)
    once, again, other = (GLUE.items(places, Plan("rte", shots=3, seed=seed)) for seed in (1, 1, 2))
    assert [i.prompt for i in once] == [i.prompt for i in again] != [i.prompt for i in other]
    shots = once[0].prompt.shots
    assert len(set(shots)) == 3
    assert all(answer == " yes" for _, answer in shots)
    assert GLUE.items(places, Plan("ax", shots=1))[0].prompt.shots[0][0].startswith("Premise: It rained all day.")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("RTE/dev.tsv", _NAMES + "0\tA\tB\tmaybe\n", r"dev.tsv:2: \"maybe\" is no label; write"),
        ("RTE/dev.tsv", "index\tsentence1\tlabel\n0\tA\t1\n", "dev.tsv:2: there is no column sentence2"),
        ("RTE/dev.tsv", _NAMES + "0\tA\t1\n", "dev.tsv:2: has 3 cells where the columns are 4"),
        ("RTE/dev.tsv", _NAMES + "0\tA\tB\t1\n0\tA\tB\t1\n", "0 stands at .*:2, too"),
        ("RTE/dev.tsv", _NAMES, "has no rows"),
        ("STS-B/dev.tsv", "index\tsentence1\tsentence2\tscore\n0\tA\tB\thigh\n", "\"high\" is no score"),
        ("CoLA/dev.tsv", "", "is empty"),
    ],
)  # fmt: skip
def test_a_broken_file_is_told_with_its_line(write: Write, name: str, text: str, said: str) -> None:
    part = name.split("/")[0]
    with pytest.raises(DataError, match=said):
        GLUE.items(write("glue", {name: text}), Plan(part))


def test_rows_that_qqps_owner_cut_off_are_left_out(write: Write) -> None:
    text = SAMPLE["QQP/dev.tsv"] + "2\t5\t6\tWhy is\n"
    assert len(GLUE.items(write("glue", {"QQP/dev.tsv": text}), Plan("qqp"))) == 2


def test_the_score_of_two_sentences_is_the_mean_of_six_weighted_by_likelihood(write: Write) -> None:
    (item, *_) = GLUE.items(write("glue", SAMPLE), Plan("stsb"))
    values = [math.log(p) for p in (0.1, 0.1, 0.1, 0.1, 0.2, 0.4)]  # 0.1 + 0.2 + 0.3 + 0.8 + 2.0
    mark = GLUE.mark(Outcome(item, tuple(v - 50 for v in values)))
    assert mark.answer == pytest.approx(3.4)
    assert mark.scores["closeness"] == pytest.approx(1 - 1.4 / 5)


def test_the_test_files_have_no_labels_and_become_the_leaderboards_files(write: Write, drawn: Drawn) -> None:
    files = {
        "CoLA/test.tsv": "index\tsentence\n0\tThe cat slept.\n1\tCat the.\n",
        "STS-B/test.tsv": "index\tsentence1\tsentence2\n0\tA\tB\n1\tA\tC\n",
        "MNLI/test_matched.tsv": "index\tsentence1\tsentence2\n3\tA\tB\n5\tA\tC\n",
        "AX/diagnostic.tsv": "index\tsentence1\tsentence2\n0\tA\tB\n1\tA\tC\n",
    }
    items = GLUE.items(write("glue", files), Plan(split="test"))
    assert [i.gold for i in items] == [None] * 8
    samples = drawn(GLUE, items)
    assert all(v is None for s in samples for v in s.mark.scores.values())
    assert all(f.value is None and f.n == 0 for f in GLUE.figures(samples))
    assert GLUE.submission is not None
    made = GLUE.submission(samples)
    assert sorted(made) == ["AX.tsv", "CoLA.tsv", "MNLI-m.tsv", "STS-B.tsv"]
    labels = {
        s.item.id: ("entailment", "neutral", "contradiction")[s.mark.answer] for s in samples if "mnli" in s.item.id
    }
    assert made["MNLI-m.tsv"] == (f"index\tprediction\n3\t{labels['mnli_matched/3']}\n5\t{labels['mnli_matched/5']}\n")
    failed = Outcome(items[0], error="no answer")
    with pytest.raises(HeedfulError, match="glue:cola: 1 item of 2 have no answer, the first of them cola/0"):
        GLUE.submission([Sample(failed, GLUE.mark(failed)), *samples[1:]])


def test_figures_are_those_of_heedful_score_on_the_leaderboards_files(write: Write, drawn: Drawn) -> None:
    places = write("glue", SAMPLE)
    samples = drawn(GLUE, GLUE.items(places, Plan()))
    _equal_to_scores(places, samples)


@pytest.mark.skipif(not (DATA / "glue").is_dir(), reason="needs the data in /work/shared/data/glue")
def test_figures_on_the_real_files_are_those_of_heedful_score(write: Write, drawn: Drawn) -> None:
    items = [i for part in ("rte", "mrpc", "sst2") for i in GLUE.items(Places("glue", DATA), Plan(part))]
    assert len(items) == 277 + 200 + 200
    real = Places("glue", DATA / "glue")
    _equal_to_scores(write("glue", {"none": ""}), drawn(GLUE, items), real)


def _equal_to_scores(places: Places, samples: list[Sample], data: Places | None = None) -> None:
    assert GLUE.submission is not None
    assert places.folder is not None
    figures = {(f.part, f.metric): f.value for f in GLUE.figures(samples)}
    checked = 0
    for name, text in GLUE.submission(samples).items():
        part = {"MNLI-m": "mnli_matched", "MNLI-mm": "mnli_mismatched"}.get(
            name[:-4], name[:-4].lower().replace("-", "")
        )
        (places.folder / name).write_text(text, encoding="utf-8")
        (data or places).used.clear()
        references = (data or places).find(*names(part, "validation"))
        assert references is not None
        kind = "glue:mnli" if part.startswith("mnli") else f"glue:{part}"
        found = score_files(kind, references, places.folder / name)
        for metric in ("accuracy", "f1", "matthews_correlation"):
            if metric in found:
                assert figures[part, metric] == found[metric]
                checked += 1
    assert checked >= 3


def test_names() -> None:
    assert find_task("glue@lm-eval:rte").task is LM_EVAL
    assert find_task("glue:rte").key == "glue:rte"
    assert set(LM_EVAL.subsets) == set(GLUE.subsets) - {"stsb", "ax"}
