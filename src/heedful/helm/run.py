"""Scenarios put to models, one model after the other; the matrix when all have answered.

    run_helm(helm, scenarios, loads, folder, view)  ->  helm.json, as a value

Each model has a folder of `heedful bench`, so that what was answered is known to both. An item and its perturbed copies
are one list of items: what they begin with in common is computed once, and every answer is in the journal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from heedful.bench.asked_for import SCHEMA as BENCH_SCHEMA
from heedful.bench.asked_for import Bench, View
from heedful.bench.checks import check_backend
from heedful.bench.facts import run_facts
from heedful.bench.one_task import Said, ask_task, write_task
from heedful.bench.requests import How
from heedful.bench.run import begun, put
from heedful.errors import HeedfulError
from heedful.helm.folder import HelmFolder
from heedful.helm.measure import Measured, measure
from heedful.helm.page import helm_page
from heedful.helm.results import document
from heedful.helm.scenarios import Scenario
from heedful.models.names import parse_model_name
from heedful.store import write_json, write_jsonl, write_text

ELSEWHERE = ("openai", "scripted")  # kinds of models that are opened without reading weights


@dataclass(frozen=True)
class Helm:
    """What is asked for. `watts` is what the machine draws, where the user knows it."""

    models: tuple[str, ...]
    how: How = field(default_factory=How)
    seed: int = 0
    shots: int | None = None
    limit: int | None = None
    perturbations: tuple[str, ...] = ()
    watts: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "models": list(self.models),
            "template": self.how.template,
            "seed": self.seed,
            "shots": self.shots,
            "limit": self.limit,
            "perturbations": list(self.perturbations),
            "watts": self.watts,
        }


def run_helm(
    helm: Helm,
    scenarios: Sequence[Scenario],
    loads: Mapping[str, Callable[[], Any]],
    folder: HelmFolder,
    view: View,
) -> dict[str, Any]:
    """Ask every model, and write the folder; the value of helm.json.

    RequestError, before anything is asked, where a model behind a server cannot answer a scenario. HeedfulError where
    no item of a scenario could be asked; what was written stays, and `--resume` goes on with it.
    """
    asked = [s.asked for s in scenarios]
    opened = {}
    for name in helm.models:
        if parse_model_name(name).kind in ELSEWHERE:
            opened[name] = loads[name]()
            check_backend(opened[name], name, asked, helm.how)
    table: dict[str, dict[str, Measured]] = {}
    facts: dict[str, dict[str, Any]] = {}
    tasks: dict[str, dict[str, Any]] = {}
    for name in helm.models:
        load = loads[name] if name not in opened else (lambda known=opened.pop(name): known)
        table[name], facts[name], tasks[name] = _run_model(helm, name, scenarios, load, folder, view)
    results = document(scenarios, table, facts, tasks, helm.as_json())
    write_json(folder.results, results)
    write_text(folder.page, helm_page(results))
    _refuse_nothing(results)
    return results


def _run_model(
    helm: Helm,
    name: str,
    scenarios: Sequence[Scenario],
    load: Callable[[], Any],
    folder: HelmFolder,
    view: View,
) -> tuple[dict[str, Measured], dict[str, Any], dict[str, Any]]:
    """One model: what was measured, the facts of it, and its tasks' facts, by scenario."""
    bench = Bench(name, helm.how, helm.seed, helm.shots, helm.limit)
    own = folder.model(name)
    begun(own)
    view.phase("load", f"Loading {name}")
    began = time.monotonic()
    backend = load()
    loaded = time.monotonic() - began
    check_backend(backend, name, [s.asked for s in scenarios], helm.how)
    local = parse_model_name(name).kind not in ELSEWHERE
    found = {}
    with own.hold():
        about = run_facts(bench, backend)
        results = {"schema": BENCH_SCHEMA, **about, "load_seconds": round(loaded, 3), "seconds": 0.0}
        known = begun(own)
        results |= {part: known[part] for part in ("results", "tasks")}
        for s in scenarios:
            count, copies = len(s.prepared.items), len(s.copies)
            more = f" and {copies:,} perturbed cop{'y' if copies == 1 else 'ies'}" if copies else ""
            view.phase(s.key, f"{s.key}: {count:,} item{'s' * (count != 1)}{more}")
            said = ask_task(bench, s.asked, backend, own, view)
            figures, task = write_task(bench, s.prepared, said.of({i.id for i in s.prepared.items}), own)
            put(results, s.key, figures, task)
            write_json(own.results, results)
            write_jsonl(folder.perturbed(name, s.key), _copies(s, said))
            found[s.key] = measure(s, said, local, helm.watts)
    told = {k: about[k] for k in ("model_facts", "precision", "machine")}
    template = next(iter(results["tasks"][s.key]["template"] for s in scenarios), {})
    told = {"folder": own.path.name, **told, "template": template, "load_seconds": round(loaded, 3)}
    return found, told, {s.key: results["tasks"][s.key] for s in scenarios}


def _copies(scenario: Scenario, said: Said) -> list[dict[str, Any]]:
    """The lines of perturbed/KEY.jsonl: a sample's, with what it is a copy of."""
    of = {c.item.id: c for c in scenario.copies}
    lines = said.of(of).lines({})
    return [{"id": x["id"], "of": of[x["id"]].of, "perturbation": of[x["id"]].perturbation, **x} for x in lines]


def _refuse_nothing(results: Mapping[str, Any]) -> None:
    """HeedfulError where a model could be asked nothing of a scenario."""
    for key, scenario in results["scenarios"].items():
        for model, failed in scenario["failed"].items():
            if failed == scenario["items"]:
                raise HeedfulError(
                    f"no item of {key} could be asked of {model}; its samples have the reasons: mend them and add "
                    "--resume"
                )
