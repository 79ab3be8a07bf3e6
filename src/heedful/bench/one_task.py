"""One task put to a model: asked and journalled (`ask_task`), then its files and figures (`write_task`).

`heedful helm` asks more than it has figures of: an item's perturbed copies are asked in the same list as the items, and
only the items themselves are a benchmark's.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from heedful.bench.asking import ask
from heedful.bench.clean import flagged_items
from heedful.bench.facts import precision_of, template_facts
from heedful.bench.folder import BenchFolder
from heedful.bench.journal import Journal
from heedful.bench.outcomes import mark_of, outcome_of, sample_line
from heedful.bench.requests import Asked, Request, requests_of
from heedful.bench.results import task_results
from heedful.bench.tasks import Prepared
from heedful.store import write_jsonl, write_text
from heedful.tasks import Sample

if TYPE_CHECKING:
    from heedful.bench.asked_for import Bench, View


@dataclass(frozen=True)
class Said:
    """What a model made of a task's items, in their order.

    `found` requests were asked now. `seconds` are those of all sessions, and of everything that the journal knows:
    `known`, which may be more than `answers`. `template` says what the questions were put in.
    """

    asked: tuple[Asked, ...]
    samples: tuple[Sample, ...]
    requests: Mapping[str, Request]
    answers: Mapping[str, Mapping[str, Any]]
    known: Mapping[str, Mapping[str, Any]]
    found: int
    seconds: float
    template: Mapping[str, Any]
    scored_by: str | None = None

    def of(self, ids: Collection[str]) -> Said:
        """The same of some of the items; requests, answers and seconds stay those of all."""
        kept = [(a, s) for a, s in zip(self.asked, self.samples, strict=True) if s.item.id in ids]
        return replace(self, asked=tuple(a for a, _ in kept), samples=tuple(s for _, s in kept))

    def lines(self, flagged: Mapping[str, str]) -> list[dict[str, Any]]:
        """The lines of samples/KEY.jsonl."""
        return [
            sample_line(s, a, self.requests, self.answers, flagged.get(s.item.id))
            for s, a in zip(self.samples, self.asked, strict=True)
        ]


def ask_task(bench: Bench, prepared: Prepared, backend: Any, folder: BenchFolder, view: View) -> Said:
    """Ask what the journal does not know, and mark everything."""
    began = time.monotonic()
    asked, requests = requests_of(prepared, bench.how, getattr(backend, "render", None))
    with Journal(folder.journal(prepared.key), _head(bench, prepared, backend), began) as journal:
        found = ask(requests, backend, journal, view.advance)
        samples = [_sample(prepared, one, journal) for one in asked]
        # A session that only reads what is known takes no time of the model's; a program that is run again does.
        seconds = journal.seconds if found or prepared.task.runs_code else journal.before
    answers = {k: journal.answers[k] for k in requests if k in journal.answers}
    template, known = template_facts(bench.how, backend), dict(journal.answers)
    return Said(tuple(asked), tuple(samples), requests, answers, known, found, seconds, template, scored_by(journal))


def scored_by(journal: Journal) -> str | None:
    """What computed the journal's log-likelihoods, in words; None where there are none."""
    return ", ".join(journal.scorers) or None


def write_task(
    bench: Bench, prepared: Prepared, said: Said, folder: BenchFolder
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write a task's samples; its figures by name, and its facts."""
    flagged = flagged_items(bench.training, prepared.items)
    write_jsonl(folder.samples(prepared.key), said.lines(flagged))
    if bench.submission and prepared.task.submission is not None:
        for name, text in prepared.task.submission(said.samples).items():
            write_text(folder.submission(prepared.key) / name, text)
    figures, facts = task_results(prepared, said.samples, said.asked, flagged, bench.training)
    answers, seconds = said.answers.values(), said.seconds
    facts |= {
        "requests": len(said.requests),
        "asked": said.found,
        "reused": len(said.requests) - said.found,
        "truncated": sum(bool(a.get("truncated")) for a in answers),
        "cut_off": sum(a.get("finish_reason") == "length" for a in answers),
        "seconds": round(seconds, 3),
        "items_per_second": round(len(said.samples) / seconds, 3) if seconds > 0 else None,
        "template": dict(said.template),
        "scored_by": said.scored_by,
    }
    return figures, facts


def _head(bench: Bench, prepared: Prepared, backend: Any) -> dict[str, Any]:
    """Who is asked, and how: what must be the same when a journal is gone on with."""
    return asked_of(bench, backend) | {
        "profile": f"{prepared.task.name}@{prepared.task.profile}",
        "shots": prepared.shots,
        "split": prepared.plan.split or prepared.task.source.split,
        "seed": prepared.plan.seed,
    }


def asked_of(bench: Bench, backend: Any) -> dict[str, Any]:
    about = getattr(backend, "about", None) or {}
    template = template_facts(bench.how, backend)
    return {
        "model": bench.model,
        "weights": about.get("sha256"),
        "precision": precision_of(backend),
        "template": template["name"] + (" (multiturn)" if template.get("multiturn") else ""),
    }


def _sample(prepared: Prepared, asked: Asked, journal: Journal) -> Sample:
    outcome = outcome_of(asked, journal.answers)
    return Sample(outcome, mark_of(prepared, outcome, journal))
