"""Texts to token rows, with a tokenizer of letters whose merges reach across the boundary."""

from __future__ import annotations

import math

import pytest
from tokenizers import Tokenizer, models, processors
from transformers import PreTrainedTokenizerFast

from heedful.backends.base import Continuation
from heedful.backends.scoring import PlainScoring, Texts, TokenRow, log_likelihoods
from heedful.backends.scoring import texts as texts_module

VOCABULARY = {"<s>": 0, "</s>": 1, "a": 2, "b": 3, " ": 4, " b": 5, "ab": 6, "c": 7}


def make_tokenizer(bos: bool) -> PreTrainedTokenizerFast:
    made = Tokenizer(models.BPE(VOCABULARY, [(" ", "b"), ("a", "b")]))
    if bos:
        made.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")


def rows(pairs, bos=False, positions=100):
    cuts = Texts(make_tokenizer(bos), positions).rows([Continuation(*p) for p in pairs])
    return [(list(c.row.context), list(c.row.continuation), c.truncated) if c.row else c.error for c in cuts]


def test_space_at_the_end_of_a_context_goes_to_what_follows():
    assert rows([("a", " b"), ("a ", "b"), ("ca  ", "b")]) == [([2], [5], 0), ([2], [5], 0), ([7, 2], [4, 5], 0)]


def test_a_merge_across_the_boundary_counts_as_the_context_alone_has_it():
    """'a' + 'bc' is encoded 'ab' 'c', whose first token is the context's share: lm-evaluation-harness's rule."""
    assert rows([("a", "bc")]) == [([2], [7], 0)]


def test_the_beginning_of_a_text():
    assert rows([("a", "c")], bos=True) == [([0, 2], [7], 0)]
    assert rows([("a", "c", False)], bos=True) == [([2], [7], 0)]  # a template's text has it already
    assert rows([("", "c")], bos=True) == [([0], [7], 0)]
    assert rows([("", "c"), ("  ", "c")]) == [([0], [7], 0), ([0], [4, 4, 7], 0)]


def test_what_has_no_room_is_cut_at_the_beginning_and_counted():
    assert rows([("abcac", "ca")], positions=4) == [([7, 2, 7], [7, 2], 1)]
    assert rows([("a", "caca")], positions=3) == ["the continuation has 4 tokens, the model has room for 3"]


def test_what_cannot_be_scored_says_why():
    problem = "the continuation has no token of its own after this context"
    assert rows([("a", "b"), ("c", "")]) == [problem, problem]
    scorer = _Counting()
    pairs = [Continuation("c", ""), Continuation("c", "a")]
    first, second = log_likelihoods(scorer, Texts(make_tokenizer(False), 9), pairs)
    assert (first.index, first.error) == (0, problem)
    assert math.isnan(first.log_likelihood)
    assert (second.index, second.log_likelihood, second.tokens, second.error) == (1, -1.0, 1, None)


class _Counting(PlainScoring):
    """Gives each row the number of its tokens, and counts how often it was asked."""

    def __init__(self):
        self.asked = []

    def score(self, rows: list[TokenRow]):
        from heedful.backends.scoring import Scored

        self.asked.append(len(rows))
        yield from (
            Scored(n, -float(len(r.context) + len(r.continuation) - 1), False) for n, r in reversed([*enumerate(rows)])
        )


@pytest.mark.parametrize("slab", [1, 10, 10**6])
def test_slabs_do_not_change_which_row_is_which(monkeypatch, slab):
    monkeypatch.setattr(texts_module, "SLAB", slab)
    scorer = _Counting()
    pairs = [Continuation("c" * (n // 2 + 1), "a") for n in range(8)]
    made = sorted(log_likelihoods(scorer, Texts(make_tokenizer(False), 99), pairs), key=lambda m: m.index)
    assert [m.log_likelihood for m in made] == [-(n // 2 + 1.0) for n in range(8)]
    assert sum(scorer.asked) == 8
    assert len(scorer.asked) == {1: 8, 10: 2, 10**6: 1}[slab]
