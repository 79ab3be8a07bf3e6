"""Changes of a question that leave its answer what it was, and what they are called.

    PERTURBATIONS[name]                  each with its usual options, by name
    perturbed(text, name, seed, id)      the same text on every machine
    typos(prob=0.3), gender(...), ...    with other options

docs/helm.md says of each how it is made, what it has from HELM and where it differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from heedful.helm.perturbations.base import Kind, Perturbation, match_case, numbers_for

PERTURBATIONS: Mapping[str, Perturbation] = {}


def perturbed(text: str, name: str | Perturbation, seed: int | None, item_id: str) -> str:
    """A text perturbed, always the same way for the same seed and item. RequestError for an unknown name."""
    return perturbed_all([text], name, seed, item_id)[0]


def perturbed_all(texts: Sequence[str], name: str | Perturbation, seed: int | None, item_id: str) -> list[str]:
    """Several texts of one item (references first, then the question, as crfm-helm does), changed alike."""
    raise NotImplementedError


__all__ = ["PERTURBATIONS", "Kind", "Perturbation", "match_case", "numbers_for", "perturbed", "perturbed_all"]
