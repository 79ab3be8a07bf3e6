"""TriviaQA as a task: three forms of its data, documents, figures beside `heedful score`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heedful.errors import DataError, RequestError
from heedful.scorers.official import score_files
from heedful.tasks import Outcome, Places, Plan, Sample
from heedful.tasks.triviaqa import TASKS
from heedful.tasks.triviaqa_rows import WORDS

Write = Callable[..., Places]
Drawn = Callable[..., list[Sample]]
DATA = Path("/work/shared/data")
OFFICIAL, LM_EVAL = TASKS
ROWS = OFFICIAL.sample_rows
MIRROR = '{"id": "m1", "question": "Who wrote it?", "golden_answers": ["Ann Lee", "Lee"]}\n'


def test_closed_book_asks_each_question_of_both_domains_once(write: Write) -> None:
    other = ROWS["qa/web-dev.json"].replace("dev_1", "dev_7")
    places = write("triviaqa", {**ROWS, "qa/web-dev.json": other})
    items = OFFICIAL.items(places, Plan())
    assert [i.id for i in items] == ["dev_0", "dev_7", "dev_1"]
    assert items[0].prompt.text() == (
        "Answer each question with a name, a number or a few words.\n\nQuestion: Who wrote the dev book?\nAnswer:"
    )
    assert (items[0].gold, items[0].group) == (("ann lee", "lee"), None)
    (item, *_) = LM_EVAL.items(places, Plan(shots=1))
    assert item.prompt.text().endswith("\n\nQuestion: Who wrote the dev book??\nAnswer:")
    assert item.gold == ("Ann Lee", "Lee")


def test_reading_shows_the_documents_first_words(write: Write) -> None:
    two = json.loads(ROWS["qa/wikipedia-dev.json"])
    two["Data"][0]["EntityPages"].append({"Filename": "Oslo.txt"})
    long = "one  two\n" * WORDS
    places = write("triviaqa", {**ROWS, "qa/wikipedia-dev.json": json.dumps(two), "evidence/wikipedia/Oslo.txt": long})
    first, second = OFFICIAL.items(places, Plan("wikipedia"))
    passage = first.prompt.question.removeprefix("Passage: ").partition("\nQuestion: ")[0]
    assert passage.startswith("Ann Lee wrote the book in May.\n\none  two\none  two\n")
    assert len(passage.split()) == 7 + WORDS // 2
    assert second.prompt.question.count("one") == WORDS // 2


def test_on_the_web_each_document_asks_and_a_question_is_a_cluster(write: Write) -> None:
    web = json.loads(ROWS["qa/web-dev.json"])
    web["Data"][0]["SearchResults"] = [{"Filename": "3/3_4.txt"}]
    files = {**ROWS, "qa/web-dev.json": json.dumps(web), "evidence/web/3/3_4.txt": "Lee wrote it."}
    places = write("triviaqa", files)
    items = OFFICIAL.items(places, Plan("web"))
    assert [(i.id, i.group) for i in items] == [
        ("dev_0--Ann_Lee.txt", "dev_0"), ("dev_0--3/3_4.txt", "dev_0"), ("dev_1--Oslo.txt", "dev_1")
    ]  # fmt: skip
    assert items[1].prompt.question.startswith("Passage: Lee wrote it.\nQuestion:")


def test_documents_that_are_not_there_or_lie_elsewhere(write: Write, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not for a model", encoding="utf-8")
    for name in ("../../secret", str(tmp_path / "secret")):
        elsewhere = json.loads(ROWS["qa/wikipedia-dev.json"])
        elsewhere["Data"][0]["EntityPages"] = [{"Filename": name}]
        with pytest.raises((DataError, RequestError), match=r"is no name of a document|needs the owner's"):
            OFFICIAL.items(
                write("triviaqa", {**ROWS, "qa/wikipedia-dev.json": json.dumps(elsewhere)}), Plan("wikipedia")
            )
    without = {name: text for name, text in ROWS.items() if "Oslo" not in name}
    fresh = tmp_path / "fresh"
    for name, text in without.items():
        (fresh / name).parent.mkdir(parents=True, exist_ok=True)
        (fresh / name).write_text(text, encoding="utf-8")
    with pytest.raises(RequestError, match=r"needs the owner's .*\(evidence/wikipedia/Oslo.txt\)"):
        OFFICIAL.items(Places("triviaqa", fresh), Plan("wikipedia"))


def test_a_mirrors_lines(write: Write) -> None:
    places = write("triviaqa", {"triviaqa/triviaqa_dev_100.jsonl": MIRROR})
    (item,) = OFFICIAL.items(places, Plan())
    assert (item.id, item.gold) == ("m1", ("Ann Lee", "Lee"))
    with pytest.raises(RequestError, match=r"triviaqa: --shots needs training rows .*--shots 0"):
        OFFICIAL.items(places, Plan(shots=5))
    with pytest.raises(RequestError, match="a mirror's lines name no documents; ask triviaqa without ':web'"):
        OFFICIAL.items(write("triviaqa", {"qa/web-dev.json": MIRROR}), Plan("web"))


def test_the_hubs_rows(hub: Any) -> None:
    row = {
        "question_id": "tc_1", "question": "Who?",
        "answer": {"value": "Ann Lee", "aliases": ["Ann Lee", "A. Lee"], "normalized_aliases": ["ann lee", "a lee"]},
        "entity_pages": {"filename": ["A.txt"], "wiki_context": ["Ann Lee."]},
        "search_results": [{"filename": "1/2.txt", "search_context": "Lee."}],
    }  # fmt: skip
    places = hub("triviaqa", {("rc.nocontext", "validation"): [row, row], ("rc.web", "validation"): [row]})
    (item,) = OFFICIAL.items(places, Plan())
    assert (item.id, item.gold) == ("tc_1", ("ann lee", "a lee"))
    assert [i.id for i in OFFICIAL.items(places, Plan("web"))] == ["tc_1--A.txt", "tc_1--1/2.txt"]


def test_what_counts(write: Write) -> None:
    (item, *_), (lm_item, *_) = (t.items(write("triviaqa", ROWS), Plan()) for t in TASKS)
    assert OFFICIAL.mark(Outcome(item, texts=(" the Ann-Lee\nQ",))).scores == {"exact_match": 1.0, "f1": 1.0}
    assert OFFICIAL.mark(Outcome(item, texts=("Ann",))).scores == {"exact_match": 0.0, "f1": pytest.approx(2 / 3)}
    assert LM_EVAL.mark(Outcome(lm_item, texts=(" ANN LEE ",))).scores == {"exact_match": 1.0}
    assert LM_EVAL.mark(Outcome(lm_item, texts=("the Ann Lee",))).scores == {"exact_match": 0.0}


def test_figures_are_those_of_heedful_score(write: Write, drawn: Drawn, tmp_path: Path) -> None:
    places = write("triviaqa", {**ROWS, "triviaqa/triviaqa_dev_100.jsonl": MIRROR})
    for subset, references in (("wikipedia", "qa/wikipedia-dev.json"), ("web", "qa/web-dev.json")):
        _compared(drawn(OFFICIAL, OFFICIAL.items(places, Plan(subset))), tmp_path / references, tmp_path)


@pytest.mark.skipif(not (DATA / "triviaqa").is_dir(), reason="needs the data in /work/shared/data/triviaqa")
def test_figures_on_the_real_file_are_those_of_heedful_score(drawn: Drawn, tmp_path: Path) -> None:
    data = Places("triviaqa", DATA)
    items = OFFICIAL.items(data, Plan())
    assert len(items) == 100
    _compared(drawn(OFFICIAL, items), data.used[0], tmp_path)


def _compared(samples: list[Sample], references: Path, folder: Path) -> None:
    assert OFFICIAL.submission is not None
    (text,) = OFFICIAL.submission(samples).values()
    (folder / "predictions.json").write_text(text, encoding="utf-8")
    found = score_files("triviaqa", references, folder / "predictions.json")
    assert found["missing"] == 0
    for figure in OFFICIAL.figures(samples):
        assert 100 * (figure.value or 0) == pytest.approx(found[figure.metric], abs=1e-9)


def test_a_part_that_there_is_not(write: Write) -> None:
    with pytest.raises(RequestError, match=r"triviaqa:wiki \(did you mean 'wikipedia'\?\): choose wikipedia or web"):
        OFFICIAL.items(write("triviaqa", ROWS), Plan("wiki"))
