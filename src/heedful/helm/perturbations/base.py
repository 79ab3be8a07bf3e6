"""What a perturbation is, and how it is put to texts.

A perturbation changes a question so that its answer stays what it was: a model that understood the one should answer
the other alike. Liang et al., "Holistic evaluation of language models" (2022), section 4.5 and appendix D,
https://arxiv.org/abs/2211.09110; crfm-helm has them in `helm.benchmark.augmentations`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["robustness", "fairness"]
Apply = Callable[[str, random.Random], str]
ApplyAll = Callable[[Sequence[str], random.Random], list[str]]


@dataclass(frozen=True)
class Perturbation:
    """A change of texts, under a name.

    `kind` says which worst case it counts for. `about` is one sentence for people. `references_too` says that expected
    answers and choices change with the question (the dialect, genders and names). `together` is set where several
    texts of one item must be changed alike, as names are.
    """

    name: str
    kind: Kind
    apply: Apply
    about: str = ""
    references_too: bool = False
    together: ApplyAll | None = None

    def apply_all(self, texts: Sequence[str], rng: random.Random) -> list[str]:
        """Several texts of one item, one after the other with the same numbers."""
        return self.together(texts, rng) if self.together else [self.apply(text, rng) for text in texts]


def numbers_for(item_id: str, seed: int | None) -> random.Random:
    """The generator of an item, the same on every machine; as in crfm-helm its seed is the text of seed and id."""
    return random.Random(item_id if seed is None else f"{seed}{item_id}")


def match_case(source: str, target: str) -> str:
    """`target` in the case of `source`: small, all capitals, or with one at the beginning.

    As in crfm-helm, `source` counts as small or as all capitals only where it has nothing but letters.

    >>> match_case("Man", "woman"), match_case("MAN", "woman"), match_case("DON'T", "do not")
    ('Woman', 'WOMAN', 'Do not')
    """
    if all(letter.islower() for letter in source):
        return target.lower()
    if all(letter.isupper() for letter in source):
        return target.upper()
    return target.capitalize() if source[:1].isupper() else target
