"""The ledger's page: what it says, that its sums are drawn to scale, and that nothing in a ledger becomes code."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.data import ledger_lines
from heedful.report.ledger_page import bars, ledger_page, verdict

HOSTILE = "<script>window.hacked=1</script><img src=x onerror=alert(1)>\"'{{7*7}}"


def ledger(**changes: Any) -> dict[str, Any]:
    """A ledger as an early version wrote it: none of the keys that came later."""
    file = {"path": "a.jsonl", "kind": "jsonl", "format": "alpaca", "rows": 10, "sha256": "ab" * 32}
    part = {"rows": 10, "characters": 900, "answer_characters": 400, "longest_characters": 120}
    document = {
        "schema": "heedful.ledger/1", "files": [file], "read": 10,
        "kept": 10, "truncated": 0, "dropped": 0, "unused": 0,
        "reasons": [], "findings": [], "parts": {"train": part}, "overlaps": [], "warnings": [],
    }  # fmt: skip
    return document | changes


def finding(name: str, count: int, **more: Any) -> dict[str, Any]:
    return {
        "finding": name,
        "sentence": f"rows with {name}",
        "count": count,
        "where": ["a.jsonl:3", "a.jsonl:7"],
    } | more


FULL = ledger(
    read=20,
    kept=10,
    truncated=4,
    dropped=6,
    reasons=[{"reason": "empty_answer", "sentence": "the answer is empty", "count": 6, "where": ["a.jsonl:1"]}],
    findings=[finding("secret_token", 2, severity="error"), finding("unfilled", 1, severity="note")],
    overlaps=[{"parts": ["train", "val"], "kind": "near", "count": 3, "where": ["a.jsonl:9 is like a.jsonl:1"]}],
    near_duplicates={"compared": 14, "count": 5, "clusters": 2, "where": ["a.jsonl:4 is like a.jsonl:2"]},
    contamination=[{"index": "mmlu", "items": 100, "found": 2, "rows": 3, "where": ["a.jsonl:8 has mmlu:1"]}],
    distributions={
        "answers": {
            "count": 14, "min": 1, "p5": 1, "p25": 2, "p50": 3, "p75": 5, "p95": 9, "p99": 9, "max": 1234, "mean": 4.0,
            "histogram": [{"from": 1, "to": 1, "count": 4}, {"from": 2, "to": 3, "count": 8}],
        },
        "questions": {"count": 0},
        "turns": {"2": 10, "4": 4},
        "roles": {"user": 18, "assistant": 18},
        "scripts": {"Latin": 13, "Han": 1},
        "languages": {"en": 12, "zh": 1, "unknown": 1},
        "system_prompts": {"count": 3, "distinct": 2, "top": [{"text": "Be brief.", "count": 2}]},
    },
)  # fmt: skip


class Reader(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({}, "yes", "Yes"),
        ({"findings": [finding("unfilled", 4)]}, "yes", "Yes"),  # a note by its name
        ({"findings": [finding("unfilled", 4, severity="warning")]}, "look", "one thing"),
        ({"findings": [finding("markers", 4)]}, "look", "one thing"),
        ({"findings": [finding("never_heard_of", 4)]}, "look", "one thing"),
        ({"findings": [finding("markers", 4), finding("stop_not_trained", 1)]}, "no", "Not yet: one thing"),
        ({"kept": 7, "dropped": 3}, "look", "one thing"),
        ({"warnings": ["a", "b"]}, "look", "2 things"),
        ({"near_duplicates": {"count": 2}}, "look", "one thing"),
        ({"near_duplicates": {"count": 0}, "contamination": [{"index": "x", "items": 9, "rows": 0}]}, "yes", "Yes"),
        ({"contamination": [{"index": "x", "items": 9, "rows": 1}]}, "no", "Not yet"),
        ({"overlaps": [{"parts": ["train", "val"], "count": 1, "where": []}]}, "no", "Not yet"),
        ({"kept": 0, "dropped": 10}, "no", "no row is left"),
    ],
)
def test_the_verdict(changes, kind, said):
    found = verdict(ledger(**changes))
    assert found.kind == kind
    assert said in found.sentence


def test_the_page_says_everything():
    text = " ".join(Reader(ledger_page(FULL, "my rows")).text.split())
    for said in (
        "Not yet: 3 things to mend first",
        "20 read = 10 kept 50% + 4 truncated 20% + 6 dropped 30%",
        "val rows that nearly repeat a train question",
        "test items of mmlu",
        "rows with secret_token",
        "a.jsonl:3",
        "The first 1 of 6",
        "the answer is empty",
        "whose question is nearly that of an earlier row",
        "Good to know",
        "1,234",
        "Languages of the answers",
        "Be brief.",
        "ab" * 32,
        "my rows",
    ):
        assert said in text, said


def test_the_terminal_says_the_same_and_the_gravest_first():
    lines = ledger_lines(FULL)
    text = " ".join(" ".join(lines).split())
    said = (
        "20 read = 10 kept + 4 truncated + 6 dropped",
        "empty_answer: 6",
        "val rows that nearly repeat a train question: 3",
        "mmlu: 3 rows with the text of 2 of 100 test items",
        "rows with secret_token: 2 (a.jsonl:3, 7)",
        "whose question is nearly that of an earlier row: 5 in 2 groups",
        "rows with unfilled: 1",
        "answers: median 3 characters",
        "messages in a row: 2 71%, 4 29%",
        "languages of the answers: en 86%, zh 7%, unknown 7%",
        "system prompts: 3, 2 of them different",
    )
    assert [s for s in said if s not in text] == []
    assert [text.index(s) for s in said] == sorted(text.index(s) for s in said)
    assert max(map(len, lines)) <= 80


def test_names_of_files_stand_once_and_bars_are_not_torn_apart():
    where = ["long.json:7 repeats long.json:2", "long.json:9 repeats long.json:4", "b.json:3 repeats a.json:1"]
    bins = [{"from": n, "to": n, "count": n % 2} for n in range(1, 20)]
    lengths = {"count": 10, "p5": 1_000, "p50": 1_000, "p95": 100_000, "max": 1_000_000, "histogram": bins}
    lines = ledger_lines(
        ledger(findings=[finding("duplicates", 3, where=where)], distributions={"answers": lengths}), width=72
    )
    text = " ".join(" ".join(lines).split())
    assert "3 (long.json:7 repeats line 2; 9 repeats line 4; b.json:3 repeats a.json:1)" in text
    assert lines[-1].endswith("  █ █ █ █ █ █ █ █ █ █")
    one = ledger_lines(ledger(distributions={"answers": lengths | {"p50": 1}}))
    assert "answers: median 1 character, 5%" in one[-2]


def test_a_data_set_of_the_hub_has_its_revision_and_a_source_its_cap_and_weight():
    taken = {
        "path": "a.jsonl",
        "kind": "jsonl",
        "format": "alpaca",
        "rows": 9,
        "sha256": "ab" * 32,
        "cap": 5,
        "weight": 2.5,
    }
    hub = {"path": "hub:a/b:train", "kind": "hub", "format": "alpaca", "rows": 9, "sha256": None, "revision": "cd" * 20}
    document = ledger(files=[taken, hub, hub | {"revision": None}])
    text = " ".join(Reader(ledger_page(document, "t")).text.split())
    assert "jsonl, alpaca, 9 rows, cap 5, weight 2.5" in text
    assert f"revision {'cd' * 20}" in text
    assert "revision unknown" in text
    assert "None" not in text
    assert "  a.jsonl: jsonl, alpaca, 9 rows, cap 5, weight 2.5, sha256 abababababab" in ledger_lines(document)


def test_trained_tokens_of_a_row_are_on_the_page():
    figures = {"count": 10, "min": 0, "p50": 12, "max": 1234}
    part = {"rows": 10, "tokens": 200, "trained_tokens": 100, "longest_tokens": 30, "trained_a_row": figures}
    part |= {"bos_counts": {"0": 2, "1": 8}}
    page = ledger_page(ledger(parts={"train": part, "val": part | {"trained_a_row": {"count": 0}}}), "t")
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", page)]
    assert ["10", "200", "100", "12 (0 to 1,234)", "30"] in rows
    assert ["10", "200", "100", "0", "30"] in rows
    assert "train: BOS a row: 0 in 2 rows, 1 in 8 rows" in Reader(page).text


def test_a_sentence_of_the_rows_own_keeps_its_full_stop():
    shared = finding("same_closing", 9) | {"sentence": "rows whose answers end with the same sentence: 'Just ask.'"}
    assert verdict(ledger(findings=[shared])).reasons == (
        "9 rows whose answers end with the same sentence: 'Just ask.'",
    )


def test_where_nothing_is_wrong_the_terminal_is_quiet():
    lines = ledger_lines(ledger())
    assert [line for line in lines if not line.startswith(" ")] == ["Files", "Rows", "Parts"]


@settings(max_examples=40, deadline=None)
@given(*[st.integers(0, 10**6)] * 3)
def test_the_bar_of_the_sums_adds_up(kept, truncated, dropped):
    read = kept + truncated + dropped
    page = ledger_page(ledger(read=read, kept=kept, truncated=truncated, dropped=dropped), "t")
    drawn = re.findall(r'<rect class="(\w+)" x="([\d.]+)" width="([\d.]+)" height="40"/>', page)
    assert [name for name, _, _ in drawn] == ["kept", "truncated", "dropped"]
    at = 0.0
    for (_, x, width), rows in zip(drawn, (kept, truncated, dropped), strict=True):
        assert float(x) == pytest.approx(at, abs=0.02)
        assert float(width) == pytest.approx(1000 * rows / read if read else 0, abs=0.01)
        at += float(width)
    assert at == pytest.approx(1000 if read else 0, abs=0.03)


def test_bars_are_to_scale():
    assert [(b.width, b.share) for b in bars([("a", 10), ("b", 5), ("c", 0)])] == [
        ("100.00", "67%"),
        ("50.00", "33%"),
        ("0.00", "0%"),
    ]
    assert bars([]) == []
    assert bars([("a", 0)])[0].width == "0"


def hostile(value: Any) -> Any:
    """Every text of a document made hostile, those that choose words among them."""
    if isinstance(value, dict):
        return {k: hostile(v) if k not in ("histogram", "schema") else v for k, v in value.items()}
    if isinstance(value, list):
        return [hostile(v) for v in value]
    return HOSTILE + value + "\x00" if isinstance(value, str) else value


def test_nothing_in_a_ledger_becomes_code():
    document = hostile(FULL)
    document["distributions"]["languages"] = {HOSTILE: 3, "en": 1}
    document["parts"] = {HOSTILE: document["parts"]["train"]}
    page = ledger_page(document, HOSTILE)
    read = Reader(page)
    counts = {
        tag: sum(t == tag for t, _ in read.tags) for tag in ("script", "style", "img", "iframe", "object", "base")
    }
    assert counts == {"script": 1, "style": 1, "img": 0, "iframe": 0, "object": 0, "base": 0}
    assert not [(t, a) for t, a in read.tags if any(k.startswith("on") or k == "style" for k in a)]
    assert "\x00" not in page
    assert "49" not in read.text.split("7*7")[0][-5:]


def test_the_policy_fits_the_page_and_nothing_is_loaded():
    page = ledger_page(FULL, "t")
    tags = Reader(page).tags
    policy = next(a["content"] for t, a in tags if t == "meta" and a.get("http-equiv"))
    for tag in ("style", "script"):
        text = page.split(f"<{tag}>", 1)[1].split(f"</{tag}>", 1)[0]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert policy is not None
        assert f"{tag}-src 'sha256-{digest}'" in policy
    addresses = [a.get("href") or a.get("src") for _, a in tags if a.get("href") or a.get("src")]
    assert all(address and address.startswith(("#", "data:,")) for address in addresses)
    ids = {a["id"] for _, a in tags if "id" in a}
    assert {a[1:] for a in addresses if a and a.startswith("#")} <= ids
