"""Guesses at what comes next, taken from what the row has said before: checked, so they change no answer.

After three tokens that stood in the row before, what followed them there is guessed (prompt lookup, Saxena 2023,
https://github.com/apoorvumang/prompt-lookup-decoding). The model computes the guesses' places in one step with the last
token's, and a guess is kept as long as the token that would have been chosen is the guessed one: greedy, or drawn with
that place's own number. Reading the weights is what a step of few tokens costs, so checked guesses are cheap; a row
whose guesses fail guesses less.
"""

from __future__ import annotations

WORD = 3  # tokens that must have stood together before
MOST = 8  # tokens guessed at once
# What a step of n tokens costs beside a step of one, from products of M rows with SmolLM2's weights in fp32.
COSTS = (1.0, 1.9, 2.2, 2.3, 2.4, 2.5, 2.6, 2.7, 2.8)


class Guesses:
    """The guesses of one row, whose `ids` grow; where none are checked, what they would have been is learnt from, too."""

    def __init__(self, ids: list[int]):
        self.ids = ids
        self.trust = 0.7  # the share of guesses that come true, lately
        self._after: dict[tuple[int, ...], int] = {}  # where it goes on after three tokens
        self._known = 0
        self._expected: list[int] = []  # at `_known` and after

    def next(self, most: int) -> list[int]:
        """What may follow now: empty where nothing is known, or checking would cost more than it is likely to save."""
        self._learn()
        for end in range(max(self._known, WORD), len(self.ids)):
            self._after[tuple(self.ids[end - WORD : end])] = end
        self._known, self._expected = len(self.ids), []
        at = self._after.get(tuple(self.ids[-WORD:])) if len(self.ids) > WORD else None
        if at is None:
            return []
        again = self.ids[at:]
        self._expected = (again * (MOST // len(again) + 1))[:MOST]  # what repeats itself goes on repeating
        return self._expected[: min(self._worthwhile(), most)]

    def _learn(self) -> None:
        """Compare what was expected with what came."""
        for expected, came in zip(self._expected, self.ids[self._known :], strict=False):
            self.trust += ((expected == came) - self.trust) / 8
            if expected != came:
                break

    def _worthwhile(self) -> int:
        """How many guesses promise the most tokens for their cost, 0 where none is better than a plain step."""
        best, count, hoped, chance = 1.0, 0, 1.0, 1.0
        for guesses in range(1, MOST + 1):
            chance *= self.trust
            hoped += chance
            if hoped / COSTS[guesses] > best:
                best, count = hoped / COSTS[guesses], guesses
        return count
