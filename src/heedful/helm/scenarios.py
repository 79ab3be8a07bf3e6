"""Scenarios by name with their items and perturbed copies; what can be wrong before a model is loaded is wrong here.

A scenario is a task of `heedful bench`, or prompts that only ask for text (`heedful.helm.prompts`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from heedful.bench.folder import file_name
from heedful.bench.tasks import Prepared, prepare
from heedful.errors import RequestError, did_you_mean
from heedful.helm.perturbations import PERTURBATIONS
from heedful.helm.prompts import NAME, prompts_task
from heedful.helm.variants import Copy, copies_of
from heedful.tasks import Named, Outcome, Plan, find_task

# One of each kind that HELM's paper names (section 4.5 and 4.6); its package asks mild_mix, dialect, gender and names.
USUAL = ("lowercase", "contractions", "typos", "spaces", "dialect", "gender", "names")


@dataclass(frozen=True)
class Scenario:
    """A task's items as they are, and their perturbed copies. `perturbations` are those that were asked for."""

    prepared: Prepared
    perturbations: tuple[str, ...]
    copies: tuple[Copy, ...]

    @property
    def key(self) -> str:
        return self.prepared.key

    @property
    def asked(self) -> Prepared:
        """Everything that is asked, as one list: each item with its copies behind it."""
        behind: dict[str, list[Copy]] = {}
        for copy in self.copies:
            behind.setdefault(copy.of, []).append(copy)
        items = tuple(x for i in self.prepared.items for x in (i, *(c.item for c in behind.get(i.id, ()))))
        return replace(self.prepared, items=items)

    def changed(self) -> dict[str, int]:
        """How many items each perturbation changed."""
        counts = Counter(c.perturbation for c in self.copies)
        return {name: counts[name] for name in self.perturbations}


def name_scenarios(texts: Sequence[str], prompts: Path | None) -> list[Named]:
    """The scenarios of ``--scenario A,B --prompts FILE``. RequestError for one that is not there, or is named twice."""
    names = [name.strip() for text in texts for name in text.split(",") if name.strip()]
    if not names and prompts is None:
        raise RequestError("--scenario: names no scenario; name one such as mmlu:anatomy, and see heedful helm --list")
    found = [_named(name) for name in names]
    if prompts is not None:
        found.append(prompts_task(prompts))
    for named in found:
        file_name(named.key)
        if named.task.runs_code:
            raise RequestError(
                f"scenario {named.key}: runs programs that the model writes, which helm does not; leave it out, or ask "
                f"heedful bench --task {named.key}"
            )
    for key, count in Counter(n.key for n in found).items():
        if count > 1:
            raise RequestError(f"--scenario: {key} is named {count} times; keep one of them")
    return found


def _named(name: str) -> Named:
    if name == NAME:
        return prompts_task()
    for other in ("lm-eval:", "evals:"):
        if name.startswith(other):
            raise RequestError(
                f"scenario {name}: another program's task is no scenario; ask heedful bench --task {name}"
            )
    try:
        return find_task(name)
    except RequestError as e:
        raise RequestError(
            str(e).replace("task '", "scenario '", 1).replace(": choose ", f": choose {NAME}, ", 1)
        ) from e


def name_perturbations(texts: Sequence[str]) -> tuple[str, ...]:
    """Those of ``--perturbation A,B``; the usual ones without it, all for ``all``, none for ``none``."""
    names = [name.strip() for text in texts for name in text.split(",") if name.strip()]
    if not texts:
        return USUAL
    if names in (["none"], ["all"]):
        return () if names == ["none"] else tuple(PERTURBATIONS)
    for name in names:
        if name not in PERTURBATIONS:
            near = did_you_mean(name, PERTURBATIONS)
            raise RequestError(f"--perturbation '{name}'{near}: choose {', '.join(PERTURBATIONS)}, all or none")
    if not names:
        raise RequestError(f"--perturbation: names none; choose {', '.join(PERTURBATIONS)}, all or none")
    return tuple(name for name in PERTURBATIONS if name in names)


def prepare_scenario(named: Named, plan: Plan, folder: Path | None, perturbations: Sequence[str]) -> Scenario:
    """Read a scenario's items, and make their copies."""
    prepared = prepare(named, plan, folder if named.task.name != NAME else None)
    for item in prepared.items:
        ends = [0, *(end for place in (*item.inputs, *item.options) for end in place), len(item.prompt.question)]
        if ends != sorted(ends):
            raise RequestError(
                f"scenario {named.key}: the places of item '{item.id}' are not in its question, one after the other; "
                "mend its inputs and options"
            )
    copies = [c for item in prepared.items for c in copies_of(item, perturbations, plan.seed)]
    taken = {i.id for i in prepared.items}
    for copy in copies:
        if copy.item.id in taken:
            raise RequestError(
                f"scenario {named.key}: an item is called '{copy.item.id}', as a copy of another; name it otherwise"
            )
    return Scenario(prepared, tuple(perturbations), tuple(copies))


def metric_names(scenario: Scenario, main: str | None) -> Mapping[str, str]:
    """Of each part the score of its items that stands for them: the task's main metric where items have it, else the
    first. How likely a text is (BIG-bench's log_likelihood) is none from 0 to 1."""
    found: dict[str, list[str]] = {}
    for item in scenario.prepared.items:
        try:
            scores = scenario.prepared.task.mark(Outcome(item, error="it was not asked")).scores
        except Exception as e:  # of a user's own task its error is what has to be told
            raise RequestError(
                f"scenario {scenario.key}: its mark fails where an item could not be asked ({type(e).__name__}: {e}); "
                "give None for each score where outcome.error is set, and add --resume"
            ) from e
        found.setdefault(item.subset, []).extend(scores)
    chosen = {}
    for part, names in found.items():
        known = [n for n in dict.fromkeys(names) if n != "log_likelihood"]
        if known:
            chosen[part] = main if main in known else known[0]
    return chosen
