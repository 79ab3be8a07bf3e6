"""One model's figures on one scenario: what it said of the items and their copies becomes a cell for each column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from heedful.bench.one_task import Said
from heedful.bench.results import figures_of
from heedful.helm.bias import bias, bias_interval
from heedful.helm.calibration import calibration, ece_interval
from heedful.helm.columns import Cell, cell_of, finite, spread
from heedful.helm.efficiency import efficiency
from heedful.helm.perturbations import PERTURBATIONS
from heedful.helm.scenarios import Scenario, metric_names
from heedful.helm.toxicity import toxicity, toxicity_figures
from heedful.helm.worst_case import ORIGINAL, interval, worst_cases
from heedful.tasks import Sample

NO_SCORE = "the scenario has no right answers"
CHOSEN = "the answers are chosen, not written"


@dataclass(frozen=True)
class Measured:
    """A model's cells by column, and for columns that are means over items the items' values, in the items' order.

    `groups` has what each item belongs to, None where none does; `metric` names the score behind accuracy.
    """

    cells: Mapping[str, Cell]
    values: Mapping[str, Mapping[str, float | None]]
    groups: Mapping[str, str | None] | None
    metric: str
    bias: Mapping[str, float | None]


def measure(scenario: Scenario, said: Said, local: bool, watts: float | None) -> Measured:
    """All cells of a scenario."""
    samples = {s.item.id: s for s in said.samples}
    own = [samples[i.id] for i in scenario.prepared.items]
    main = next((f.metric for f in figures_of(scenario.prepared, own) if f.main), None)
    metrics = metric_names(scenario, main)
    scored = [s for s in own if metrics.get(s.item.subset) in s.mark.scores]
    groups = {s.item.id: s.item.group for s in own} if any(s.item.group is not None for s in own) else None
    values: dict[str, dict[str, float | None]] = {}
    values["accuracy"] = {s.item.id: _score(s, metrics) for s in scored}
    cells = {"accuracy": _mean(values["accuracy"], groups), "calibration": _calibration(scored, metrics)}
    for kind in ("robustness", "fairness"):
        cells[kind], values[kind] = _worst(scenario, samples, scored, metrics, kind, groups)
    written = [s for s in own if not s.item.choices]
    found, each = _bias(written)
    cells["bias"] = found
    cells["toxicity"], values["toxicity"] = _toxicity(written)
    cells["efficiency"] = _efficiency(said, local, watts)
    return Measured(cells, values, groups, ", ".join(dict.fromkeys(metrics.values())), each)


def _score(sample: Sample, metrics: Mapping[str, str]) -> float | None:
    return sample.mark.scores[metrics[sample.item.subset]]


def _mean(values: Mapping[str, float | None], groups: Mapping[str, str | None] | None) -> Cell:
    if not values:
        return Cell(None, why=NO_SCORE)
    clusters = None if groups is None else [groups[i] for i in values]
    return cell_of(interval(list(values.values()), clusters))


def _calibration(scored: Sequence[Sample], metrics: Mapping[str, str]) -> Cell:
    chosen = [s for s in scored if s.item.choices]
    if not scored:
        return Cell(None, why=NO_SCORE)
    if not chosen:
        return Cell(None, why="how likely written answers are is not kept")
    right = [_score(s, metrics) for s in chosen]
    if any(v is not None and v not in (0, 1) for v in right):
        return Cell(None, why="its scores are not simply right or wrong")
    sure = [
        None if v is None else max_probability(s.outcome.log_likelihoods) for s, v in zip(chosen, right, strict=True)
    ]
    return cell_of(ece_interval(sure, right), calibration(sure, right))


def max_probability(log_likelihoods: Sequence[float]) -> float:
    """The greatest share: the softmax over the choices, as HELM's multiple_choice_separate_original has it.

    >>> max_probability([math.log(3), 0.0])
    0.75
    """
    highest = max(log_likelihoods)
    return 1 / math.fsum(math.exp(v - highest) for v in log_likelihoods)


def _worst(
    scenario: Scenario,
    samples: Mapping[str, Sample],
    scored: Sequence[Sample],
    metrics: Mapping[str, str],
    kind: str,
    groups: Mapping[str, str | None] | None,
) -> tuple[Cell, dict[str, float | None]]:
    """The worst case of a kind of perturbations, and each item's."""
    names = [n for n in scenario.perturbations if PERTURBATIONS[n].kind == kind]
    if not scored:
        return Cell(None, why=NO_SCORE), {}
    if not names:
        return Cell(None, why=f"no perturbation of {kind} was asked for"), {}
    if not any(s.item.inputs for s in scored):
        return Cell(None, why="the task does not say where the row's text stands"), {}
    table: dict[str, dict[str, float | None]] = {s.item.id: {ORIGINAL: _score(s, metrics)} for s in scored}
    for copy in scenario.copies:
        if copy.perturbation in names and copy.of in table:
            table[copy.of][copy.perturbation] = _score(samples[copy.item.id], metrics)
    if all(len(of) == 1 for of in table.values()):
        return Cell(None, why=f"no perturbation of {kind} changed anything"), {}
    found = worst_cases(table, clusters=groups)
    parts = {
        name: {"worst": spread(of.worst), "before": spread(of.before), "changed": of.changed}
        for name, of in found.items()
        if name != kind
    }
    return cell_of(found[kind].worst, parts), {item: _least(of.values()) for item, of in table.items()}


def _least(values: Any) -> float | None:
    found = list(values)
    return None if None in found else min(found)


def _bias(written: Sequence[Sample]) -> tuple[Cell, dict[str, float | None]]:
    """The mean of the figures that are defined, and each of them."""
    answers = [s.outcome.texts for s in written if not s.outcome.error]
    failed = len(written) - len(answers)
    if not written:
        return Cell(None, why=CHOSEN), {}
    texts = [t for of in answers for t in of]
    prompts = [number for number, of in enumerate(answers) for _ in of]
    found = bias(texts, prompts=prompts)
    each = {_short(name): finite(of.score) for name, of in found.items()}
    parts = {_short(name): spread(of.interval) | {"counts": of.counts} for name, of in found.items()}
    cell = cell_of(bias_interval(texts, prompts=prompts), parts)
    why = "" if cell.value is not None else "no answer names a gender or a race"
    return replace(cell, n=len(answers), unscored=failed, why=why), each


def _short(name: str) -> str:
    """crfm-helm's name of a figure without what all have in common."""
    return name.removeprefix("bias_metric:")


def _toxicity(written: Sequence[Sample]) -> tuple[Cell, dict[str, float | None]]:
    answers = [s for s in written if not s.outcome.error]
    if not written:
        return Cell(None, why=CHOSEN), {}
    if not answers:
        return Cell(None, unscored=len(written), why="no item was scored"), {}
    found = toxicity_figures([s.outcome.texts for s in answers])
    parts = {
        "max_toxicity_probability": spread(found.max_toxicity_probability),
        "expected_max_toxicity": spread(found.expected_max_toxicity),
        "empty": found.empty,
        "kinds": dict(found.kinds),
    }
    values = {s.item.id: _toxic_share(s) for s in written}
    return replace(cell_of(found.toxic_frac, parts), unscored=len(written) - len(answers)), values


def _toxic_share(sample: Sample) -> float | None:
    """The share of an item's answers that are toxic; empty ones are none of them, as in the figure."""
    texts = [] if sample.outcome.error else [t for t in sample.outcome.texts if t.strip()]
    return sum(toxicity(t).toxic for t in texts) / len(texts) if texts else None


@dataclass(frozen=True)
class _Took:
    """A line of the journal, as `efficiency` reads it."""

    seconds: float
    prompt_tokens: int
    tokens: int
    error: str | None


def _efficiency(said: Said, local: bool, watts: float | None) -> Cell:
    """Seconds a request. Of a choice the journal has no tokens of its prompt, which many choices share."""
    lines = [
        _Took(0.0, int(a.get("prompt_tokens") or 0), int(a.get("tokens") or 0) if "text" in a else 0, a.get("error"))
        for a in said.known.values()
    ]
    answered = sum(line.error is None for line in lines)
    if not answered or said.seconds <= 0:
        return Cell(None, unscored=len(lines), why="nothing was answered")
    found = efficiency(lines, watts=watts, local=local, seconds=said.seconds)
    parts: dict[str, Any] = {"requests": len(lines), "seconds": round(said.seconds, 3)}
    if any("text" in a for a in said.known.values()):
        parts |= {"prompt_tokens": found.prompt_tokens, "tokens": found.tokens}
        parts |= {"tokens_per_second": finite(found.tokens_per_second)}
    parts |= {"energy_kwh": finite(found.energy_kwh), "watts": asdict(found.watts) if found.watts else None}
    return Cell(said.seconds / len(lines), n=answered, unscored=len(lines) - answered, parts=parts)
