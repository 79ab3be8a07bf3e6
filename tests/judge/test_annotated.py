"""An annotator of AlpacaEval as the judge: one order, its own reading, its own preference as the value."""

from __future__ import annotations

import json
import math
import re

import pytest
import yaml

from heedful.backends.base import Answer, GenerationSettings
from heedful.cli.judge_plan import Asked, make_judge
from heedful.errors import RequestError
from heedful.judge.agreement import Marks
from heedful.judge.annotated import AnnotatorPrompt
from heedful.judge.annotators import load_annotator
from heedful.judge.judge import Judge
from heedful.judge.judging import judge_items
from heedful.judge.summary import summarise
from heedful.judge.summary_text import summary_lines

PROMPT = """<|im_start|>system
You compare.
<|im_end|>
<|im_start|>user
{instruction}
## m
{output_1}
## M
{output_2}
## end
<|im_end|>
"""
CONFIG = {
    "prompt_template": "mine/prompt.txt",
    "fn_completions": "openai_completions",
    "completions_kwargs": {"model_name": "gpt-4-made", "max_tokens": 1, "logprobs": True, "top_logprobs": 5},
    "fn_completion_parser": "logprob_parser",
    "completion_key": "completions_all",
    "completion_parser_kwargs": {"numerator_token": "m", "denominator_tokens": ["m", "M"], "is_binarize": False},
}


@pytest.fixture
def folder(tmp_path):
    home = tmp_path / "mine"
    home.mkdir()
    (home / "prompt.txt").write_text(PROMPT)
    (home / "configs.yaml").write_text(yaml.safe_dump({"mine": CONFIG}))
    return str(home)


class Weighing:
    """Gives the odds of `m` by the difference of qualities; keeps what it was asked."""

    name = "told"

    def __init__(self, quality):
        self.quality = quality
        self.asked = []

    def answer(self, prompts, settings, tools=()):
        for index, messages in enumerate(prompts):
            one, two = re.search(r"## m\n(.*?)\n## M\n(.*?)\n## end", messages[-1].content, re.DOTALL).groups()
            self.asked.append((one, two))
            p = 1 / (1 + math.exp(self.quality(two) - self.quality(one)))
            odds = (("m", math.log(p)), ("M", math.log(1 - p)))
            yield Answer(index, "m", "length", 9, 1, 0.1, top_logprobs=(tuple(sorted(odds, key=lambda x: -x[1])),))


def test_a_pair_is_asked_once_and_the_value_is_its_preference(told, folder, tmp_path):
    answers = told.sides(30)
    judge = Judge("told", AnnotatorPrompt(load_annotator(folder)), GenerationSettings(max_new_tokens=1))
    backend = Weighing(told.quality)
    files = tmp_path / "s.jsonl", tmp_path / "s.judgements.jsonl"
    judged = judge_items(judge, told.pairs(answers), lambda: backend, *files)
    assert len(backend.asked) == 30
    first_shown = sum(one.endswith("before") for one, _ in backend.asked)
    assert 5 < first_shown < 25, "both orders are drawn"
    for j in judged:
        a, b = (told.quality(x.text) for x in j.item.answers)
        (score,) = j.scores
        # Whatever the order was: the probability that the second answer is better.
        assert score.value == pytest.approx(1 / (1 + math.exp(a - b)), abs=1e-9)
        assert score.answer == ("second" if b > a else "first")
        assert score.metadata["annotator"] == "mine"
    found = summarise(judge, answers, judged)
    assert found["win_rate"]["estimate"] == pytest.approx(sum(j.scores[0].value for j in judged) / 30)
    assert found["position"]["consistency"]["n"] == 0
    assert "the annotator is published for gpt-4-made, and told judged" in " ".join(found["warnings"])
    right = {
        i.ids: float(told.quality(i.answers[1].text) > told.quality(i.answers[0].text)) for i in told.pairs(answers)
    }
    people = summarise(judge, answers, judged, marks=Marks({}, right, ("human:ann",)))
    assert people["people"]["accuracy"]["estimate"] == 1
    assert people["people"]["each_order"]["average"]["estimate"] == 1, "the order that was not asked is not wrong"
    assert not any("coin" in w for w in people["warnings"])
    lines = " ".join(" ".join(summary_lines(found)).split())
    assert "each pair was shown in one drawn order" in lines
    assert "against the same baseline can be compared" in lines
    again = Weighing(told.quality)
    judge_items(judge, told.pairs(answers), lambda: again, *files)
    assert again.asked == []


def test_what_an_annotator_settles_cannot_be_asked_for(told, folder):
    def asked(**changes):
        known = {
            "judge": "openai:m@http://x", "mode": None, "prompt": None, "annotator": folder, "rubric": None,
            "from_text": False, "max_new_tokens": None, "seed": 0, "batch_size": 16,
        }  # fmt: skip
        return Asked(**(known | changes))

    answers = told.sides(3)
    judge = make_judge(asked(mode="pairs"), answers)
    assert (judge.settings.max_new_tokens, judge.settings.top_logprobs) == (1, 5)
    for change in ({"prompt": "pairs"}, {"max_new_tokens": 5}, {"from_text": True}, {"mode": "score"}, {"rubric": "x"}):
        option = next(iter(change)).replace("_", "-")
        with pytest.raises(RequestError, match=f"--{option}: the annotator .* settles that; leave it out"):
            make_judge(asked(**change), answers)
    from dataclasses import replace

    with pytest.raises(RequestError, match="needs two sides"):
        make_judge(asked(), replace(answers, sides=answers.sides[:1]))


def test_the_command_says_which_annotator(told, folder, tmp_path, monkeypatch, heedful):
    monkeypatch.chdir(tmp_path)
    answers = told.sides(3)
    for side, name in zip(answers.sides, ("a.jsonl", "b.jsonl"), strict=True):
        told.write(tmp_path / name, side.answers)
    (tmp_path / "x.script").write_text('{"question": "q", "answer": "a"}\n')
    command = ("judge", "a.jsonl", "b.jsonl", "--judge", "scripted:x.script", "--annotator")
    status, out, err = heedful(*command, "mine", "--dry-run", "--json")
    assert status == 0, err
    assert json.loads(out)["requests"] == 3
    assert json.loads(out)["annotator"] == "mine"
    status, _, err = heedful(*command, "nothing", "--dry-run")
    assert status == 2
    assert "--annotator nothing: no" in err or "neither a folder nor" in err
