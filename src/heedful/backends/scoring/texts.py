"""Pairs of texts as token rows, and prompts to be gone on with: where text meets the scoring engine.

The rule is that of lm-evaluation-harness, so that numbers can be compared: white space at the end of a context belongs
to what follows; context and continuation are encoded as one text, and the context's part of it is as many tokens as it
has by itself. A text begins with the beginning-of-text token where the tokenizer puts one; a continuation of nothing
follows that token or, where there is none, the end-of-text token. What the model has no room for is cut at the
beginning of the context, and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from heedful.backends.base import Continuation, LogLikelihood
from heedful.backends.scoring.engine import ScoringEngine
from heedful.backends.scoring.plain import PlainScoring
from heedful.backends.scoring.tree import TokenRow
from heedful.control_tokens import adds_bos, encode_texts

SLAB = 6_000_000  # characters that are encoded, and whose tree is built, at a time


@dataclass(frozen=True)
class Cut:
    """A row as the model has room for it, and how many tokens of its beginning were cut; or why there is none."""

    row: TokenRow | None
    truncated: int = 0
    error: str | None = None


class Texts:
    """A tokenizer with the token that it begins a text with, for a model with so many positions."""

    def __init__(self, tokenizer: Any, positions: int):
        self.tokenizer, self.positions = tokenizer, positions
        self.bos = [int(tokenizer.convert_tokens_to_ids(tokenizer.bos_token))] if adds_bos(tokenizer) else []
        known = (getattr(tokenizer, f"{name}_token_id", None) for name in ("bos", "eos"))
        self.alone = [int(i) for i in known if i is not None][:1]  # what stands before the continuation of nothing

    def prompt_ids(self, text: str, room: int) -> tuple[list[int], int]:
        """The ids of a text to be gone on with by at most `room` tokens, and how many were cut at its beginning."""
        ids = self._begun(encode_texts(self.tokenizer, [text])[0]) or self.alone
        cut = max(0, len(ids) - max(1, self.positions - room))
        return ids[cut:], cut

    def rows(self, pairs: Sequence[Continuation]) -> list[Cut]:
        """Each pair as a token row."""
        moved = [_move_space(pair) for pair in pairs]
        texts = dict.fromkeys(t for context, rest in moved for t in (context, context + rest) if t)
        known = dict(zip(texts, encode_texts(self.tokenizer, list(texts)), strict=True))
        contexts: dict[tuple[str, bool], np.ndarray] = {}
        out = []
        for pair, (context, rest) in zip(pairs, moved, strict=True):
            head = known.get(context, [])
            key = (context, pair.plain)
            if key not in contexts:
                contexts[key] = np.array((self._begun(head) if pair.plain else head) or self.alone, dtype=np.uint32)
            out.append(self._cut(contexts[key], known.get(context + rest, [])[len(head) :]))
        return out

    def windows(self, text: str) -> list[TokenRow]:
        """A whole text as rows that predict each of its tokens once, for perplexity: lm-evaluation-harness's windows.

        The first row follows the token that a text begins with; a later one has as many tokens before it as there is
        room for. Empty for a text without tokens, or a tokenizer without such a token.
        """
        ids = [*self.bos, *encode_texts(self.tokenizer, [text])[0]]
        if not ids or not self.alone:
            return []
        rows = [TokenRow(self.alone, ids[: self.positions])]
        for start in range(self.positions, len(ids), self.positions):
            end = min(start + self.positions, len(ids))
            rows.append(TokenRow(ids[end - self.positions - 1 : start], ids[start:end]))
        return rows

    def _begun(self, ids: list[int]) -> list[int]:
        """With the token that a text begins with before it, unless a template has written it."""
        return ids if not self.bos or ids[:1] == self.bos else [*self.bos, *ids]

    def _cut(self, context: np.ndarray, continuation: list[int]) -> Cut:
        if not continuation:
            return Cut(None, error="the continuation has no token of its own after this context")
        if not len(context):
            return Cut(None, error="the context is empty, and the tokenizer has no token to begin a text with")
        if len(continuation) > self.positions:
            problem = f"the continuation has {len(continuation):,} tokens, the model has room for {self.positions:,}"
            return Cut(None, error=problem)
        # The last token is not read, so that one more may be there than the model has positions.
        over = max(0, len(context) + len(continuation) - 1 - self.positions)
        return Cut(TokenRow(context[over:], continuation), over)


def log_likelihoods(
    scorer: ScoringEngine | PlainScoring, texts: Texts, pairs: Sequence[Continuation]
) -> Iterator[LogLikelihood]:
    """The log-likelihood of each pair, as they are known."""
    for slab in _slabs(pairs):
        cuts = texts.rows([pairs[i] for i in slab])
        rows: list[TokenRow] = []
        asked: list[tuple[int, Cut]] = []
        for i, cut in zip(slab, cuts, strict=True):
            if cut.row is None:
                yield LogLikelihood(i, float("nan"), False, 0, 0, cut.error)
            else:
                rows.append(cut.row)
                asked.append((i, cut))
        for scored in scorer.score(rows) if rows else ():
            i, cut = asked[scored.row]
            tokens = len(rows[scored.row].continuation)
            yield LogLikelihood(i, scored.log_likelihood, scored.greedy, tokens, cut.truncated)


def rolling(scorer: ScoringEngine | PlainScoring, texts: Texts, whole: Sequence[str]) -> Iterator[LogLikelihood]:
    """The log-likelihood of each whole text, however long: of all its tokens, in windows."""
    for i, text in enumerate(whole):
        rows = texts.windows(text)
        if not rows:
            yield LogLikelihood(i, float("nan"), False, 0, 0, "the text has no tokens, or nothing to follow")
            continue
        made = list(scorer.score(rows))
        tokens = sum(len(row.continuation) for row in rows)
        yield LogLikelihood(i, sum(s.log_likelihood for s in made), all(s.greedy for s in made), tokens)


def _move_space(pair: Continuation) -> tuple[str, str]:
    """Context and continuation, with white space at the end of the first moved to the second."""
    kept = pair.context.rstrip()
    return kept, pair.context[len(kept) :] + pair.continuation


def _slabs(pairs: Sequence[Continuation]) -> Iterator[list[int]]:
    """Neighbours together, as many as `SLAB` characters hold; a context that comes again at once counts once."""
    slab: list[int] = []
    size, before = 0, None
    for i, pair in enumerate(pairs):
        size += len(pair.continuation) + (0 if pair.context == before else len(pair.context))
        before = pair.context
        slab.append(i)
        if size >= SLAB:
            yield slab
            slab, size, before = [], 0, None
    if slab:
        yield slab
