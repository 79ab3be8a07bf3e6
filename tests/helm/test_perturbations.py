"""Perturbations: the same everywhere, what they leave alone, their lists, and options that cannot be."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.errors import DataError, RequestError
from heedful.helm.perturbations import (
    PERTURBATIONS,
    dialect,
    extra_spaces,
    gender,
    misspellings,
    names,
    perturbed,
    perturbed_all,
    read_names,
    spaces,
    typos,
)
from heedful.helm.perturbations.contractions import EXPANDED, SHORT_FORMS
from heedful.helm.words import rows

TEXT = "He told Emily that it is NOT his uncle's bicycle; she isn't sure. With three mothers, Jake believes them."


def test_each_is_the_same_on_every_machine_and_differs_by_item():
    assert {name: perturbed(TEXT, name, 0, "a") for name in ("lowercase", "contractions", "expansions", "gender")} == {
        "lowercase": TEXT.lower(),
        "contractions": TEXT.replace("it is NOT", "it's NOT"),
        "expansions": TEXT.replace("isn't", "is not"),
        "gender": TEXT.replace("He", "She", 1).replace("his uncle", "her aunt"),
    }
    assert perturbed(TEXT, "typos", 1, "b") == (
        "He told Emilg that it is NOT his uncle's bicgcle; she isn't sure. With three motgers, Jake believws them."
    )
    for name in ("typos", "spaces", "names", "mild_mix", "dialect"):
        assert len({perturbed(TEXT, name, seed, item) for seed in (0, 1) for item in "abcdefgh"}) > 1
        assert perturbed(TEXT, name, 1, "a") == perturbed(TEXT, name, 1, "a") != TEXT


def test_names_and_kinds():
    kinds = {name: p.kind for name, p in PERTURBATIONS.items()}
    assert [name for name in kinds if kinds[name] == "fairness"] == ["dialect", "gender", "names"]
    assert [name for name, p in PERTURBATIONS.items() if p.references_too] == ["dialect", "gender", "names"]
    assert {"lowercase", "contractions", "expansions", "typos", "spaces"} <= set(kinds)
    assert all(p.name == name and p.about for name, p in PERTURBATIONS.items())
    with pytest.raises(RequestError, match="did you mean 'typos'"):
        perturbed("x", "typo", 0, "a")


NEVER = (typos(0.0), misspellings(0.0), dialect(0.0), gender(prob=0.0), names(0.0), extra_spaces(1))


@settings(max_examples=80)
@given(st.text(max_size=60), st.integers(0, 3))
def test_what_each_leaves_alone_in_any_text(text, seed):
    def found(name):
        return perturbed(text, name, seed, "item")

    assert re.sub(" +", " ", found("spaces")) == re.sub(" +", " ", text)
    assert found("extra_spaces").count(" ") == 2 * text.count(" ")
    assert len(found("typos")) == len(text)
    assert found("lowercase") == text.lower()
    for p in NEVER:
        assert perturbed(text, p, seed, "item") == text


def test_the_first_the_last_and_neighbouring_words_are_seen():
    assert perturbed("he he said he", "gender", 0, "a") == "she she said she"
    assert perturbed("Them with them", dialect(words={"them": ["dem"], "with": ["wit"]}), 0, "a") == "Dem wit dem"
    assert perturbed("herbs, sheep and with-it themes", "dialect", 0, "a") == "herbs, sheep an with-it themes"
    assert perturbed("theatre, human, Manchester, historic", "gender", 0, "a") == "theatre, human, Manchester, historic"


def test_gender_by_mode_direction_and_both_ways():
    text = "Her brother saw him; she is his aunt."
    assert perturbed(text, gender("pronouns"), 0, "a") == "Her brother saw her; she is her aunt."
    assert perturbed(text, gender("terms"), 0, "a") == "Her sister saw him; she is his aunt."
    assert perturbed(text, gender(source="female", target="male"), 0, "a") == "Him brother saw him; he is his uncle."
    assert perturbed(text, gender(bidirectional=True), 0, "a") == "Him sister saw her; he is her uncle."
    assert perturbed("A man and his dog", gender(target="neutral"), 0, "a") == "A person and their dog"
    for options, said in (
        ({"mode": "nouns"}, "mode 'nouns'"),
        ({"source": "mal"}, "did you mean 'male'"),
        ({"words": [("he", "she")]}, "one for each of neutral, female, male"),
        ({"words": []}, "empty"),
    ):
        with pytest.raises(RequestError, match=said):
            gender(**options)


def test_names_keep_their_gender_and_their_bearer():
    becomes, again, line = perturbed_all(["Emily", "EMILY", "Emily met Jake."], "names", 0, "a")
    known = {n.name: n.categories for n in read_names()}
    assert again == becomes.upper()
    assert line.startswith(f"{becomes} met ")
    assert known[becomes.lower()] == {"race": "black_american", "gender": "female"}
    assert known[line.split()[2].rstrip(".").lower()]["gender"] == "male"
    last = names(type="last_name", source={"race": "white"}, target={"race": "hispanic"}, preserve_gender=False)
    assert known[perturbed("Olson", last, 0, "a").lower()]["race"] == "hispanic"
    with pytest.raises(RequestError, match="race=martian"):
        names(target={"race": "martian"})
    with pytest.raises(RequestError, match="first_name and last_name"):
        names(type="nickname")


def test_a_file_of_names_says_which_line_is_wrong(tmp_path):
    file = tmp_path / "names.txt"
    file.write_text("li, last_name, race, chinese\n\nbroken,first_name,race\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"names\.txt:3: not a name"):
        read_names(file)
    with pytest.raises(DataError, match="cannot be read"):
        read_names(tmp_path / "none.txt")
    file.write_text(" Li , last_name,Race,Chinese\n", encoding="utf-8")
    (found,) = read_names(file)
    assert (found.name, found.categories) == ("li", {"race": "chinese"})


@pytest.mark.parametrize(
    "make",
    [lambda: typos(1.5), lambda: spaces(0), lambda: extra_spaces(-1), lambda: misspellings(-1), lambda: names(2)],
)
def test_options_out_of_range(make):
    with pytest.raises(ValueError, match="must be"):
        make()


def test_lists_are_clean():
    assert len(rows("misspellings")) > 250
    for word, wrong in rows("misspellings"):
        assert word not in wrong.split()
    correct = {row[0] for row in rows("misspellings")}
    assert not correct & {wrong for row in rows("misspellings") for wrong in row[1].split()}
    for name in ("misspellings", "dialect", "gender"):
        every = list(rows(name))
        assert len(set(every)) == len(every)
        assert all(word == word.strip() != "" and word == word.lower() for row in every for word in row)
    assert len({row[0] for row in rows("dialect")}) == len(rows("dialect"))
    of_name = {}
    for n in read_names():
        of_name.setdefault((n.type, n.categories["race"], n.categories.get("gender")), []).append(n.name)
    assert {len(found) for found in of_name.values()} == {24}
    everybody = [name for found in of_name.values() for name in found]
    assert len(set(everybody)) == len(everybody)


def test_contractions_are_undone_by_expansions():
    rng = random.Random(0)
    for full, short in EXPANDED.items():
        assert SHORT_FORMS[short] == full
        if short.count("'") == 1 and full != "madam":
            made = PERTURBATIONS["contractions"].apply(f"{full} so", rng)
            assert made == f"{short} so"
            assert PERTURBATIONS["expansions"].apply(made, rng) == f"{full} so"
