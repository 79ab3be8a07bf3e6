from __future__ import annotations

import base64
import hashlib
import html.parser
import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from heedful.errors import DataError, RunError
from heedful.report import build, write_report
from heedful.report.curves import draw, read_curves
from heedful.scorers import text as metrics
from heedful.store import RunFolder, read_jsonl

_spec = importlib.util.spec_from_file_location("report_run", Path(__file__).with_name("report_run.py"))
assert _spec
assert _spec.loader
report_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(report_run)


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder(report_run.write_run(tmp_path / "first-run", *report_run.ALL))


class Page(html.parser.HTMLParser):
    """The tags, the texts, and what is wrong with the nesting of a page."""

    VOID = frozenset({"meta", "link", "input", "br", "hr", "img", "wbr"})

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.wrong: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID and not self.get_starttag_text().endswith("/>"):  # type: ignore[union-attr]
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        self.texts.append(data)

    def attributes(self, name: str) -> list[str]:
        return [a[name] or "" for _, a in self.tags if name in a]


def page_of(run: RunFolder) -> tuple[str, Page]:
    text = write_report(run)["html"].read_text(encoding="utf-8")
    return text, Page(text)


def test_three_files_are_written_and_parse(run):
    paths = write_report(run)
    assert {p.name for p in paths.values()} == {"report.html", "report.json", "report.md"}
    page = Page(paths["html"].read_text(encoding="utf-8"))
    assert page.wrong == []
    assert page.open == []
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    referred = [i for a in ("aria-labelledby", "for") for v in page.attributes(a) for i in v.split()]
    assert set(referred) <= set(ids)
    assert {h[1:] for h in page.attributes("href") if h.startswith("#")} <= set(ids)


def test_the_page_is_one_file_that_loads_nothing(run):
    text, page = page_of(run)
    assert not page.attributes("src")
    assert {h for h in page.attributes("href") if not h.startswith("#")} == {"data:,"}
    assert "url(" not in text.split("</style>")[0]
    assert "@import" not in text
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy
    assert "unsafe" not in policy
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        inline = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert inline
        digest = base64.b64encode(hashlib.sha256(inline[1].encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert [t for t, a in page.tags if "style" in a or any(k.startswith("on") for k in a)] == []


def test_untrusted_text_stays_text(tmp_path):
    hostile = report_run.HOSTILE
    folder = report_run.write_run(tmp_path / "run", *report_run.ALL)
    manifest = json.loads((folder / "manifest.json").read_text())
    for key in ("command", "created"):
        manifest[key] = hostile
    manifest["model"]["name"] = hostile
    manifest["recipe"][hostile] = hostile
    manifest["outcome"]["status"] = hostile
    manifest["outcome"]["verdict"]["evidence"] = hostile
    (folder / "manifest.json").write_text(json.dumps(manifest))
    ledger = json.loads((folder / "ledger.json").read_text())
    ledger["warnings"] = ledger["reasons"][0]["where"] = [hostile]
    ledger["parts"][hostile] = {}
    (folder / "ledger.json").write_text(json.dumps(ledger))
    text, page = page_of(RunFolder(folder))
    assert "img" not in {t for t, _ in page.tags}
    assert [t for t, _ in page.tags].count("script") == 1
    assert not any(k.startswith("on") for _, a in page.tags for k in a)
    assert "\x00" not in text
    assert "{{ 7*7 }}" in text
    assert sum(hostile.replace("\x00", "␀").strip() in t for t in page.texts) > 10
    prose = re.sub(r"```+text\n.*?\n```+", "", (folder / "report.md").read_text(), flags=re.DOTALL)
    assert not re.search(r"(?<!\\)<img", prose)


def test_lone_surrogates_and_backticks_do_no_harm(run):
    lines = read_jsonl(run.responses("tuned"))
    lines[0]["text"] = "half \ud800 a pair ````"
    report_run.write_lines(run.responses("tuned"), lines)
    paths = write_report(run)
    assert "half \ufffd a pair" in paths["html"].read_text(encoding="utf-8")
    assert "half \ufffd a pair" in paths["json"].read_text(encoding="utf-8")
    assert "`````text\nhalf" in paths["md"].read_text(encoding="utf-8")


def test_the_numbers_equal_an_independent_computation(run):
    report = json.loads(write_report(run)["json"].read_text(encoding="utf-8"))
    assert report["schema"] == "heedful.report/1"
    base, tuned = report_run.responses("base"), report_run.responses("tuned")
    n = len(base)
    f1 = np.array([[metrics.token_f1_of(r["text"], r["reference"]) for r in side] for side in (base, tuned)])
    got = report["metrics"]["token_f1"]
    assert got["before"]["estimate"] == pytest.approx(f1[0].mean())
    assert got["after"]["estimate"] == pytest.approx(f1[1].mean())
    assert got["difference"]["estimate"] == pytest.approx((f1[1] - f1[0]).mean())
    changed = (f1[1] - f1[0])[f1[1] != f1[0]]
    signs = 1 - 2 * ((np.arange(2 ** len(changed))[:, None] >> np.arange(len(changed))) & 1)
    assert got["p"] == pytest.approx((np.abs(signs @ changed) >= abs(changed.sum()) - 1e-9).mean())
    stops = report["metrics"]["stops"]
    before = sum(r["finish_reason"] == "stop" for r in base)
    assert (before, n) == (2, 20)
    assert stops["before"]["estimate"] == before / n
    assert stops["p"] == pytest.approx(scipy.stats.binomtest(0, n - before).pvalue)
    wilson = scipy.stats.binomtest(before, n).proportion_ci(method="wilson")
    assert (stops["before"]["low"], stops["before"]["high"]) == pytest.approx((wilson.low, wilson.high))
    exact = report["metrics"]["exact_match"]
    assert exact["after"]["estimate"] == sum(r["text"].split() == r["reference"].split() for r in tuned) / n
    assert report["metrics"]["length"]["before"]["estimate"] == sum(r["tokens"] for r in base) / n
    assert report["metrics"]["length"]["p"] is None
    tested = [m for m in report["metrics"].values() if m["p"] is not None]
    assert len(tested) == 5
    assert all(m["p"] <= m["p_corrected"] <= 5 * m["p"] for m in tested)
    assert report["curves"]["val"][0] == [0, 0, 1.674]
    assert report["curves"]["best"][:2] == [50, 5600]


def test_scores_are_written_and_ratings_by_others_kept(run):
    write_report(run)
    scores = read_jsonl(run.scores("tuned"))
    assert len(scores) == 8 * len(report_run.ROWS)
    human = {**scores[0], "id": "h1", "rater": "human:ann", "scorer": "good", "value": 1.0}
    with run.scores("tuned").open("a") as f:
        f.write(json.dumps(human) + "\n")
    write_report(run)
    assert read_jsonl(run.scores("tuned")) == [*scores, human]


def test_a_second_report_is_the_same(run):
    first = {k: p.read_bytes() for k, p in write_report(run).items()}
    assert first == {k: p.read_bytes() for k, p in write_report(run).items()}


@pytest.mark.parametrize(
    ("parts", "missing", "kind"),
    [
        ((), ["ledger.json", "metrics.jsonl", "samples.jsonl", "base.jsonl", "tuned.jsonl"], "none"),
        (("ledger", "metrics", "base"), ["samples.jsonl", "tuned.jsonl"], "none"),
        (("tuned",), ["ledger.json", "metrics.jsonl", "samples.jsonl", "base.jsonl"], "none"),
        (report_run.ALL, [], "better"),
    ],
)
def test_what_is_missing_is_said(tmp_path, parts, missing, kind):
    run = RunFolder(report_run.write_run(tmp_path / "run", *parts))
    data = build(run)
    assert re.findall(r"(\w+\.jsonl?)", " ".join(data.missing)) == missing
    assert data.verdict.kind == kind
    _, page = page_of(run)
    assert page.wrong == []
    assert all(sentence in page.texts for sentence in data.missing)


def test_a_bare_manifest_is_enough(tmp_path):
    (tmp_path / "manifest.json").write_text('{"schema": "heedful.run/1"}')
    _, page = page_of(RunFolder(tmp_path))
    assert page.wrong == []
    json.loads((tmp_path / "report.json").read_text())


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_an_unfinished_run_says_so(tmp_path, status):
    run = RunFolder(report_run.write_run(tmp_path / "run", "metrics", status=status, reason="Ctrl-C"))
    assert any("Ctrl-C" in m for m in build(run).missing)


def test_one_evaluation_makes_no_curve_but_a_page(run):
    report_run.write_lines(run.metrics, report_run.metrics()[:1])
    data = build(run)
    assert any("only one validation loss" in m for m in data.missing)
    assert Page(write_report(run)["html"].read_text()).wrong == []


def test_what_is_no_run_or_broken_is_refused(tmp_path, run):
    with pytest.raises(RunError, match="not a run"):
        build(RunFolder(tmp_path))
    with run.responses("base").open("a") as f:
        f.write('{"id": 1}\n')
    with pytest.raises(DataError, match=r"base\.jsonl:21"):
        build(run)


def _rewrite(run: RunFolder, side: str, change) -> None:
    report_run.write_lines(run.responses(side), [change(n, v) for n, v in enumerate(report_run.responses(side))])


def test_the_verdict_is_mirrored(run):
    base, tuned = report_run.responses("base"), report_run.responses("tuned")
    report_run.write_lines(run.responses("base"), tuned)
    report_run.write_lines(run.responses("tuned"), base)
    verdict = build(run).verdict
    assert verdict.kind == "worse"
    assert verdict.sentence.startswith("Worse: 10% of the answers end by themselves (100% before)")


def test_the_same_answers_are_inconclusive(run):
    report_run.write_lines(run.responses("tuned"), report_run.responses("base"))
    data = build(run)
    assert data.verdict.kind == "inconclusive"
    assert data.verdict.sentence == "Nobody can tell from these 20 questions whether the answers got better."
    assert {q.change for q in data.questions} == {"unchanged"}


def test_one_up_and_one_down_is_inconclusive(run):
    _rewrite(run, "tuned", lambda _, v: {**v, "finish_reason": "length"})
    _rewrite(run, "base", lambda _, v: {**v, "finish_reason": "stop"})
    verdict = build(run).verdict
    assert verdict.kind == "inconclusive"
    assert "fell" not in verdict.sentence
    assert "but 0% of the answers end by themselves (100% before)" in verdict.sentence


def test_fewer_than_two_joined_questions_are_inconclusive(run):
    report_run.write_lines(run.responses("tuned"), report_run.responses("tuned")[:1])
    data = build(run)
    assert data.verdict.kind == "inconclusive"
    assert data.verdict.sentence.startswith("Nobody can tell from 1 question")
    assert data.one_sided == 19
    assert any("19 questions were answered on one side only" in c for c in data.verdict.caveats)


def test_failed_requests_are_counted_and_left_out(run):
    _rewrite(run, "tuned", lambda n, v: {**v, "finish_reason": "error", "error": "no memory"} if n < 3 else v)
    data = build(run)
    row = data.metrics[0].comparison
    assert row
    assert (row.n, row.unscored) == (17, 3)
    assert "Failed requests, left out of every number: 0 before, 3 after." in data.verdict.caveats
    assert data.questions[0].change == "unscored"
    assert "no memory" in write_report(run)["html"].read_text()


def test_readers_are_told_what_weakens_the_numbers(run):
    _rewrite(
        run,
        "tuned",
        lambda n, v: {**v, "settings": "other", "reference": "something else" if n == 0 else v["reference"]},
    )
    caveats = " ".join(build(run).verdict.caveats)
    assert "1 test row repeats a training row" in caveats
    assert "same generation settings" in caveats
    assert "expected answers are not the same" in caveats


def test_questions_without_an_expected_answer(run):
    for side in ("base", "tuned"):
        _rewrite(run, side, lambda _, v: {**v, "reference": None})
    data = build(run)
    assert data.verdict.kind == "better"  # by stopping alone
    assert {q.change for q in data.questions} == {"unscored"}
    assert Page(write_report(run)["html"].read_text()).wrong == []


def test_a_retried_question_counts_once(run):
    lines = report_run.responses("tuned")
    failed = {**lines[0], "id": "old", "finish_reason": "error", "error": "timeout"}
    report_run.write_lines(run.responses("tuned"), [failed, *lines])
    data = build(run)
    assert len(data.questions) == len(lines)
    assert not any("Failed" in c for c in data.verdict.caveats)


def test_samples_of_an_undone_attempt_are_left_out_and_repeats_joined(run):
    lines = report_run.samples((0, 10, 20))
    lines += [{**v, "attempt": 2, "text": "again"} for v in report_run.samples((20, 30))]
    report_run.write_lines(run.samples, lines)
    series = build(run).samples[0]
    assert [(a.step, a.until, a.text) for a in series.answers][-1] == (20, 30, "again")


def test_curves_leave_out_what_is_no_number_and_keep_peaks():
    lines = [{"step": s, "trained_tokens": 10 * s, "train_loss": 1.0 + s / 5000} for s in range(1, 5001)]
    lines[2500]["train_loss"] = 9.0
    lines[3]["train_loss"] = None  # type: ignore[typeddict-item]
    curves = read_curves([*lines, {"step": 0, "val_loss": 2.0}], {})
    assert curves
    assert len(curves.train) == 4999
    svg = draw(curves, "tokens")
    assert svg.count(",") < 3000
    top = min(float(p.split(",")[1]) for p in re.findall(r'class="raw" points="([^"]*)"', svg)[0].split())
    assert top <= 44.1  # the peak is drawn, at the upper edge
    assert read_curves([], {}) is None


def test_every_question_is_on_the_page_and_five_in_the_markdown(run):
    paths = write_report(run)
    page = Page(paths["html"].read_text(encoding="utf-8"))
    assert sum(a.get("class") == "question" for _, a in page.tags) == 20
    markdown = paths["md"].read_text(encoding="utf-8")
    assert len(re.findall(r"\n### \d\. ", markdown)) == 5
    facts = dict(re.findall(r"^\| (.+?) \| (.*) \|$", markdown.split("## What was run")[1], re.MULTILINE))
    assert facts["model"] == f"pip:gemma3-270m, 268,098,176 parameters, SHA-256 {'ab' * 32}"
    assert facts["data"] == f"rows.jsonl, 130 rows, SHA-256 {'cd' * 32}"
    assert facts["tuning"] == "lora, rank 16, 3,796,992 trained parameters, learning rate 0.0002, constant schedule"
    assert facts["steps"] == "80 of 8 rows, 2.0 epochs, the weights of step 50 kept"
    assert facts["template"].startswith("alpaca, stop token \\<eos\\>, SHA-256 ef")  # nothing in it is markup
    again = "of ../first, nothing else than it was, the trained weights are equal, bit for bit"
    assert facts["again"] == again
    assert f"Again: {again}." in page.texts
    assert "auto: 0.0002" in page.texts  # what it was in this run
    assert (facts["seed"], facts["command"].split()[0]) == ("123", "heedful")
    assert "明日" in paths["html"].read_text(encoding="utf-8")
