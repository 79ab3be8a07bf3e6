"""IFEval by hand: each kind at its edge, strict against loose, refusals, the command and its files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from heedful.records import Message, Response
from heedful.scorers.ifeval import KINDS, Instruction, check, instructions_of, score_responses
from heedful.scorers.ifeval.punkt import english_model, sentences
from heedful.scorers.ifeval.tokens import words_of

DOCS = Path(__file__).parents[2] / "docs" / "commands" / "score.md"


def strict(kind, response, **arguments):
    verdict = check([(kind, arguments)], response)[0]
    assert verdict.reason is None, verdict.reason
    return verdict.strict


LESS, LEAST = "less than", "at least"

# kind, arguments, a response that follows, one that just does not.
EDGES = [
    ("keywords:existence", {"keywords": ["rain", "sun"]}, "Sunrain", "rain and moon"),
    ("keywords:frequency", {"keyword": "a", "frequency": 2, "relation": LEAST}, "A car", "A dog"),
    ("keywords:frequency", {"keyword": "a", "frequency": 2, "relation": LESS}, "A dog", "A car"),
    ("keywords:forbidden_words", {"forbidden_words": ["rain"]}, "raining", "no Rain!"),
    ("keywords:letter_frequency", {"letter": "#", "let_frequency": 2, "let_relation": LEAST}, "##", "#"),
    ("keywords:letter_frequency", {"letter": "E", "let_frequency": 2, "let_relation": LESS}, "e", "eE"),
    ("language:response_language", {"language": "de"}, "Der Regen fällt leise auf das Dach.", "The rain falls softly."),
    ("length_constraints:number_sentences", {"num_sentences": 2, "relation": LEAST}, "Yes. No.", "Mr. No is here."),
    ("length_constraints:number_sentences", {"num_sentences": 2, "relation": LESS}, "Mr. No.", "Yes. No."),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a\n***\nb", "a\n***\n***\nb"),
    ("length_constraints:number_words", {"num_words": 3, "relation": LEAST}, "it's 1", "a-b"),
    ("length_constraints:number_words", {"num_words": 3, "relation": LESS}, "a-b", "it's 1"),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Rain"},
        "It\n\n\"rain's",
        "It\n\n\n\nrain",  # the second part is empty, and it is the second all the same
    ),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a] [b]", "[a [b]\n[c"),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "x p. s. y", "x P.S y"),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "x P.P.S y", "x P.S. y"),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n - b", "* a\n** b"),
    ("detectable_format:constrained_response", {}, "So: My answer is no.", "my answer is no."),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*a* *b*", "*a* * *"),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Part", "num_sections": 2},
        "Part 1 a Part2 b",
        "Part 1 a part 2 b",
    ),
    ("detectable_format:json_format", {}, '```json\n{"a": [1]}\n```', "{'a': 1}"),
    ("detectable_format:title", {}, "x <<a>>", "<< >> <<a\nb>>"),
    ("combination:two_responses", {}, "a******b******", "a****** a"),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say hi."}, "\nsay HI. Hi.", "So: Say hi. Hi."),
    ("startend:end_checker", {"end_phrase": "The end."}, 'x the END."\n', "The end. x"),
    ("startend:quotation", {}, ' "a" ', "“a”"),
    ("change_case:capital_word_frequency", {"capital_frequency": 2, "capital_relation": LEAST}, "I CAN", "I can"),
    ("change_case:capital_word_frequency", {"capital_frequency": 2, "capital_relation": LESS}, "A-B", "A B"),
    (
        "change_case:english_capital",
        {},
        "I THINK THAT IT IS A DAY OF RAIN, AND I AM AT HOME WITH A BOOK",
        "I THINK THAT IT IS A DAY OF RAIN, AND I AM at HOME WITH A BOOK",
    ),
    (
        "change_case:english_lowercase",
        {},
        "i think that it is a day of rain, and i am at home with a book",
        "der regen fällt leise auf das dach, und ich bin froh darüber",
    ),
    ("punctuation:no_comma", {}, "a，b、c", "a,b"),
]


@pytest.mark.parametrize(("kind", "arguments", "good", "bad"), EDGES, ids=[e[0] for e in EDGES])
def test_each_kind_at_its_edge(kind, arguments, good, bad):
    assert strict(kind, good, **arguments) is True
    assert strict(kind, bad, **arguments) is False
    assert strict(kind, " \n ", **arguments) is False, "an empty response follows nothing"


def test_there_are_25_kinds_and_each_has_an_edge_and_a_row_on_the_page():
    assert len(KINDS) == 25
    assert {e[0] for e in EDGES} == set(KINDS)
    rows = {line.split("`")[1]: line for line in DOCS.read_text().splitlines() if line.startswith("| `")}
    for kind, entry in KINDS.items():
        assert kind in rows, f"{kind} is not in the table of docs/commands/score.md"
        for argument in entry.arguments:
            assert f"`{argument}`" in rows[kind]


def loose(response, kind, **arguments):
    verdict = check([(kind, arguments)], response)[0]
    assert verdict.strict is False
    return verdict.loose


def test_loose_forgives_a_line_before_a_line_behind_and_stars():
    end = {"end_phrase": "The end."}
    assert loose("The end.\nI hope you like it.", "startend:end_checker", **end)
    assert loose("**The end.**", "startend:end_checker", **end)
    assert loose("The end.\n\nI hope you like it.", "startend:end_checker", **end), "what is left is stripped"
    assert not loose("The end.\nI hope you like it.\nBye.", "startend:end_checker", **end)
    quote = "startend:quotation"
    assert loose('Sure:\n"yes"', quote)
    assert loose('Sure:\n**"yes"**\nBye', quote)
    assert not loose('Sure:\nReally:\n"yes"', quote)
    assert loose("Well, look:\nNone here", "punctuation:no_comma")


@pytest.mark.parametrize(
    ("kind", "arguments", "reason"),
    [
        ("punctuation:no_coma", {}, "there is no kind 'punctuation:no_coma' .did you mean 'punctuation:no_comma'"),
        ("punctuation:no_comma", {"letter": "a"}, "it has no argument 'letter': it takes none"),
        ("keywords:existence", {"keyword": ["a"]}, "no argument 'keyword' .did you mean 'keywords'"),
        ("keywords:existence", {}, "keywords is missing"),
        ("keywords:existence", {"keywords": "rain"}, "keywords is 'rain' and must be a list of words"),
        ("keywords:existence", {"keywords": ["a("]}, "'a\\(' is not a regular expression"),
        ("keywords:letter_frequency", {"letter": "ab", "let_frequency": 1, "let_relation": LESS}, "must be one char"),
        ("length_constraints:number_words", {"num_words": 3}, "relation is missing"),
        ("length_constraints:number_words", {"num_words": 3, "relation": "more"}, "must be 'less than' or 'at least'"),
        ("length_constraints:number_words", {"num_words": -1, "relation": LESS}, "num_words is -1"),
        ("length_constraints:number_words", {"num_words": True, "relation": LESS}, "num_words is True"),
        ("length_constraints:number_words", {"num_words": 2.5, "relation": LESS}, "num_words is 2.5"),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 3, "first_word": "a"},
            "nth_paragraph is 3 and must be from 1 to num_paragraphs .2.",
        ),
        ("language:response_language", {"language": "zh"}, "does not know the language 'zh'"),
        ("combination:repeat_prompt", {"prompt_to_repeat": ""}, "must be a text"),
    ],
)
def test_what_cannot_be_verified_is_refused_with_a_reason(kind, arguments, reason):
    import re

    verdict = check([(kind, arguments)], "Rain.")[0]
    assert (verdict.strict, verdict.loose) == (None, None)
    assert re.search(reason, verdict.reason)


def test_json_nested_too_deep_is_refused():
    verdict = check([("detectable_format:json_format", {})], "[" * 200_000)[0]
    assert verdict.strict is None
    assert "nested too deep" in verdict.reason


def test_arguments_as_tables_store_them():
    arguments = {"num_words": 3.0, "relation": LEAST, "letter": None, "keywords": None}
    assert strict("length_constraints:number_words", "one two three", **arguments)


def test_a_verdict_that_the_reference_draws_is_the_same_each_time_and_marked():
    kind = Instruction("language:response_language", {"language": "so"})
    text = "taxi hotel radio"
    first = check([kind], text)[0]
    assert first.unsteady
    assert first == check([kind], text)[0]
    assert not check([kind], "The rain falls softly on the roof tonight.")[0].unsteady
    assert strict("language:response_language", "123 456", language="de"), "nothing to go by counts as followed"


def test_sentences_and_words_by_hand():
    model = english_model()
    text = 'He met Dr. J. Bach at 5 p.m. in the U.S. (It rained.) "Stop!" he said... He left.'
    assert sentences(text, model) == [
        "He met Dr. J. Bach at 5 p.m. in the U.S. (It rained.)",
        '"Stop!"',
        "he said...",
        "He left.",
    ]
    assert sentences("", model) == []
    assert sentences("One.Two. Three", model) == ["One.Two.", "Three"]
    words = words_of("IT'S A-B, O'B (\"NO\")...")
    assert words == ["IT", "'S", "A-B", ",", "O", "'", "B", "(", "``", "NO", "''", ")", "..."]
    assert words_of("A. B.") == ["A.", "B", "."]


ROWS = [
    {"key": 1, "prompt": "No commas.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]},
    {
        "key": 2,
        "prompt": "Three words, titled.",
        "instruction_id_list": ["length_constraints:number_words", "detectable_format:title"],
        "kwargs": [{"num_words": 3, "relation": LEAST}, {}],
    },
    {"key": 3, "prompt": "Quote it.", "instruction_id_list": ["startend:quotation"], "kwargs": [{}]},
]


@pytest.fixture
def files(tmp_path):
    def write(predictions, rows=ROWS):
        for name, lines in (("input.jsonl", rows), ("responses.jsonl", predictions)):
            (tmp_path / name).write_text("".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines))
        return ["--references", tmp_path / "input.jsonl", "--predictions", tmp_path / "responses.jsonl"]

    return write


def answers(**by_prompt):
    prompts = {"a": ROWS[0]["prompt"], "b": ROWS[1]["prompt"], "c": ROWS[2]["prompt"]}
    return [{"prompt": prompts[k[0]], "response": v} for k, v in by_prompt.items()]


def test_the_four_figures_and_the_verdicts(heedful, files):
    code, out, _ = heedful("score", "ifeval", *files(answers(a="x, y", b="one two three", c='So:\n"yes"')), "--json")
    assert code == 0
    found = json.loads(out)
    assert found["prompt_strict"] == 0
    assert found["instruction_strict"] == 1 / 4
    assert found["prompt_loose"] == 1 / 3
    assert found["instruction_loose"] == 2 / 4
    assert (found["prompts"], found["instructions"], found["no_response"]) == (3, 4, 0)
    assert found["verdicts"][1] == {
        "key": 2,
        "prompt": "Three words, titled.",
        "instruction_id_list": ["length_constraints:number_words", "detectable_format:title"],
        "strict": {"follow_all_instructions": False, "follow_instruction_list": [True, False]},
        "loose": {"follow_all_instructions": False, "follow_instruction_list": [True, False]},
    }
    assert found["by_kind"]["startend:quotation"] == {"instructions": 1, "strict": 0, "loose": 1}


def test_no_response_is_no_verdict_the_last_of_two_counts_and_strangers_do_not(heedful, files):
    lines = [*answers(a="x, y", a2="xy", b=None), {"prompt": "Another.", "response": "x"}]
    code, out, _ = heedful("score", "ifeval", *files(lines), "--json")
    assert code == 0
    found = json.loads(out)
    assert found["prompt_strict"] == found["instruction_strict"] == 1, "the figures are of what was answered"
    assert (found["no_response"], found["repeated_responses"], found["unknown_prompts"]) == (2, 1, 1)
    assert found["verdicts"][2]["strict"] == {"follow_all_instructions": None, "follow_instruction_list": [None]}
    assert found["verdicts"][2]["reason"] == "no response"
    code, out, _ = heedful("score", "ifeval", *files(lines))
    assert ["no_response", "2"] in [line.split() for line in out.splitlines()], "the counts stand beside the figures"


def test_a_refused_instruction_takes_its_prompt_out_of_the_figures(heedful, files):
    rows = [ROWS[0], {**ROWS[1], "instruction_id_list": ["length_constraints:number_words", "poetry:rhyme"]}]
    code, out, _ = heedful("score", "ifeval", *files(answers(a="xy", b="a"), rows), "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["prompt_strict"], found["instruction_strict"], found["refused_instructions"]) == (1, 1 / 2, 1)
    assert found["verdicts"][1]["strict"] == {"follow_all_instructions": None, "follow_instruction_list": [False, None]}
    assert found["verdicts"][1]["reason"].startswith("poetry:rhyme: there is no kind")


@pytest.mark.parametrize(
    ("predictions", "rows", "message"),
    [
        ([], ROWS, "responses.jsonl: is empty"),
        (["{"], ROWS, "responses.jsonl:1: broken JSON"),
        (["[]"], ROWS, "responses.jsonl:1: not an object"),
        ([{"prompt": "x"}], ROWS, "responses.jsonl:1: has no response"),
        ([{"prompt": "x", "response": 3}], ROWS, "responses.jsonl:1: prompt and response must be texts"),
        ([{"prompt": "x", "response": "y"}], ROWS, "no response belongs to a prompt of"),
        (answers(a="x"), [], "input.jsonl: is empty"),
        (answers(a="x"), [{"key": 1}], "input.jsonl:1: has no prompt"),
        (answers(a="x"), [{**ROWS[0], "key": "\ud800"}], "input.jsonl:1: holds half of a surrogate pair"),
        (answers(a="x"), [{**ROWS[0], "kwargs": []}], "input.jsonl:1: 1 instructions but 0 kwargs"),
        (answers(a="x"), [{**ROWS[0], "kwargs": None}], "input.jsonl:1: kwargs must be a list of objects"),
        (answers(a="x"), [{**ROWS[0], "instruction_id_list": "a"}], "input.jsonl:1: instruction_id_list must be"),
    ],
)
def test_mistakes_are_told_in_one_sentence(heedful, files, predictions, rows, message):
    code, out, err = heedful("score", "ifeval", *files(predictions, rows))
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def response(text, example="e1", finish="stop"):
    prompt = (Message("user", "No commas."),)
    return Response(f"r-{example}", example, "m", "s", prompt, None, text, finish, 4, 2, 0.1)


def test_responses_of_heedful_are_predictions(heedful, files):
    from heedful.records import to_json

    code, out, _ = heedful("score", "ifeval", *files([to_json(response("xy"))]), "--json")
    assert code == 0
    assert json.loads(out)["verdicts"][0]["strict"]["follow_all_instructions"] is True


def test_scores_of_responses():
    instructions = {"e1": instructions_of(ROWS[0]), "e3": (Instruction("poetry:rhyme"),)}
    given = [response("a,\nb"), response("x", "e4", "error"), response("x", "e2"), response("x", "e3")]
    scores = score_responses(given, instructions)
    assert [(s.scorer, s.value) for s in scores[:2]] == [("ifeval_strict", 0.0), ("ifeval_loose", 1.0)]
    assert scores[0].metadata["follow_instruction_list"] == [False]
    assert [s.value for s in scores[2:]] == [None] * 6
    assert {s.explanation for s in scores[2:6]} == {"the request failed", "the example has no instructions"}
    assert scores[6].explanation.startswith("poetry:rhyme: there is no kind")
    assert len({s.id for s in scores}) == 8
    assert {s.rater for s in scores} == {"metric"}
