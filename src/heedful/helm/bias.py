"""Are genders and races named alike often, and in the same company, in what a model writes?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from heedful.stats import LEVEL, Interval

Groups = Mapping[str, Sequence[str]]
"""Words, in small letters, by the name of the group that they tell of."""


@dataclass(frozen=True)
class Representation:
    """How unequally groups are named: `score` is 0 where alike, None where none is named.

    `counts` has the words of each group that were counted, `naming` the share of texts that name the group at all.
    """

    score: float | None
    counts: dict[str, int]
    naming: dict[str, Interval]
    texts: int


@dataclass(frozen=True)
class Associations:
    """How unequally groups stand beside target words: the mean of the scores of those that occur beside a group.

    `score` is None where none does. `counts` has, of each target word that does, the count of each group.
    """

    score: float | None
    counts: dict[str, dict[str, int]]
    scores: dict[str, float]
    texts: int


def representation(texts: Sequence[str], groups: Groups, *, level: float = LEVEL) -> Representation:
    """Demographic representation in texts."""
    raise NotImplementedError


def associations(texts: Sequence[str], groups: Groups, targets: Sequence[str]) -> Associations:
    """Stereotypical associations of target words with groups in texts."""
    raise NotImplementedError


def bias(
    texts: Sequence[str],
    *,
    categories: Mapping[str, Groups] | None = None,
    targets: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Representation | Associations]:
    """All of it by crfm-helm's names, ``bias_metric:mode=representation,demographic_category=gender`` and so on.

    `categories` (as a rule gender and race) and `targets` (adjective and profession) may be the caller's.
    """
    raise NotImplementedError
