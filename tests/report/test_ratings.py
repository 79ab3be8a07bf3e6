"""What people and judges said, on the page: sides, turned pairs, what has no value, and contradictions."""

from __future__ import annotations

import pytest
from tests.report.report_run import ALL, write_run

from heedful.records import Response, Score, from_json, to_json
from heedful.report import build, write_report
from heedful.store import RunFolder, read_json, read_jsonl, write_json, write_jsonl


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder(write_run(tmp_path / "run", *ALL))


def answers(run, side):
    return [from_json(Response, v) for v in read_jsonl(run.responses(side))]


def put(run, name, *scores):
    write_jsonl(run.scores(name), [to_json(s) for s in scores])


def single(response, value, rater="human:ann", **metadata):
    return Score(
        f"{rater}-{response.id}", response.example_id, (response.id,), "review.single", rater, value, metadata=metadata
    )


def pair(first, second, value, rater="judge:j"):
    ids = (first.id, second.id)
    return Score(f"{rater}-{'-'.join(ids)}", first.example_id, ids, "pairs", rater, value)


def test_single_marks_are_compared_on_the_same_questions(run):
    base, tuned = ({r.example_id: r for r in answers(run, side)} for side in ("base", "tuned"))
    ids = [i for i in base if i in tuned][:8]
    marks = (
        [single(base[i], 0.0) for i in ids] + [single(tuned[i], 1.0) for i in ids[:7]] + [single(tuned[ids[7]], None)]
    )
    put(run, "review", *marks)
    (rating,) = build(run).ratings
    assert (rating.kind, rating.unscored, rating.strange) == ("single", 1, 0)
    c = rating.comparison
    assert c is not None
    assert (c.n, c.before.estimate, c.after.estimate, c.difference.estimate) == (7, 0.0, 1.0, 1.0)
    assert c.p_value == 2 / 2**7  # of all sign patterns the one seen and its mirror image
    assert c.verdict == "better"


def test_a_pair_in_the_other_order_is_turned(run):
    base, tuned = ({r.example_id: r for r in answers(run, side)} for side in ("base", "tuned"))
    ids = [i for i in base if i in tuned][:6]
    said = [pair(base[i], tuned[i], 1.0) for i in ids[:3]] + [pair(tuned[i], base[i], 0.0) for i in ids[3:5]]
    put(run, "judge-j-pairs", *said, pair(base[ids[5]], tuned[ids[5]], 0.5))
    write_json(run.path / "scores" / "judge-j-pairs.summary.json", {"warnings": ["it prefers the <first> place"]})
    (rating,) = build(run).ratings
    assert (rating.wins, rating.losses, rating.ties) == (5, 0, 1)
    assert rating.after is not None
    assert rating.after.estimate == pytest.approx(5.5 / 6)
    page = write_report(run)["html"].read_text()
    assert "it prefers the &lt;first&gt; place" in page
    assert "won 92% of 6 pairs" in page
    told = read_json(run.report("json"))["ratings"]
    assert [(r["rater"], r["wins"], r["n"]) for r in told] == [("judge:j", 5, 6)]


def test_pairs_that_are_all_ties_are_not_certain(run):
    base, tuned = ({r.example_id: r for r in answers(run, side)} for side in ("base", "tuned"))
    put(run, "judge-j-pairs", *(pair(base[i], tuned[i], 0.5) for i in [i for i in base if i in tuned][:4]))
    (rating,) = build(run).ratings
    assert rating.after is not None
    assert rating.comparison is not None
    assert (rating.after.estimate, rating.comparison.verdict) == (0.5, "inconclusive")
    assert rating.comparison.after.low < 0.2 < 0.8 < rating.comparison.after.high


def test_the_last_mark_counts_and_other_peoples_answers_do_not(run):
    one = answers(run, "tuned")[0]
    stranger = Score("s", "e", ("no such answer",), "review.single", "human:ann", 0.0)
    put(run, "review", single(one, 0.0), stranger, single(one, 1.0))
    (rating,) = build(run).ratings
    assert rating.after is not None
    assert (rating.after.estimate, rating.after.n, rating.strange, rating.comparison) == (1.0, 1, 1, None)
    assert "human:ann, review.single: 1.0 after." in build(run).verdict.reasons


def test_a_rater_who_says_otherwise_is_a_caveat(run):
    base, tuned = ({r.example_id: r for r in answers(run, side)} for side in ("base", "tuned"))
    ids = [i for i in base if i in tuned][:12]
    put(run, "review", *(pair(base[i], tuned[i], 0.0, "human:ann") for i in ids))
    found = build(run)
    assert found.verdict.kind == "better"
    assert any("human:ann, pairs says worse, where the metrics on texts say better" in c for c in found.verdict.caveats)


def test_without_ratings_the_page_has_no_such_part(run):
    assert build(run).ratings == ()
    assert "What people and judges said" not in write_report(run)["html"].read_text()
