"""A report to pass on: what seems personal is told, and a page without texts has none."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from heedful.report import write_page_without_texts, write_report
from heedful.store import RunFolder, read_json, read_jsonl

_spec = importlib.util.spec_from_file_location("report_run", Path(__file__).with_name("report_run.py"))
assert _spec
assert _spec.loader
report_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(report_run)


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder(report_run.write_run(tmp_path / "customers", *report_run.ALL))


def test_personal_data_is_told_on_the_page_and_without_texts_there_is_none(run):
    path = run.responses("tuned")
    rows = read_jsonl(path)
    write_report(run)
    assert not any("personal" in m for m in read_json(run.report("json"))["missing"])
    rows[0]["text"] = "Write to k.tanaka@kaiun-bune.jp, please."
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    paths = write_report(run)
    page = paths["html"].read_text(encoding="utf-8")
    assert f"1 of {len(rows)} questions seem to hold personal data" in page
    assert "k.tanaka@" in page

    bare = write_page_without_texts(run).read_text(encoding="utf-8")
    assert "left out of this page" in bare
    texts = [m["content"] for r in rows for m in r["messages"]] + [r["text"] for r in rows]
    for text in (*texts, *(r["reference"] for r in rows), *(r["example_id"] for r in rows)):
        if len(text) > 12:
            assert text not in bare
    assert "Montevideo" in page
    assert "Montevideo" not in bare
    figure = read_json(paths["json"])["metrics"]["chrf"]["after"]
    assert isinstance(figure, dict)  # the numbers are those of the whole report
    assert bare.count("<table") >= page.count("<table") - len(rows)
