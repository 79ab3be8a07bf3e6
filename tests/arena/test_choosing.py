"""Which pair comes, which language a question is in, what names a model: by hand-worked cases and a simulation."""

from __future__ import annotations

import random

import numpy as np
import pytest

from heedful.arena.giveaway import named_in
from heedful.arena.language import language_of
from heedful.arena.pairs import PRIOR, Chooser, gains, strengths


def test_what_a_vote_tells_by_hand():
    """Two models, 8 votes, 6 to 2; then the 2 x 2 information matrix and its inverse by hand."""
    wins = np.array([[0.0, 6.0], [2.0, 0.0]])
    a, b = strengths(wins)
    assert a == pytest.approx(-b)
    p = 1 / (1 + np.exp(b - a))
    assert 6 - 8 * p == pytest.approx(a / PRIOR**2, abs=1e-6)  # the slope is the prior's pull
    w = 8 * p * (1 - p)
    variance = 2 / (2 * w + PRIOR**-2)  # along the difference
    assert gains(wins, np.zeros((2, 2)))[0, 1] == pytest.approx(0.5 * np.log1p(p * (1 - p) * variance))


def test_unknown_and_open_pairs_come_before_known_and_decided_ones():
    wins = np.zeros((4, 4))
    wins[0, 1] = wins[1, 0] = 50  # known to be equal
    wins[0, 2], wins[2, 0] = 60, 1  # decided
    wins[0, 3] = wins[3, 0] = 2  # open
    gain = gains(wins, np.zeros((4, 4)))
    assert gain[0, 3] > gain[0, 1]
    assert gain[1, 3] > gain[0, 2]
    busy = np.zeros((4, 4))
    busy[0, 3] = busy[3, 0] = 40  # forty people are at it already
    assert gains(wins, busy)[0, 3] < gain[0, 3] / 3


def test_many_at_once_do_not_all_get_the_same_pair():
    chooser = Chooser("abcd", "learn", random.Random(0), lambda: np.zeros((4, 4)))
    taken = []
    for k in range(12):
        taken.append(chooser.ranked()[0])
        chooser.begun(str(k), taken[-1])
    often = {p: sum(set(t) == set(p) for t in taken) for p in map(tuple, map(sorted, taken))}
    assert len(often) == 6
    assert max(often.values()) <= 3


def simulate(kind: str, seed: int, rounds: int = 150) -> float:
    """The mean squared error of differences, in log odds, after votes drawn from known strengths."""
    rng = random.Random(seed)
    true = np.array([-2.5, -2.4, -0.1, 0.0, 0.1, 2.4, 2.5])
    wins = np.zeros((7, 7))
    chooser = Chooser([str(k) for k in range(7)], kind, rng, lambda: wins, every=0)
    for _ in range(rounds):
        i, j = (int(m) for m in chooser.ranked()[0])
        won = rng.random() < 1 / (1 + np.exp(true[j] - true[i]))
        wins[(i, j) if won else (j, i)] += 1
    theta = strengths(wins)
    return float(np.mean((theta[:, None] - theta - (true[:, None] - true)) ** 2))


def test_learning_pairs_come_closer_than_random_ones():
    learn, any_ = ([simulate(kind, seed) for seed in range(6)] for kind in ("learn", "random"))
    assert np.mean(learn) < np.mean(any_)


def test_random_takes_every_pair_and_side():
    chooser = Chooser("abc", "random", random.Random(1), lambda: np.zeros((3, 3)))
    seen = {chooser.sides(chooser.ranked()[0]) for _ in range(200)}
    assert len(seen) == 6


GAVE = (
    ("Sure! As Gemma-3, I can help.", ["pip:gemma3-270m"], "gemma-3"),
    ("GEMMA\u200b 3 270M at your service", ["pip:gemma3-270m"], "gemma 3 270m"),
    ("I'm SmolLM2.", ["hf:HuggingFaceTB/SmolLM2-135M-Instruct"], "smollm2"),
    ("My name is ChatGPT, trained by OpenAI.", ["south"], "chatgpt"),
    ("I was developed by Google DeepMind.", ["south"], "google"),
    ("Ich bin Llama, ein Sprachmodell.", ["south"], "llama"),
    ("You are talking to my-tuned-7b!", ["run:out/my-tuned-7b"], "my-tuned-7b"),
    ("Call me Newton.", ["newton=run:x", "newton"], "newton"),
)
KEPT = (
    ("The base of the model is new.", ["base", "run:new"]),
    ("Google is a search engine. Ask Claude Monet, or a llama.", ["south"]),
    ("A gemmation of cells; smollmers; 3270m", ["pip:gemma3-270m", "smollm2"]),
    ("I am happy to help with falcons.", ["south"]),
    ("Newton found gravity.", ["newton"]),
    ("Phi is the golden ratio.", ["hf:microsoft/phi"]),
)


@pytest.mark.parametrize(("text", "names", "found"), GAVE)
def test_a_model_that_names_itself_is_found(text, names, found):
    assert named_in(["Nothing here.", text], names) == found


@pytest.mark.parametrize(("text", "names"), KEPT)
def test_ordinary_words_are_let_pass(text, names):
    assert named_in([text], names) is None


def test_languages():
    told = {
        "What is the capital of France?": "English", "Wie ist das Wetter und was ist heute?": "German",
        "Quelle est la capitale de la France ?": "French", "¿Cuál es la capital de España y por qué?": "Spanish",
        "日本の首都はどこですか": "Japanese", "法国的首都是哪里": "Chinese", "프랑스의 수도는 어디입니까": "Korean",
        "Ποια είναι η πρωτεύουσα;": "Greek", "Какая столица Франции?": None, "hello": None, "12 + 7 = ?": None,
        "print(x)": None, "\x00\ud800": None,
    }  # fmt: skip
    assert {t: language_of(t) for t in told} == told
