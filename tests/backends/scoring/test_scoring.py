"""The scoring engine against the model's own forward pass, for tiny random models of each family."""

from __future__ import annotations

import random

import pytest
import torch
from tests.backends.families import CONFIGS, VOCABULARY, fast_first, make_model

from heedful.backends.scoring import PlainScoring, ScoringEngine, TokenRow, make_scorer
from heedful.backends.scoring import attention as attention_module
from heedful.backends.scoring import check as check_module
from heedful.backends.scoring.attention import attend, join


def some_rows(seed: int, count: int = 12) -> list[TokenRow]:
    """Rows that share beginnings of all lengths, some of them whole."""
    chance = random.Random(seed)
    some = lambda n: [chance.randrange(4, VOCABULARY) for _ in range(n)]  # noqa: E731
    known = [some(20), some(3)]
    rows = []
    for _ in range(count):
        old = chance.choice(known)
        context = old[: chance.randint(1, len(old))] + some(chance.randint(0, 6))
        known.append(context)
        rows.append(TokenRow(context, some(chance.choice((1, 1, 2, 5)))))
    return [*rows, rows[0], TokenRow(rows[1].context, some(1))]


def alone(model, rows: list[TokenRow]) -> list[tuple[float, bool]]:
    """Each row by itself through the model: the truth, in five lines."""
    out = []
    for row in rows:
        ids = torch.tensor([[*row.context, *row.continuation]])
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0, len(row.context) - 1 : -1].log_softmax(-1)
        wanted = torch.tensor(row.continuation)
        out.append((float(logits.gather(1, wanted[:, None]).sum()), bool((logits.argmax(-1) == wanted).all())))
    return out


def scored(scorer, rows: list[TokenRow]) -> list[tuple[float, bool]]:
    made = {s.row: (s.log_likelihood, s.greedy) for s in scorer.score(rows)}
    assert len(made) == len(rows)
    return [made[n] for n in range(len(rows))]


@pytest.mark.parametrize("family", fast_first(CONFIGS))
def test_equal_to_one_row_at_a_time(family):
    """Sliding windows of 6 tokens, shorter than most rows, among them; whatever the sizes and the order."""
    model, rows = make_model(family), some_rows(0)
    truth = alone(model, rows)
    for sizes in ((512, 2048, 1024, 48), (6, 20, 4, 0), (12, 9, 5, 6)):
        found = scored(ScoringEngine(model, *sizes), rows)
        assert [g for _, g in found] == [g for _, g in truth]
        assert [v for v, _ in found] == pytest.approx([v for v, _ in truth], abs=1e-4)
    backwards = scored(ScoringEngine(model), rows[::-1])[::-1]
    assert [v for v, _ in backwards] == pytest.approx([v for v, _ in truth], abs=1e-4)


def test_plain_is_equal_too():
    model, rows = make_model("llama"), some_rows(1)
    assert [v for v, _ in scored(PlainScoring(model, 0), rows)] == pytest.approx(
        [v for v, _ in alone(model, rows)], abs=1e-4
    )


@pytest.mark.parametrize("family", ["llama", "mistral", "gpt2"])
@pytest.mark.parametrize("length", [1, 2, 5, 11])
def test_each_token_of_a_text_where_it_stands(family, length):
    """In stretches of 5 tokens: a text of 11 has two and its last token, which is not read."""
    model, chance = make_model(family), random.Random(length)
    ids = [chance.randrange(4, VOCABULARY) for _ in range(length)]
    with torch.no_grad():
        logs = model(input_ids=torch.tensor([ids])).logits[0, :-1].log_softmax(-1)
    for scorer in (ScoringEngine(model, stretch=5), PlainScoring(model, 0)):
        found = scorer.places(ids, top=3)
        assert len(found) == length - 1
        for k, place in enumerate(found):
            best, which = logs[k].topk(3)
            assert place.log_probability == pytest.approx(float(logs[k, ids[k + 1]]), abs=1e-4)
            assert [i for i, _ in place.top] == which.tolist()
            assert [v for _, v in place.top] == pytest.approx(best.tolist(), abs=1e-4)


def test_the_greedy_token_is_told():
    model = make_model("gpt2")
    with torch.no_grad():
        best = int(model(input_ids=torch.tensor([[5, 6, 7]])).logits[0, -1].argmax())
    rows = [TokenRow([5, 6, 7], [best]), TokenRow([5, 6, 7], [(best + 1) % VOCABULARY])]
    assert [g for _, g in scored(ScoringEngine(model), rows)] == [True, False]


@pytest.mark.parametrize("family", ["mistral", "gemma2", "gpt2"])
def test_the_check_lets_the_engine_pass(family):
    assert isinstance(make_scorer(make_model(family), 0)[0], ScoringEngine)


@pytest.mark.parametrize("broken", ["trunk_mask", "ancestry", "join"])
def test_the_check_stops_a_wrong_engine(monkeypatch, broken):
    """Each thing that the engine may do wrongly is found on the small copy, and the model's own pass is used."""
    from heedful.backends.scoring import forward

    if broken == "trunk_mask":
        monkeypatch.setattr(forward.Part, "trunk_mask", lambda self, window, trunk: (0, None))
    elif broken == "ancestry":
        monkeypatch.setattr(forward, "_ancestry", lambda family, size: torch.ones(size, size).tril().bool().numpy())
    else:
        monkeypatch.setattr(forward, "join", lambda a, log_a, b, log_b: (a + b) / 2)
    scorer, note = make_scorer(make_model("mistral"), 0)
    assert isinstance(scorer, PlainScoring)
    assert "its log-likelihoods would differ by" in note


def test_a_model_that_cannot_be_read_is_scored_all_the_same(monkeypatch):
    monkeypatch.setattr(
        check_module, "ScoringEngine", lambda model: (_ for _ in ()).throw(TypeError("it has two heads"))
    )
    model, rows = make_model("llama"), some_rows(2, 5)
    scorer, note = make_scorer(model, 0)
    assert note == "scores row by row, which is slower (LlamaForCausalLM: it has two heads)"
    assert [v for v, _ in scored(scorer, rows)] == pytest.approx([v for v, _ in alone(model, rows)], abs=1e-4)


@pytest.mark.parametrize("cap", [0.0, 3.0])
def test_attention_in_two_halves_is_the_attention_over_both(cap, monkeypatch):
    monkeypatch.setattr(attention_module, "BYTES", 4 * 2 * 3 * 9)  # one query at a time where scores are written out
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 3, n, 8, generator=generator) for n in (5, 9, 9))
    mask = torch.zeros(2, 1, 5, 9)
    mask[:, :, 2, :4] = mask[:, :, 3, 4:] = float("-inf")  # two queries see but one half each
    whole, total = attend(q, k, v, 0.4, mask, cap=cap)
    halves = [attend(q, k[:, :, s], v[:, :, s], 0.4, mask[..., s], cap=cap) for s in (slice(0, 4), slice(4, 9))]
    torch.testing.assert_close(join(*halves[0], *halves[1]), whole)
    torch.testing.assert_close(torch.logaddexp(halves[0][1], halves[1][1]), total.float())
    scores = torch.matmul(q, k.transpose(2, 3)) * 0.4
    scores = (torch.tanh(scores / cap) * cap if cap else scores) + mask
    torch.testing.assert_close(torch.matmul(scores.softmax(-1), v), whole)
