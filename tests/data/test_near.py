"""Near-duplicates: similarities by hand, what asks the same, and all pairs beside the candidates of the bands."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.data import near as near_module
from heedful.data.alike import alike, numbers, read
from heedful.data.near import NearDuplicates, Pair
from heedful.data.shingles import grams, jaccard, normalise

STARTER = Path(__file__).parents[2] / "src/heedful/data/starter/rows.jsonl"
QUESTION = "Name three countries in South America and their capitals."


def found(texts: list[str], **options: float) -> list[Pair]:
    with NearDuplicates(**options) as near:  # type: ignore[arg-type]
        for number, text in enumerate(texts):
            assert near.add(text) == number
        return near.pairs()


def by_sets(a: str, b: str) -> float:
    """Jaccard over Python's sets: the oracle."""
    sets = [{t[i : i + 5] for i in range(max(1, len(t) - 4))} for t in (a, b)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


# Similarity


def test_similarity_by_hand():
    """abcdefg: abcde bcdef cdefg; abcdefh: abcde bcdef cdefh. Two of four."""
    assert jaccard(["abcdefg", "abcdefh", "xyz", "xyz", "", "xy"], [0, 2, 4, 2], [1, 3, 4, 5]).tolist() == [
        0.5,
        1,
        1,
        0,
    ]
    _, bounds = grams(["abcdefg", "", "abc", "abcde"])
    assert np.diff(bounds).tolist() == [3, 1, 1, 1]


@given(st.lists(st.text(st.sampled_from("abあ𠀀\0 "), max_size=20), min_size=2, max_size=6))
def test_similarity_is_that_of_the_sets(texts: list[str]):
    pairs = [(i, j) for i in range(len(texts)) for j in range(len(texts))]
    got = jaccard(texts, [i for i, _ in pairs], [j for _, j in pairs])
    padded = [t if len(t) >= 5 else t.ljust(5, "\0") for t in texts]  # a short text is one gram, padded
    assert got.tolist() == [by_sets(padded[i], padded[j]) for i, j in pairs]


def test_grams_are_the_same_on_every_machine():
    """Golden: a change here changes which candidates are found."""
    assert grams(["abcde"])[0].tolist() == [GOLDEN]


GOLDEN = 12650708301818139200


# What asks the same


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (QUESTION, QUESTION.upper().replace(".", " !")),
        (QUESTION, "Name three countries in South Amerca and their capitals."),
        (QUESTION, "Please name three countries in South America and their capitals."),
        ("Write an e-mail to thank your team", "Write an email to thank your team"),
        ("In what year did Tesla die?", "What year did Tesla die?"),
        ("日本の首都はどこですか?", "日本の首都はどこですか"),
        ("Add ４５ and 3", "add 45 and 3"),
        (f"{' '.join(f'word{chr(97 + i % 26)}{chr(97 + i // 26)}' for i in range(120))} red",) * 2,
    ],
)
def test_the_same_question(first: str, second: str):
    assert alike(read(normalise(first)), read(normalise(second)))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Convert 45 km to miles", "Convert 46 km to miles"),
        ("Convert ٤٥ km to miles", "Convert 46 km to miles"),
        ("Compute 12 * 7", "Compute 12 + 7"),
        ("Compute sqrt(2) + x", "Compute sqrt(2) * x"),
        ("Subtract 3 from 5", "Subtract 5 from 3"),
        ("What is the capital of France?", "What is the capital of Finland?"),
        ("Who is right?", "Who is not right?"),
        ("Give the plural of: cat", "Give the plural of: hat"),
        ("Who sang at Super Bowl XLVII?", "Who sang at Super Bowl XLVIII?"),
        ("Convert the miles to kilometres", "Convert the kilometres to miles"),
        (
            "次の文を英語に翻訳してください。私は毎朝コーヒーを飲みます。",
            "次の文を英語に翻訳してください。私は毎朝紅茶を飲みます。",
        ),
        ("Translate p ∨ q", "Translate p ⊃ q"),
    ],
)
def test_another_question(first: str, second: str):
    assert not alike(read(normalise(first)), read(normalise(second)))


def test_a_long_text_may_have_one_replaced_word_in_a_hundred():
    long = " ".join(["alpha beta gamma delta"] * 25)
    assert alike(read(f"{long} red"), read(f"{long} green"))
    assert not alike(read(f"{long[:-30]} red"), read(f"{long[:-30]} green"))


def test_numbers_in_every_script():
    assert numbers(normalise("１２ and ٣ (4-5) well-known 6 7%")) == "12 3 4 - 5 6 7 %"


# Clusters


def test_edits_of_one_question_are_found_and_others_are_not():
    texts = [
        QUESTION,
        "Convert 45 kilometres to miles and round the result.",
        QUESTION.lower(),
        QUESTION,
        "Convert 46 kilometres to miles and round the result.",
        "Name three countries in South Amerca and their capitals.",
        "",
        "Name three countries in North America and their capitals.",
        "",
    ]
    pairs = found(texts)
    assert [(p.first, p.second) for p in pairs] == [(0, 2), (0, 3), (0, 5), (6, 8)]
    similarity = by_sets(normalise(texts[0]), normalise(texts[5]))
    assert [p.similarity for p in pairs] == [1, 1, similarity, 1]
    assert found(texts, threshold=similarity + 0.01)[-1] == Pair(6, 8, 1.0)
    with NearDuplicates() as near:
        for text in texts:
            near.add(text)
        assert near.clusters() == [[0, 2, 3, 5], [6, 8]]
        assert near.repeats([5, 7], [2, 3]) == [Pair(2, 5, similarity)]
        assert near.repeats([0], [3]) == [Pair(3, 0, 1.0)]
        with pytest.raises(ValueError, match="compared already"):
            near.add("more")


def test_nothing_to_compare():
    with NearDuplicates() as near:
        assert (near.clusters(), near.pairs(), len(near)) == ([], [], 0)
    assert found(["alone"]) == []
    assert found(["a\ud800 broken half of a pair", "a\ud800 broken half of a pair!"])[0].similarity > 0.9
    with pytest.raises(ValueError, match="threshold"):
        NearDuplicates(threshold=0)


def words(rng: random.Random, count: int) -> list[str]:
    return ["".join(rng.choice("abcdefghiklmnoprstuvw") for _ in range(rng.randint(3, 8))) for _ in range(count)]


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6))
def test_candidates_leave_out_no_pair(seed: int):
    """Beside all pairs: with 16 bands the chance to miss a pair of similarity 0.8 is 0.8%, of 0.9 two in a million."""
    rng = random.Random(seed)
    texts = []
    for _ in range(30):
        base = words(rng, 14)
        texts.append(" ".join(base))
        copy = [*base[:3], "please", *base[3:]] if rng.random() < 0.5 else [*base[:-1], base[-1] + "s"]
        texts.append(" ".join(copy))
    near = {(p.first, p.second) for p in found(texts)}
    every = [(i, j) for i in range(60) for j in range(i + 1, 60)]
    similar = {(i, j): s for i, j in every if (s := by_sets(texts[i], texts[j])) >= 0.75}
    meant = {pair for pair in similar if alike(read(texts[pair[0]]), read(texts[pair[1]]))}
    assert near <= meant
    assert all(similar[pair] < 0.85 for pair in meant - near)


def test_many_rows_of_one_template_stay_linear(monkeypatch: pytest.MonkeyPatch):
    compared = 0

    def counting(texts: list[str], first: np.ndarray, second: np.ndarray) -> np.ndarray:
        nonlocal compared
        compared += len(first)
        return jaccard(texts, first, second)

    monkeypatch.setattr(near_module, "jaccard", counting)
    rng = random.Random(1)
    start = "Read the description of the product below with care and say in one sentence what a customer may like:"
    texts = [f"{start} {word}" for word in dict.fromkeys(words(rng, 600))]
    count = len(texts)
    assert found([*texts, texts[7].upper() + "!"])[-1].first == 7
    assert compared < 16 * near_module.WHOLE * count < count * count / 4


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch):
    rng = random.Random(3)
    texts = [" ".join(words(rng, 12)) for _ in range(40)]
    texts += [t + " please" for t in texts[::3]]
    whole = found(texts)
    assert len(whole) == 14
    for name in ("_BLOCK", "_SLICE", "_BATCH"):
        monkeypatch.setattr(near_module, name, 64)
    assert found(texts) == whole


def test_the_packages_own_rows_are_all_different_questions():
    """1,085 rows from templates: 82 pairs have a similarity of 0.8 or more, and none asks the same."""
    rows = [json.loads(line) for line in STARTER.read_text(encoding="utf-8").splitlines()]
    assert found([f"{r['instruction']} {r['input']}" for r in rows]) == []


def test_texts_lie_in_a_file_that_is_gone_with_it():
    before = set(Path(tempfile.gettempdir()).glob("heedful-near-*"))
    with NearDuplicates() as near:
        near.add(QUESTION)
        near.add(QUESTION + " Please.")
        assert near.clusters() == [[0, 1]]
    assert set(Path(tempfile.gettempdir()).glob("heedful-near-*")) <= before
    with pytest.raises(ValueError, match="closed"):
        near._text(0)
