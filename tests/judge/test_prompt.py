"""Prompts and rubrics: the packaged ones keep their versions, users' own are checked with one sentence."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
import yaml

from heedful.backends.base import Answer
from heedful.errors import RequestError
from heedful.judge.prompt import FOLDER, MODES, load_prompt
from heedful.judge.rubric import FOLDER as RUBRICS
from heedful.judge.rubric import load_rubric
from heedful.judge.yamlfiles import known_names

# A prompt that changes must get a new version, or figures that cannot be compared would look alike.
# A new version: raise `version` in the file and add its hash here.
HASHES = {
    ("pairs", "1"): "558f7aec2d4c5fd0",
    ("pairs-reasoned", "1"): "57e4b02cc8f49b19",
    ("pairs-reference", "1"): "9f847b3e6e4fef8d",
    ("rubric", "1"): "6510887a2ccdde4d",
    ("score", "1"): "c83e7eee59cf6635",
    ("score-open", "1"): "5e2b5c86d2564a43",
    ("answers", "1"): "c868020059b017e8",
}


def test_a_changed_prompt_has_a_new_version():
    now = {(p.name, p.version): p.hash for p in map(load_prompt, known_names(FOLDER))}
    now |= {(r.name, r.version): r.hash for r in map(load_rubric, known_names(RUBRICS))}
    assert now == HASHES


def test_every_mode_has_a_prompt_of_its_name():
    assert {load_prompt(mode).mode for mode in MODES} == set(MODES)
    for name in known_names(FOLDER):
        assert load_prompt(name).name == name
        assert "nonce" in load_prompt(name).places, "the judge is told which code marks what is not meant for it"


OWN = {
    "name": "mine",
    "version": 3,
    "mode": "pairs",
    "messages": [{"role": "user", "content": '{question} 1: {answer_a} 2: {answer_b} {{"x": 1}}'}],
    "verdict": {"kind": "choice", "pattern": "([12=])", "first": ["1"], "second": ["2"], "tie": ["="]},
}


def write(path, value):
    path.write_text(value if isinstance(value, str) else yaml.safe_dump(value, allow_unicode=True))
    return str(path)


def test_a_prompt_of_ones_own(tmp_path):
    prompt = load_prompt(write(tmp_path / "mine.yaml", OWN), "pairs")
    assert (prompt.name, prompt.version, prompt.mode, prompt.max_new_tokens, prompt.fence) == (
        "mine", "3", "pairs", 256, True,
    )  # fmt: skip
    assert prompt.verdict.tie == ("=",)
    other = copy.deepcopy(OWN) | {"name": "renamed"}
    assert load_prompt(write(tmp_path / "b.yaml", other)).hash == prompt.hash
    other["messages"][0]["content"] += " "
    assert load_prompt(write(tmp_path / "b.yaml", other)).hash != prompt.hash


def changed(**changes):
    return copy.deepcopy(OWN) | changes


def verdict(**changes):
    return changed(verdict=OWN["verdict"] | changes)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "is not a mapping of fields to values; it needs name, version"),
        ("[1", ":1: not YAML"),
        ("name: [\n\n: x", ":3: not YAML"),
        (changed(name=""), "has no 'name'; add it"),
        (changed(nmae="x"), "unknown field 'nmae' (did you mean 'name'?)"),
        (changed(mode="pair"), "mode 'pair' (did you mean 'pairs'?): choose score, rubric, pairs"),
        (changed(messages="x"), "messages must be a list"),
        (changed(messages=[{"role": "usr", "content": "x"}]), "role 'usr' (did you mean 'user'?)"),
        (changed(messages=[{"role": "user"}]), "has no 'content'"),
        (changed(messages=[{"role": "user", "content": "{question} {answer_a}"}]), "have no place {answer_b}, which"),
        (
            changed(messages=[{"role": "user", "content": "{question} {answer_a} {answer_b} {refrence}"}]),
            "has no place {refrence} (did you mean 'reference'?); there are {question}",
        ),
        (changed(verdict={"kind": "number"}), "mode pairs needs kind: choice, not number"),
        (changed(verdict="A"), "verdict: is not a mapping"),
        (verdict(pattern="([12"), "is not a regular expression"),
        (verdict(pattern="[12]"), "the pattern has 0 groups; mark the verdict"),
        (verdict(pattern="([AB])"), "the pattern reads neither '1' nor 'Verdict: 1'"),
        (verdict(second=["1"]), "share a label"),
        (verdict(first=[]), "first must be a list of texts"),
        (verdict(first=[1]), "put letters in quotes"),
        (verdict(where="line"), "where 'line'"),
        (verdict(lowest=0), "unknown field 'lowest'"),
        (verdict(least_mass=2), "least_mass 2 must lie between 0 and 1"),
        (changed(max_new_tokens=0), "max_new_tokens must be a whole number from 1 on, not 0"),
        (changed(fence="no"), "fence must be true or false, not 'no'"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_prompt_is_one_sentence(tmp_path, value, said):
    path = write(tmp_path / "mine.yaml", value)
    with pytest.raises(RequestError) as error:
        load_prompt(path)
    assert said in str(error.value)
    assert str(error.value).startswith(path)
    assert "\n" not in str(error.value)


def test_a_prompt_that_is_not_there(tmp_path):
    for name, said in {
        "pears": "--prompt 'pears' (did you mean 'pairs'?): no such file; name one, or one of pairs, pairs-reason",
        str(tmp_path): "is a folder",
    }.items():
        with pytest.raises(RequestError) as error:
            load_prompt(name)
        assert said in str(error.value)
    with pytest.raises(RequestError, match="--prompt pairs: is for --mode pairs, not score; choose score, score-open"):
        load_prompt("pairs", "score")
    (tmp_path / "x.yaml").write_bytes(b"name: \xff")
    with pytest.raises(RequestError, match="not UTF-8 text at byte 6"):
        load_prompt(str(tmp_path / "x.yaml"))


RUBRIC = {"name": "r", "version": 1, "criteria": [{"name": "kind", "asks": "Is it kind?", "highest": 3}]}


def test_a_rubric_of_ones_own(tmp_path):
    rubric = load_rubric(write(tmp_path / "r.yaml", RUBRIC))
    assert rubric.text == "- kind (1 to 3): Is it kind?"
    assert [rubric.criteria[0].share(s) for s in (1, 2, 3)] == [0, 0.5, 1]
    other = copy.deepcopy(RUBRIC)
    other["criteria"][0]["highest"] = 4
    assert load_rubric(write(tmp_path / "s.yaml", other)).hash != rubric.hash


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        ([], "has no 'criteria'"),
        ([{"name": "kind"}], "criterion 1: has no 'asks'"),
        ([{"name": "two words", "asks": "x", "highest": 2}], "must be one word"),
        ([{"name": "a", "asks": "x", "highest": 1}], "lowest 1 is not below highest 1"),
        ([{"name": "a", "asks": "x", "highest": 2.5}], "highest must be a whole number"),
        ([{"name": "a", "asks": "x", "highest": 2}] * 2, "two criteria are called 'a'"),
        ([{"name": "a", "asks": "x", "highest": 2, "weight": 1}], "unknown field 'weight'"),
    ],
)
def test_a_mistake_in_a_rubric_is_one_sentence(tmp_path, criteria, said):
    path = write(tmp_path / "r.yaml", RUBRIC | {"criteria": criteria})
    with pytest.raises(RequestError) as error:
        load_rubric(path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_the_prompt_that_the_page_shows_can_be_used(tmp_path):
    page = Path(__file__).parents[2] / "docs" / "commands" / "judge.md"
    (block,) = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    prompt = load_prompt(write(tmp_path / "my-prompt.yaml", block))
    assert (prompt.name, prompt.mode) == ("my-prompt", "pairs")
    assert prompt.read(Answer(0, "2.", "stop", 1, 1, 0.0)).choice == "second"
    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    told = {name: mode for name, mode in rows if mode in MODES}
    assert told == {name: load_prompt(name).mode for name in known_names(FOLDER)}
