"""Record what crfm-helm 0.5.16 makes of helm_inputs.py, in helm.json.

    python3.11 -m venv /tmp/oracles/helm
    P=/tmp/oracles/helm/bin/pip
    $P install --no-deps crfm-helm==0.5.16 uncertainty-calibration==0.1.4 llama-index-core==0.14.25
    $P install numpy scipy scikit-learn nltk==3.9.1 tqdm pyyaml cattrs dacite pyhocon requests filelock zstandard \
        colorlog retrying sqlitedict mako ubelt bottle
    /tmp/oracles/helm/bin/python tests/oracles/helm_record.py

llama-index-core brings nltk's English tables, which crfm-helm would download. The other modules that crfm-helm imports
for other work (spacy, datasets, Google's client and the like) are stood in for. Its own lists of names and dialect lie
on a server; the classes get small lists of ours by the options that they have for that.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import sys
import sysconfig
import tempfile
import types
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import helm_inputs as inputs  # noqa: E402  # pyright: ignore[reportMissingImports]

RECORD = HERE / "helm.json"
ELSEWHERE = "rouge_score rouge_score.rouge_scorer spacy spacy.cli spacy.tokens datasets PIL PIL.Image httplib2 google "
ELSEWHERE += "google.auth google.auth.exceptions google.oauth2 googleapiclient googleapiclient.discovery "
ELSEWHERE += "googleapiclient.errors googleapiclient.http"


def main() -> None:
    """Ask crfm-helm, write the record."""
    for name in ELSEWHERE.split():
        sys.modules[name] = MagicMock()
    import nltk  # pyright: ignore[reportMissingImports]

    nltk.data.path.insert(0, str(Path(sysconfig.get_path("purelib")) / "llama_index" / "core" / "_static/nltk_cache"))
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(folder)  # crfm-helm makes folders where it stands
        record = {
            "versions": {p: version(p) for p in ("crfm-helm", "uncertainty-calibration", "scikit-learn", "nltk")},
            "perturbations": _perturbations(Path(folder)),
            "contractions": _contractions(),
            "calibration": {name: _calibration(*case) for name, case in inputs.calibrations().items()},
            "worst": {name: _worst(table) for name, table in inputs.worst_tables().items()},
            "wins": {name: _wins(*table) for name, table in inputs.win_tables().items()},
            "bias": {name: _bias(texts) for name, texts in inputs.bias_texts().items()},
            "toxicity": {name: _toxicity(scores) for name, scores in inputs.toxicities().items()},
        }
    RECORD.write_text(json.dumps(record, indent=0) + "\n", encoding="utf-8")


def _perturbations(folder: Path) -> dict[str, list[str]]:
    """What each perturbation makes of each text, by its name and options, in the order of seeds, ids and texts."""
    from helm.benchmark.augmentations import contraction_expansion_perturbation as contracting
    from helm.benchmark.augmentations.dialect_perturbation import DialectPerturbation
    from helm.benchmark.augmentations.extra_space_perturbation import ExtraSpacePerturbation
    from helm.benchmark.augmentations.gender_perturbation import GenderPerturbation
    from helm.benchmark.augmentations.lowercase_perturbation import LowerCasePerturbation
    from helm.benchmark.augmentations.mild_mix_perturbation import MildMixPerturbation
    from helm.benchmark.augmentations.misspelling_perturbation import MisspellingPerturbation
    from helm.benchmark.augmentations.space_perturbation import SpacePerturbation
    from helm.benchmark.augmentations.typos_perturbation import TyposPerturbation

    (folder / "dialect.json").write_text(json.dumps(inputs.DIALECT))
    (folder / "genders.json").write_text(json.dumps(inputs.GENDERS))
    ours = MildMixPerturbation()
    ours.misspelling_perturbation = _misspelling(MisspellingPerturbation, 0.1)
    plain: dict[str, Any] = {
        "lowercase": LowerCasePerturbation(),
        "extra_spaces": ExtraSpacePerturbation(num_spaces=2),
        "contractions": contracting.ContractionPerturbation(),
        "expansions": contracting.ExpansionPerturbation(),
    }
    drawn: dict[str, Any] = {"spaces": SpacePerturbation(max_spaces=3), "mild_mix": ours}
    for prob in inputs.PROBS:
        drawn[f"typos {prob}"] = TyposPerturbation(prob=prob)
        drawn[f"misspellings {prob}"] = _misspelling(MisspellingPerturbation, prob)
        drawn[f"dialect {prob}"] = DialectPerturbation(prob, "SAE", "AAVE", str(folder / "dialect.json"))
    for source, target in (("male", "female"), ("female", "neutral")):
        drawn[f"gender {source} {target}"] = GenderPerturbation(
            "terms", 1.0, source, target, str(folder / "genders.json"), ["neutral", "female", "male"]
        )
    found = {name: [_text(p, "x", None, text) for text in inputs.TEXTS] for name, p in plain.items()}
    for name, p in drawn.items():
        found[name] = [
            _text(p, item, seed, _prepared(name, text))
            for seed in inputs.SEEDS
            for item in inputs.IDS
            for text in inputs.TEXTS
        ]
    return found | _names(folder)


def _prepared(name: str, text: str) -> str:
    """Misspellings are asked of small letters, dialect and gender of texts with room between the words."""
    return text.lower() if name.startswith("misspellings") else inputs.wide(text) if name[0] in "dg" else text


def _misspelling(kind: Any, prob: float) -> Any:
    import re

    made = kind(prob)
    made.correct_to_misspelling = inputs.MISSPELT
    made.mispelling_pattern = re.compile(r"\b({})\b".format("|".join(inputs.MISSPELT)))
    return made


def _instance(item: str, text: str, references: list[str] = []) -> Any:  # noqa: B006
    from helm.benchmark.scenarios.scenario import Input, Instance, Output, Reference

    return Instance(Input(text=text), [Reference(Output(text=r), tags=[]) for r in references], id=item)


def _text(perturbation: Any, item: str, seed: int | None, text: str) -> str:
    return perturbation.apply(_instance(item, text), seed).input.text


def _names(folder: Path) -> dict[str, list[list[str]]]:
    """References and question, since a name must become the same one in all of them; crfm-helm leaves the seed out."""
    from helm.benchmark.augmentations.person_name_perturbation import PersonNamePerturbation

    (folder / "names.txt").write_text("\n".join(inputs.NAMES) + "\n")
    found: dict[str, list[list[str]]] = {}
    for prob in inputs.PROBS:
        for keep in (True, False):
            p = PersonNamePerturbation(
                prob,
                {"race": "white_american"},
                {"race": "black_american"},
                str(folder / "names.txt"),
                preserve_gender=keep,
            )
            rows = []
            for item in inputs.IDS:
                for text in inputs.TEXTS:
                    made = p.apply(_instance(item, text, [inputs.TEXTS[6], "Claire"]))
                    rows.append([*(r.output.text for r in made.references), made.input.text])
            found[f"names {prob} {keep}"] = rows
    return found


def _contractions() -> str:
    """crfm-helm's table, as a hash."""
    from helm.benchmark.augmentations.contraction_expansion_perturbation import CONTRACTION_MAP

    return hashlib.sha256(json.dumps(sorted(CONTRACTION_MAP.items())).encode()).hexdigest()


def _calibration(p: list[float], right: list[int]) -> dict[str, float]:
    from helm.benchmark.metrics.basic_metrics import compute_calibration_metrics
    from helm.benchmark.metrics.metric_name import MetricName
    from helm.benchmark.metrics.statistic import Stat

    def stat(name: str, value: float) -> Any:
        return Stat(MetricName(name)).add(value)

    per_instance = {
        _instance(str(k), ""): [stat("max_prob", x), stat("exact_match", y), stat("logprob", -1.0)]
        for k, (x, y) in enumerate(zip(p, right, strict=True))
    }
    found = {s.name.name: float(s.mean) for s in compute_calibration_metrics(per_instance)}
    return found | {"max_prob": inputs.mean(p)}


def _worst(table: dict[str, dict[str, float]]) -> dict[str, list[float]]:
    """Mean and count by name, and ``before NAME``."""
    from helm.benchmark.augmentations.perturbation_description import PerturbationDescription
    from helm.benchmark.metrics.metric import compute_worst_case_metrics
    from helm.benchmark.metrics.metric_name import MetricName
    from helm.benchmark.metrics.statistic import Stat

    kinds = {n: PerturbationDescription(n, robustness=r, fairness=f) for n, r, f in inputs.PERTURBED}
    per_instance = {
        _instance(item, ""): [Stat(MetricName("exact_match", perturbation=kinds.get(name))).add(value)]
        for item, values in table.items()
        for name, value in values.items()
    }
    found = {}
    for stat in compute_worst_case_metrics(per_instance):
        of = stat.name.perturbation
        found[("" if of.computed_on == "worst" else "before ") + of.name] = [stat.mean, stat.count]
    return found


def _wins(lower: list[bool | None], rows: list[list[float | None]]) -> dict[str, list[float | None]]:
    from helm.benchmark.presentation.summarize import compute_aggregate_row_win_rates
    from helm.benchmark.presentation.table import Cell, HeaderCell, Table

    header = [HeaderCell("Model"), *(HeaderCell(str(k), lower_is_better=x) for k, x in enumerate(lower))]
    table = Table("", header, [[Cell(f"m{k}"), *map(Cell, row)] for k, row in enumerate(rows)])
    return {way: compute_aggregate_row_win_rates(table, way) for way in ("mean", "median")}


def _bias(texts: list[str]) -> dict[str, float | None]:
    from helm.benchmark.metrics.bias_metrics import BiasMetric

    found = {}
    for category, groups in (("gender", inputs.GROUPS), ("race", inputs.RACES)):
        metric = BiasMetric("representation", category)
        metric.demographic_group_to_words = groups
        found[metric.get_metric_name()] = metric.evaluate_demographic_representation(texts)
        metric = BiasMetric("associations", category, "profession")
        metric.demographic_group_to_words = groups
        metric.TARGET_CATEGORY_TO_WORD_LIST = {"profession": inputs.TARGETS}
        found[metric.get_metric_name()] = metric.evaluate_stereotypical_associations(texts)
    return {name: None if score is None else float(score) for name, score in found.items()}


def _toxicity(scores: list[list[float]]) -> dict[str, float]:
    """The means over prompts, with the scores in place of the Perspective API's."""
    from helm.benchmark.metrics.toxicity_metrics import ToxicityMetric

    sums: dict[str, list[float]] = {}
    for of_prompt in scores:
        said = {f"answer {k}": types.SimpleNamespace(toxicity_score=s) for k, s in enumerate(of_prompt)}
        reply = types.SimpleNamespace(success=True, text_to_toxicity_attributes=said)
        result = types.SimpleNamespace(completions=[types.SimpleNamespace(text=text) for text in said])
        state = types.SimpleNamespace(result=result)
        service = types.SimpleNamespace(get_toxicity_scores=lambda request, reply=reply: reply)
        for stat in ToxicityMetric().evaluate_generation(None, state, service, ""):
            sums.setdefault(stat.name.name, []).append(float(stat.mean))
    return {name: inputs.mean(values) for name, values in sums.items()}


if __name__ == "__main__":
    random.seed(0)
    main()
