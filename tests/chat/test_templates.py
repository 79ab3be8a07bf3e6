"""Each built-in template's text by hand, and what the sandbox refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from heedful import templates
from heedful.chat import Chat
from heedful.errors import TemplateError
from heedful.records import Message


def user(text: str, context: str | None = None) -> Message:
    return Message("user", text, context)


def answer(text: str) -> Message:
    return Message("assistant", text)


ONE = (user("Name the capital."), answer("Tokyo."))
INPUT = (user("Name the capital.", "Japan"), answer("Tokyo."))
TWO = (*INPUT, user("And of Peru?"), answer("Lima."))
SYSTEM = (Message("system", "Be brief."), *ONE)

# Stanford's prompts of March 2023 (tatsu-lab/stanford_alpaca, train.py), and nothing after "### Response:".
PLAIN = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
PAIRED = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request."
)
HEAD = "### Instruction:\nName the capital."
EXPECTED = {
    "alpaca": (
        f"{PLAIN}\n\n{HEAD}\n\n### Response:\nTokyo.</s>",
        f"{PLAIN}\n\n{HEAD}\n\n### Input:\nJapan\n\n### Response:\nTokyo.</s>",
        f"{PLAIN}\n\n{HEAD}\n\n### Input:\nJapan\n\n### Response:\nTokyo.</s>"
        "\n\n### Instruction:\nAnd of Peru?\n\n### Response:\nLima.</s>",
        f"Be brief.\n\n{HEAD}\n\n### Response:\nTokyo.</s>",
    ),
    "alpaca-stanford": (
        f"{PLAIN}\n\n{HEAD}\n\n### Response:Tokyo.</s>",
        f"{PAIRED}\n\n{HEAD}\n\n### Input:\nJapan\n\n### Response:Tokyo.</s>",
        f"{PAIRED}\n\n{HEAD}\n\n### Input:\nJapan\n\n### Response:Tokyo.</s>"
        "\n\n### Instruction:\nAnd of Peru?\n\n### Response:Lima.</s>",
        f"Be brief.\n\n{HEAD}\n\n### Response:Tokyo.</s>",
    ),
    "phi3": (
        "<|user|>\nName the capital.<|end|>\n<|assistant|>\nTokyo.<|end|>\n",
        "<|user|>\nName the capital.\n\nJapan<|end|>\n<|assistant|>\nTokyo.<|end|>\n",
        "<|user|>\nName the capital.\n\nJapan<|end|>\n<|assistant|>\nTokyo.<|end|>\n"
        "<|user|>\nAnd of Peru?<|end|>\n<|assistant|>\nLima.<|end|>\n",
        "<|system|>\nBe brief.<|end|>\n<|user|>\nName the capital.<|end|>\n<|assistant|>\nTokyo.<|end|>\n",
    ),
    "phi3-plain": (
        "<|User|>\nName the capital.\n\n<|Assistant|>\nTokyo.</s>",
        "<|User|>\nName the capital.\n\nJapan\n\n<|Assistant|>\nTokyo.</s>",
        "<|User|>\nName the capital.\n\nJapan\n\n<|Assistant|>\nTokyo.</s>"
        "\n\n<|User|>\nAnd of Peru?\n\n<|Assistant|>\nLima.</s>",
        "<|System|>\nBe brief.\n\n<|User|>\nName the capital.\n\n<|Assistant|>\nTokyo.</s>",
    ),
    "chatml": (
        "<|im_start|>user\nName the capital.<|im_end|>\n<|im_start|>assistant\nTokyo.<|im_end|>\n",
        "<|im_start|>user\nName the capital.\n\nJapan<|im_end|>\n<|im_start|>assistant\nTokyo.<|im_end|>\n",
        "<|im_start|>user\nName the capital.\n\nJapan<|im_end|>\n<|im_start|>assistant\nTokyo.<|im_end|>\n"
        "<|im_start|>user\nAnd of Peru?<|im_end|>\n<|im_start|>assistant\nLima.<|im_end|>\n",
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nName the capital.<|im_end|>\n"
        "<|im_start|>assistant\nTokyo.<|im_end|>\n",
    ),
    "llama3": (
        "<|start_header_id|>user<|end_header_id|>\n\nName the capital.<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nTokyo.<|eot_id|>",
        "<|start_header_id|>user<|end_header_id|>\n\nName the capital.\n\nJapan<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nTokyo.<|eot_id|>",
        "<|start_header_id|>user<|end_header_id|>\n\nName the capital.\n\nJapan<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nTokyo.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nAnd of Peru?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nLima.<|eot_id|>",
        "<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nName the capital.<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nTokyo.<|eot_id|>",
    ),
    "gemma": (
        "<start_of_turn>user\nName the capital.<end_of_turn>\n<start_of_turn>model\nTokyo.<end_of_turn>\n",
        "<start_of_turn>user\nName the capital.\n\nJapan<end_of_turn>\n<start_of_turn>model\nTokyo.<end_of_turn>\n",
        "<start_of_turn>user\nName the capital.\n\nJapan<end_of_turn>\n<start_of_turn>model\nTokyo.<end_of_turn>\n"
        "<start_of_turn>user\nAnd of Peru?<end_of_turn>\n<start_of_turn>model\nLima.<end_of_turn>\n",
        "<start_of_turn>user\nBe brief.\n\nName the capital.<end_of_turn>\n<start_of_turn>model\nTokyo.<end_of_turn>\n",
    ),
}


@pytest.mark.parametrize("name", templates.BUILT_IN)
def test_text_of_every_template(name, make):
    chat = Chat.bind(name, make("bytes"))  # end-of-text is </s>, and no BOS
    assert tuple(chat.render(c) for c in (ONE, INPUT, TWO, SYSTEM)) == EXPECTED[name]
    prompt = chat.render(ONE[:-1], add_generation_prompt=True)
    assert EXPECTED[name][0].partition("Tokyo.")[0] == prompt


@pytest.mark.parametrize("name", templates.BUILT_IN)
def test_a_tokenizer_with_bos_gets_it_once(name, make):
    chat = Chat.bind(name, make("gemma"))
    assert chat.render(TWO) == "<s>" + EXPECTED[name][2]


@pytest.mark.parametrize(
    ("name", "conversation", "says"),
    [
        ("alpaca", (*ONE, Message("system", "Late."), *ONE), "one system message"),
        ("alpaca", (Message("system", "a"), Message("system", "b"), *ONE), "one system message"),
        ("alpaca-stanford", (*ONE, Message("system", "Late."), *ONE), "one system message"),
        ("gemma", (*ONE, Message("system", "Late."), *ONE), "one system message"),
        ("gemma", (Message("system", "a"), answer("b")), "an answer follows"),
        ("alpaca", (*ONE, Message("tool", "7"), answer("7")), "role tool"),
        ("alpaca-stanford", (*ONE, Message("tool", "7"), answer("7")), "role tool"),
        ("phi3-plain", (*ONE, Message("tool", "7"), answer("7")), "role tool"),
        ("phi3", (*ONE, Message("tool", "7"), answer("7")), "role tool"),
        ("gemma", (*ONE, Message("tool", "7"), answer("7")), "role tool"),
    ],
)
def test_what_has_no_place_is_refused_and_never_left_out(name, conversation, says, make):
    with pytest.raises(TemplateError, match=says):
        Chat.bind(name, make("bytes")).render(conversation)


@pytest.mark.parametrize("name", templates.BUILT_IN)
def test_context_of_any_turn_is_rendered(name, make):
    turns = (Message("system", "Sys", "s-context"), user("Q", "u-context"), Message("assistant", "A", "a-context"))
    text = Chat.bind(name, make("bytes")).render(turns)
    assert [text.count(c) for c in ("s-context", "u-context", "a-context")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{{ messages[0].content }}", False),
        ("{{ messages[0].context }}", True),
        ("{{ messages[0]['context'] }}", True),
        ("{{ messages[0].get('context', '') }}", True),
        ("{# message.context #}{{ messages[0].get('content') }}", False),
    ],
)
def test_place_for_context(text, place):
    assert templates.has_place_for_context(text) is place


def test_names_and_files(tmp_path):
    with pytest.raises(TemplateError, match="did you mean 'alpaca'"):
        templates.template_text("alpacca", None)
    with pytest.raises(TemplateError, match="brings no chat template"):
        templates.template_text("model", None)
    assert templates.template_text("model", "own") == "own"
    with pytest.raises(TemplateError, match=r"nothing\.jinja: cannot be read \(No such file"):
        templates.template_text(str(tmp_path / "nothing.jinja"), None)
    for name, data, says in (("bad.jinja", b"\xff\xfe\x00", "not UTF-8"), ("folder.jinja", None, "directory")):
        path: Path = tmp_path / name
        path.mkdir() if data is None else path.write_bytes(data)
        with pytest.raises(TemplateError, match=says):
            templates.template_text(str(path), None)


def rendered(text: str) -> str:
    return templates.render(text, [{"role": "user", "content": "Hi"}], True, {"eos_token": "</s>"})


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.__class__ }}{{ messages[0].__class__.__init__.__globals__ }}",
        "{{ raise_exception.__globals__.json }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ ('%s' | attr('format'))().__class__.x }}",
        "{{ '{0.__class__.__mro__}'.format(1) }}",
        "{% set _ = messages.append(1) %}",
        "{% set ns = namespace() %}{% set ns.__class__ = 1 %}",
        "{{ namespace(_private=1) }}",
        "{% import 'os' as os %}",
        "{% include '/etc/passwd' %}",
        "{{ os.system('true') }}",
        "{% for i in range(1000000000) %}x{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ 1 / 0 }}",
        "{{ messages[0]['content'] + 1 }}",
        "{{ nothing.at.all }}",
        "{{ raise_exception('not so') }}",
        "{{ messages | nofilter }}",
        "{% if %}",
        "{% for m in messages %}",
        "{% break %}",
        "{% generation %}x",
        "{{ [][3].x }}",
        "{{ '9' * 5 | int }}{{ 'x' | int(none) + none }}",
        "{{ (1).__add__(2) }}",
    ],
)
def test_broken_and_hostile_templates_are_one_sentence(text):
    with pytest.raises(TemplateError) as e:
        rendered(text)
    assert str(e.value).startswith("the chat template ")
    assert "\n" not in str(e.value)


def test_a_mistake_of_the_template_is_told_once():
    with pytest.raises(TemplateError, match=r"^the chat template is not valid Jinja \(line 2: .*; mend the template$"):
        rendered("{# one #}\n{% if %}")


def test_what_a_deep_template_does_is_no_traceback():
    for text in ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "{% if 1 %}" * 150 + "{% endif %}" * 150):
        with pytest.raises(TemplateError, match="cannot be compiled"):
            rendered(text)


# Each of these is something that transformers' own environment does; `test_same_text_as_transformers` compares.
FEATURES = [
    "{%- for m in messages %}\n  {{- m.content }}\n{%- endfor %}\n",
    "  {% for m in messages %}\n  {{ m['content'] }}\n  {% endfor %}\n\n",
    "{% for i in range(9) %}{% if i == 2 %}{% continue %}{% elif i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% generation %}{{ messages[0].content }}{% endgeneration %}!",
    "{% set x = 1 %}{% generation %}{% set x = 2 %}{{ x }}{% endgeneration %}{{ x }}",
    "{% for m in messages %}{% generation %}{{ m.content }}{% set y = 1 %}{% endgeneration %}{{ y }}{% endfor %}",
    "{{ messages | tojson }}{{ {'ä': '<'} | tojson(indent=2) }}",
    "{% set ns = namespace(found=false) %}{% for m in messages %}{% set ns.found = true %}{% endfor %}{{ ns.found }}",
    "{% set ns = namespace(self=1) %}{{ ns.self }}",
    "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a + ns.b }}",
    "{{ dict(a=1).items() | list }}",
    "{{ tools is none }}{{ documents is none }}{{ eos_token }}{{ bos_token }}{{ add_generation_prompt }}",
    "{{ messages[0].content | trim | upper | replace('H', 'h') }}{{ 'a,b'.split(',')[-1] }}{{ messages[0].nothing }}",
    "{% macro turn(m) %}[{{ m.role }}]{% endmacro %}{{ turn(messages[0]) }}",
    "{{ strftime_now('%Y') }}",
]


@pytest.mark.parametrize("text", FEATURES)
def test_same_text_as_transformers(text, make):
    tokenizer = make("gemma")
    messages = [{"role": "user", "content": " Hi <b> "}, {"role": "assistant", "content": "Ho"}]
    theirs = tokenizer.apply_chat_template(messages, chat_template=text, tokenize=False)
    assert templates.render(text, messages, False, tokenizer.special_tokens_map) == theirs
