"""Evals put to a model, one after the other: the model's answers first, then a judge's where an eval has one.

    run_evals(bench, prepared, load, load_judge, folder, view)      -> results.json, as a value

Folder, journal, samples and results are those of `heedful bench`; evals/KEY.jsonl has the events as the owner logs
them. A sample that could not be asked or graded is unscored, and an event of type `error`: the owner stops there.
"""

from __future__ import annotations

import hashlib
import math
import random
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heedful.bench.asked_for import SCHEMA, Bench, View
from heedful.bench.facts import precision_of, run_facts, template_facts
from heedful.bench.folder import BenchFolder
from heedful.bench.journal import Journal
from heedful.bench.requests import How, Request
from heedful.errors import DataError, HeedfulError, RequestError
from heedful.evals.asking import Talk, finish
from heedful.evals.completion import DIRECT, CompletionFn
from heedful.evals.kinds import Prepared, Question
from heedful.evals.log import log_lines
from heedful.evals.prompts import as_messages, as_text
from heedful.evals.verdicts import Event, Verdict
from heedful.records import hash_of, to_json
from heedful.stats import standard_error
from heedful.store import read_json, write_json, write_jsonl

PROFILE = "openai-evals"


@dataclass(frozen=True)
class EvalsBench:
    """What is asked for. `judge` None: the model grades itself, in the way that it answers: through `fn`, which is the
    completion function. `registry` is where the evals come from."""

    model: str
    registry: Path
    judge: str | None = None
    how: How = field(default_factory=How)
    seed: int = 0
    limit: int | None = None
    fn: CompletionFn = DIRECT

    @property
    def bench(self) -> Bench:
        return Bench(self.model, self.how, self.seed, None, self.limit)


@dataclass(frozen=True)
class _Done:
    """A question with the model's talks, the judge's, and the verdict, or why there is none."""

    question: Question
    talks: list[Talk]
    by: Talk | None
    events: list[Event]
    verdict: Verdict | None
    error: str | None


def run_evals(
    bench: EvalsBench,
    prepared: Sequence[Prepared],
    load: Callable[[], Any],
    load_judge: Callable[[], Any] | None,
    folder: BenchFolder,
    view: View,
) -> dict[str, Any]:
    """Put the evals to the model and write the folder; the value of results.json.

    HeedfulError where no sample of an eval could be scored; what was written stays, and `--resume` goes on with it.
    """
    _known(folder)
    view.phase("load", f"Loading {bench.model}")
    began = time.monotonic()
    model = load()
    judge = None
    if load_judge is not None and any(p.grading for p in prepared):
        view.phase("judge", f"Loading {bench.judge}")
        judge = load_judge()
    loaded = round(time.monotonic() - began, 3)
    if bench.how.plain and getattr(model, "complete", None) is None:
        raise RequestError(
            f"task {prepared[0].key} has texts gone on with, and {bench.model} takes only conversations; add "
            "--template auto"
        )
    with folder.hold():
        known = _known(folder)
        facts = {"schema": SCHEMA, **run_facts(bench.bench, model), "load_seconds": loaded, "seconds": 0.0}
        results = facts | {name: known.get(name, {}) for name in ("results", "tasks")}
        for one in prepared:
            view.phase(one.key, f"{one.key}: {len(one.questions):,} sample{'s' * (len(one.questions) != 1)}")
            figures, about = _run(bench, one, model, judge, folder, view)
            results["results"][one.key], results["tasks"][one.key] = figures, about
            results["seconds"] = round(sum(t["seconds"] for t in results["tasks"].values()), 3)
            write_json(folder.results, results)
    for one in prepared:
        about = results["tasks"][one.key]
        if about["failed"] == about["items"]:
            raise HeedfulError(
                f"no sample of {one.key} could be scored (the first reason: {about['first_error']}); mend that and add "
                "--resume"
            )
    return results


def _known(folder: BenchFolder) -> dict[str, Any]:
    if not folder.results.is_file():
        return {}
    found = read_json(folder.results)
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise DataError(f"{folder.results}: not results of this version ({SCHEMA}); choose another --out")
    return found


def _run(
    bench: EvalsBench, one: Prepared, model: Any, judge: Any, folder: BenchFolder, view: View
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One eval: its figures and its facts."""
    began = time.monotonic()
    with Journal(folder.journal(one.key), _head(bench, one, model), began) as journal:
        asked = [[Talk(c, bench.how, bench.fn, bench.model) for c in q.calls] for q in one.questions]
        requests, found = finish([t for of in asked for t in of], model, journal, view.advance)
        graded: list[Talk | None] = [None] * len(asked)
        if one.grading is not None:
            graded = [_graded(bench, one, q, of, judge) for q, of in zip(one.questions, asked, strict=True)]
            judging = [t for t in graded if t is not None]
            view.phase(
                f"{one.key}/judge", f"{one.key}: {len(judging):,} answers graded by {bench.judge or bench.model}"
            )
            judged, more = finish(judging, judge if judge is not None else model, journal, view.advance)
            requests, found = requests | judged, found + more
        done = [_marked(one, q, of, by) for q, of, by in zip(one.questions, asked, graded, strict=True)]
        seconds = journal.seconds
    marks = [d.verdict for d in done if d.verdict is not None]
    report = one.report(marks, random.Random(one.seed))
    write_jsonl(folder.samples(one.key), [_sample(one, d, bench.how) for d in done])
    models = [bench.fn.label(bench.model), *([bench.judge] if bench.judge and one.grading else [])]
    events = [(d.question.id, event) for d in done for event in d.events]
    lines = log_lines(one, str(bench.registry), models, events, report, shlex.join(sys.argv))
    write_jsonl(folder.path / "evals" / folder.samples(one.key).name, lines)
    answers = [journal.answers[k] for k in requests if k in journal.answers]
    return _figures(done, report), _facts(bench, one, done, report) | {
        "requests": len(requests),
        "asked": found,
        "reused": len(requests) - found,
        "truncated": sum(bool(a.get("truncated")) for a in answers),
        "cut_off": sum(a.get("finish_reason") == "length" for a in answers),
        "seconds": round(seconds, 3),
        "items_per_second": round(len(done) / seconds, 3) if seconds > 0 else None,
        "template": template_facts(bench.how, model),
    }


def _head(bench: EvalsBench, one: Prepared, model: Any) -> dict[str, Any]:
    """Who is asked, and how: what must be the same when a journal is gone on with."""
    about = getattr(model, "about", None) or {}
    return {
        "model": bench.model,
        "weights": about.get("sha256"),
        "precision": precision_of(model),
        "profile": PROFILE,
        "template": template_facts(bench.how, model)["name"],
        "shots": one.shots,
        "judge": (bench.judge or bench.model) if one.grading is not None else None,
        "completion_fn": bench.fn.name or None,
        "seed": one.seed,
    }


def requests_of(one: Prepared, how: How, fn: CompletionFn = DIRECT) -> dict[str, Request]:
    """What the model is asked first. What a function asks after that, and a judge, follows from the answers."""
    talks = (Talk(c, how, fn, "") for q in one.questions for c in q.calls)
    return {t.request.key: t.request for t in talks if t.request is not None}


def _graded(bench: EvalsBench, one: Prepared, question: Question, talks: Sequence[Talk], judge: Any) -> Talk | None:
    """What a judge is asked about a question; None where one of its answers is missing."""
    texts = [t.answer for t in talks if t.answer is not None]
    if len(texts) < len(talks):
        return None
    call = one.judge_call(question, texts)
    if judge is None:
        return Talk(call, bench.how, bench.fn, bench.model, "judge")
    return Talk(call, How("auto", False, bench.how.batch_size), DIRECT, str(bench.judge), "judge")


def _marked(one: Prepared, question: Question, talks: list[Talk], by: Talk | None) -> _Done:
    """A question's events and verdict."""
    events: list[Event] = []
    asked = [*talks, *([by] if by is not None else [])]
    for talk in asked:
        events += talk.events
        if talk.error is not None:
            return _Done(question, talks, by, events, None, talk.error)
    said = str(asked[-1].answer)
    verdict = one.grading.verdict(said, question.gold) if one.grading is not None else one.mark(said, question.gold)
    return _Done(question, talks, by, [*events, *verdict.events], verdict, None)


def _sample(one: Prepared, done: _Done, how: How) -> dict[str, Any]:
    """One line of samples/KEY.jsonl."""
    question = done.question
    prompts = [as_text(c.prompt) if how.plain else [to_json(m) for m in as_messages(c.prompt)] for c in question.calls]
    out: dict[str, Any] = {"id": question.id, "prompt": prompts[0] if prompts else None}
    lines = [line for t in (*done.talks, *([done.by] if done.by is not None else [])) for line in t.lines]
    if done.error is None:
        out["texts"] = [t.answer for t in done.talks]
        if any(len(t.lines) > 1 for t in done.talks):  # of a completion function: all that the model said
            out["steps"] = [[line["text"] for line in t.lines] for t in done.talks]
        out |= {"judge": done.by.answer} if done.by is not None else {}
        out["finish_reasons"] = [line.get("finish_reason") for line in lines]
    scores = dict(done.verdict.scores) if done.verdict is not None else {}
    out |= {"answer": done.verdict.answer if done.verdict is not None else None, "gold": question.gold}
    out["score"] = None if done.verdict is None else next(iter(scores.values())) if len(scores) == 1 else scores
    out["tokens"] = sum(int(line.get("tokens") or 0) for line in lines)
    return out | ({"error": done.error} if done.error else {})


def _figures(done: Sequence[_Done], report: Mapping[str, Any]) -> dict[str, Any]:
    """Each score's mean with its standard error; what the owner reports besides is in the task's `report`."""
    metrics = list(dict.fromkeys(m for d in done if d.verdict is not None for m in d.verdict.scores))
    out: dict[str, Any] = {"profile": PROFILE}
    out |= {"main": metrics[0]} if metrics else {}
    for metric in metrics:
        values = [None if d.verdict is None else d.verdict.scores[metric] for d in done]
        scored = [v for v in values if v is not None]
        error = standard_error(values)
        out[metric] = {
            "value": math.fsum(scored) / len(scored),
            "stderr": error if error is not None and math.isfinite(error) else None,
            "n": len(scored),
            "unscored": len(values) - len(scored),
        }
    bleu = report.get("sacrebleu_score")
    if bleu is not None:
        out["corpus_bleu"] = {**out["accuracy"], "value": bleu / 100, "stderr": None}
    return out


def _facts(bench: EvalsBench, one: Prepared, done: Sequence[_Done], report: Mapping[str, Any]) -> dict[str, Any]:
    errors = [d.error for d in done if d.error is not None]
    prompts = hash_of([[c.prompt for c in q.calls] for q in one.questions], 64)
    return {
        "task": one.key,
        "profile": PROFILE,
        "class": one.spec.cls,
        "subset": None,
        "shots": one.shots,
        "split": one.spec.key.split(".")[1],
        "limit": one.limit,
        "seed": one.seed,
        "judge": (bench.judge or bench.model) if one.grading is not None else None,
        "completion_fn": bench.fn.name or None,
        "items": len(done),
        "scored": len(done) - len(errors),
        "failed": len(errors),
        "first_error": errors[0] if errors else None,
        "trained_on": None,
        "parts": [],
        "report": {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in report.items()},
        "source": {"registry": str(bench.registry), "samples": one.file},
        "hashes": {
            "data": _hashes(one),
            "prompts": prompts,
            "task": hash_of(dict(one.spec.args), 64),
            "completion_fn": hash_of(dict(bench.fn.args), 64) if bench.fn.name else None,
        },
    }


def _hashes(one: Prepared) -> dict[str, str | None]:
    """Of the samples' files; rows of the hub have their data set's commit, a folder the hash over its files."""
    if one.hashes:
        return dict(one.hashes)
    files = sorted({q.place.rpartition(":")[0] for q in one.questions})
    return {f: hashlib.sha256(Path(f).read_bytes()).hexdigest() for f in files}
