"""Perturbed copies: what comes from the row changes, alike everywhere, and nothing else does."""

from __future__ import annotations

import doctest
import importlib
import itertools

import pytest

from heedful.helm.perturbations import PERTURBATIONS
from heedful.helm.variants import copies_of, perturbed_item
from heedful.tasks import MODULES, Item, Places, Plan, Prompt
from heedful.tasks.pieces import between, spans, template_spans

TASKS = {
    f"{task.name}@{task.profile}": task
    for module in dict.fromkeys(MODULES.values())
    for task in importlib.import_module(f"heedful.tasks.{module}").TASKS
    if not task.runs_code
}


@pytest.mark.parametrize("name", TASKS)
def test_what_the_task_puts_around_a_row_stays(name, tmp_path):
    task = TASKS[name]
    for file, text in task.sample_rows.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    seen = 0
    for item in task.items(Places(task.name, tmp_path), Plan()):
        question, places = item.prompt.question, (*item.inputs, *item.options)
        for copy in copies_of(item, tuple(PERTURBATIONS), 0):
            seen += 1
            asked = copy.item.prompt.question
            assert (copy.of, copy.item.id) == (item.id, f"{item.id}~{copy.perturbation}")
            assert asked[: places[0][0]] == question[: places[0][0]]
            assert asked.endswith(question[places[-1][1] :])
            at = 0  # the task's words between the pieces, in order
            for (_, end), (start, _) in itertools.pairwise(places):
                at = asked.find(question[end:start], at)
                assert at >= 0
            assert copy.item.prompt.shots == item.prompt.shots
            assert len(copy.item.choices) == len(item.choices)
            assert copy.item.choices == item.choices or item.row_choices
            assert copy.item.gold == item.gold or not item.choices
            assert copy.item.prompt.question != question or copy.item.choices != item.choices
    assert seen


def test_a_person_has_one_name_everywhere():
    passage = "Emily met Geoffrey in Rome. Later Emily left."
    prompt = Prompt(
        f"Passage: {passage}\nQuestion: Where did Emily meet Geoffrey?\nAnswer:", (("Emily?", " Emily"),), "Emily. "
    )
    inputs = spans(prompt.question, ("Passage: ", passage), ("\nQuestion: ", "Where did Emily meet Geoffrey?"))
    copy = perturbed_item(Item("1", prompt, gold=("Emily", "Rome", "Anne"), inputs=inputs), "names", 0)
    assert copy is not None
    asked = copy.prompt.question
    assert "Emily" not in asked
    new = asked.removeprefix("Passage: ").partition(" ")[0]
    assert asked.count(new) == 3
    # In the passage there was an Emily, so she is expected by her new name, too; nobody there was called Anne.
    assert copy.gold[:3] == ("Emily", "Rome", "Anne")
    assert new in copy.gold[3:]
    assert len(copy.gold) == 5
    assert (copy.prompt.shots, copy.prompt.description) == (prompt.shots, prompt.description)


def test_choices_of_the_row_change_with_it_and_letters_do_not():
    question = "The man slept because"
    item = Item("1", Prompt(question), (" he was tired", "  his son was"), 0, inputs=((0, 13),), row_choices=True)
    copy = perturbed_item(item, "gender", 0)
    assert copy is not None
    assert copy.prompt.question == "The woman slept because"
    assert copy.choices == (" she was tired", "  her daughter was")
    assert perturbed_item(item, "contractions", 0) is None
    shown = "A man?\nA. His\nB. Hers\nAnswer:"
    letters = Item("2", Prompt(shown), (" A", " B"), 0, inputs=((0, 6),), options=((10, 13), (17, 21)))
    assert perturbed_item(letters, "gender", 0).prompt.question == "A woman?\nA. Her\nB. Hers\nAnswer:"
    small = perturbed_item(letters, "lowercase", 0)  # robustness leaves the answers as they are
    assert small.prompt.question == "a man?\nA. His\nB. Hers\nAnswer:"


def test_the_same_seed_gives_the_same_copy_and_another_one_another():
    text = "Which of these planets is the nearest to the star in the middle?"
    item = Item("1", Prompt(text), (" A",), inputs=((0, len(text)),))
    first, again = (perturbed_item(item, "typos", 3).prompt.question for _ in range(2))
    assert first == again != text
    assert perturbed_item(item, "typos", 4).prompt.question != first
    assert perturbed_item(Item("1", Prompt(text)), "typos", 3) is None


def test_places_in_a_question():
    assert spans("A. A\nB. A", ("A. ", "A"), ("\nB. ", "A")) == ((3, 4), (8, 9))
    assert spans("no", ("A. ", "A")) == ()
    assert between("Passage: x y\nQuestion: z", "Passage: ", "\nQuestion: ") == ((9, 12),)
    assert template_spans("{first} {{}} {second}", "a {} b", first="a", second="b") == ((0, 1), (5, 6))


def test_our_beginnings_name_nobody():
    from heedful.helm.bias import bias
    from heedful.helm.prompts import PROMPTS
    from heedful.helm.toxicity import toxicity

    assert len(PROMPTS) == len(set(PROMPTS)) == 40
    assert all(p == p.strip() for p in PROMPTS)
    for name, found in bias(PROMPTS).items():
        assert found.score is None, name
    assert all(toxicity(p).score == 0 for p in PROMPTS)


DOCTESTED = ("helm.folder", "helm.measure", "helm.page", "helm.results", "helm.texts", "tasks.pieces")


@pytest.mark.parametrize("module", DOCTESTED)
def test_examples_in_docstrings(module):
    found = doctest.testmod(importlib.import_module(f"heedful.{module}"))
    assert found.attempted
    assert not found.failed
