"""Guesses at what comes next, taken from what the row has said before: checked, so they change no answer.

After three tokens that stood in the row before, what followed them there is guessed (prompt lookup, Saxena 2023,
https://github.com/apoorvumang/prompt-lookup-decoding). The model computes the guesses' places in one step with the last
token's, and a guess is kept as long as the token that would have been chosen is the guessed one: greedy, or drawn with
that place's own number. A step of few tokens costs little more than reading the weights, and one of many reads each
row's keys and values once for all its tokens. A row whose guesses fail guesses less, or not at all.
"""

from __future__ import annotations

WORD = 3  # tokens that must have stood together before
MOST = 16  # tokens guessed at once
LEARNT = 8  # tokens over which a row's trust in its guesses is taken


def step_cost(tokens: int) -> float:
    """What a step costs, in units of a token more in a large one: products in float32 with SmolLM2's weights, AVX2.

    Products of one row are made by another routine, which does nothing but read.
    """
    return 10.0 if tokens == 1 else 22.0 + tokens


def worthwhile(trust: float, rows: int, most: int) -> int:
    """How many guesses gain most, in a step of `rows` rows, where the share `trust` comes true; 0 where none gains."""
    price = step_cost(rows) / rows  # of a token without guesses
    best, count, hoped, chance = 0.0, 0, 0.0, 1.0
    for guesses in range(1, most + 1):
        chance *= trust
        hoped += chance
        gain = hoped * price - (step_cost(rows + guesses) - step_cost(rows))
        if gain > best:
            best, count = gain, guesses
    return count


class Guesses:
    """The guesses of one row, whose `ids` grow. It learns from those that were not checked, too."""

    def __init__(self, ids: list[int]):
        self.ids = ids
        self.trust = 0.7  # the share of guesses that come true, lately
        self._after: dict[tuple[int, ...], int] = {}  # where it goes on after three tokens
        self._known = 0
        self._expected: list[int] = []  # at `_known` and after

    def next(self, most: int, rows: int) -> list[int]:
        """What may follow now: empty where nothing is known, or checking would cost more than it is likely to save.

        `rows` is how many rows are answered side by side.
        """
        self._learn()
        for end in range(max(self._known, WORD), len(self.ids)):
            self._after[tuple(self.ids[end - WORD : end])] = end
        self._known, self._expected = len(self.ids), []
        at = self._after.get(tuple(self.ids[-WORD:])) if len(self.ids) > WORD else None
        if at is None:
            return []
        again = self.ids[at:]
        self._expected = (again * (MOST // len(again) + 1))[:MOST]  # what repeats itself goes on repeating
        return self._expected[: worthwhile(self.trust, rows, most)]

    def _learn(self) -> None:
        """Compare what was expected with what came."""
        for expected, came in zip(self._expected, self.ids[self._known :], strict=False):
            self.trust += ((expected == came) - self.trust) / LEARNT
            if expected != came:
                break
