"""Changes of a question that leave its answer what it was, and what they are called.

    PERTURBATIONS[name]                  each with its usual options, by name
    perturbed(text, name, seed, id)      the same text on every machine
    typos(prob=0.3), gender(...), ...    with other options

docs/helm.md says of each how it is made, what it has from HELM and where it differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from heedful.errors import RequestError, did_you_mean
from heedful.helm.perturbations.base import Kind, Perturbation, match_case, numbers_for
from heedful.helm.perturbations.contractions import contractions, expansions
from heedful.helm.perturbations.letters import extra_spaces, lowercase, spaces, typos
from heedful.helm.perturbations.names import Name, names, read_names
from heedful.helm.perturbations.replace import dialect, gender, misspellings, one_after_the_other


def mild_mix() -> Perturbation:
    """crfm-helm's MildMixPerturbation, its usual measure of robustness: small letters, contractions, misspellings of a
    tenth of the words that are known to be, and up to three spaces."""
    about = "small letters, contractions, misspellings and spaces at once"
    return one_after_the_other("mild_mix", about, lowercase, contractions, misspellings, spaces)


_ALL = (
    lowercase(),
    contractions(),
    expansions(),
    misspellings(),
    typos(),
    spaces(),
    extra_spaces(),
    mild_mix(),
    dialect(),
    gender(),
    names(),
)
PERTURBATIONS: Mapping[str, Perturbation] = MappingProxyType({p.name: p for p in _ALL})


def perturbed(text: str, name: str | Perturbation, seed: int | None, item_id: str) -> str:
    """A text perturbed, always the same way for the same seed and item. RequestError for an unknown name.

    >>> perturbed("Is he Emily's uncle?", "gender", 0, "question 1")
    "Is she Emily's aunt?"
    """
    return perturbed_all([text], name, seed, item_id)[0]


def perturbed_all(texts: Sequence[str], name: str | Perturbation, seed: int | None, item_id: str) -> list[str]:
    """Several texts of one item, changed alike, in their order; crfm-helm's is references first, then the question."""
    if isinstance(name, str):
        if name not in PERTURBATIONS:
            near, known = did_you_mean(name, PERTURBATIONS), ", ".join(PERTURBATIONS)
            raise RequestError(f"there is no perturbation '{name}'{near}; there are {known}")
        name = PERTURBATIONS[name]
    return name.apply_all(texts, numbers_for(item_id, seed))


__all__ = [
    "PERTURBATIONS",
    "Kind",
    "Name",
    "Perturbation",
    "contractions",
    "dialect",
    "expansions",
    "extra_spaces",
    "gender",
    "lowercase",
    "match_case",
    "mild_mix",
    "misspellings",
    "names",
    "numbers_for",
    "perturbed",
    "perturbed_all",
    "read_names",
    "spaces",
    "typos",
]
