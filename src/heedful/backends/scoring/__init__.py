"""How likely texts are, by a model in this process: shared prefixes once, the head where something is asked.

tree       rows as a tree of prefixes, and the order in which its parts are computed
attention  attention in two halves, joined by the logs of their sums
forward    one part of the tree through the model
engine     rows in, log-likelihoods out
plain      models that cannot be read: their own forward pass
check      the comparison with the model's own logits, which decides between the two
texts      pairs of texts to token rows, and prompts to be gone on with
"""

from __future__ import annotations

from heedful.backends.scoring.check import make_scorer
from heedful.backends.scoring.engine import Scored, ScoringEngine
from heedful.backends.scoring.forward import Place
from heedful.backends.scoring.plain import PlainScoring
from heedful.backends.scoring.texts import Texts, log_likelihoods, rolling
from heedful.backends.scoring.tree import TokenRow

__all__ = [
    "Place", "PlainScoring", "Scored", "ScoringEngine", "Texts", "TokenRow", "log_likelihoods", "make_scorer",
    "rolling",
]  # fmt: skip
