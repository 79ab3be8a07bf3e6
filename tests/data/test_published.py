"""The published files of instructions: what their ledgers tell, as docs/broken-data.md says it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from heedful.data.reading import ReadOptions
from heedful.data.stream import check_files

FOLDER = Path(__file__).parents[3] / "shared/data/instruct"
PAGE = Path(__file__).parents[2] / "docs/broken-data.md"

LEDGERS = {
    "alpaca_en_demo.json": {
        "refusals": 30, "duplicates": 14, "bare_link": 9, "placeholder_input": 5, "cut_off": 4, "image_placeholders": 2,
        "open_fence": 1, "set_phrases": 10, "unfilled": 8, "very_short": 1,
    },
    "rasbt-instruction-data.json": {"conflicts": 25, "near": 5},
    "rasbt-instruction-data-with-response.json": {"conflicts": 1, "near": 1},
    "self_instruct_seed_tasks.jsonl": {"personal_email": 1, "unfilled": 3},
    "sharegpt_dummy_conversation.json": {
        "same_answer": 293, "same_closing": 166, "conflicts": 116, "set_phrases": 166, "near": 174,
    },
}  # fmt: skip

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the published files are not here")


@pytest.mark.parametrize("name", LEDGERS)
def test_a_published_files_ledger_is_what_the_page_says(name: str):
    document = check_files([FOLDER / name], ReadOptions()).ledger().to_json()
    found = {f["finding"]: f["count"] for f in document["findings"]}
    if document["near_duplicates"]["count"]:
        found["near"] = document["near_duplicates"]["count"]
    assert found == LEDGERS[name]
    assert document["kept"] == document["read"]
    (line,) = re.findall(rf"^\| `{re.escape(name)}` \| ([\d,]+) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.M)
    assert int(line[0].replace(",", "")) == document["read"]
    told = {int(n) for n in re.findall(r"\d+", line[1])} | {1 if "one code block" in line[1] else 0}
    notes = {"set_phrases", "very_short", "image_placeholders"}  # the page leaves out what is only good to know
    assert {n for kind, n in found.items() if kind not in notes} <= told


def test_one_file_is_a_part_of_the_other():
    files = [FOLDER / "rasbt-instruction-data.json", FOLDER / "rasbt-instruction-data-with-response.json"]
    document = check_files(files, ReadOptions(), near=False).ledger().to_json()
    assert {f["finding"]: f["count"] for f in document["findings"]}["duplicates"] == 110
