# ruff: noqa: E501 - tables of texts read better in long lines
"""Tools, tool calls, results and reasoning through templates: the same ids as transformers, trained, never lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from heedful import templates
from heedful.chat import Chat
from heedful.errors import TemplateError
from heedful.records import Example, Message, from_json, to_json
from heedful.templates.places import PLACES, has_place

# In the manner of Qwen 3: tools in the system turn, results in a user's turn, reasoning after the last question only.
QWEN = """\
{%- if tools -%}
{{- '<|im_start|>system\\n' -}}
{%- if messages[0].role == 'system' -%}{{- messages[0].content + '\\n' -}}{%- endif -%}
{%- for tool in tools -%}{{- tool | tojson + '\\n' -}}{%- endfor -%}{{- '<|im_end|>\\n' -}}
{%- elif messages[0].role == 'system' -%}{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' -}}
{%- endif -%}
{%- set ns = namespace(last=0) -%}
{%- for m in messages -%}{%- if m.role == 'user' -%}{%- set ns.last = loop.index0 -%}{%- endif -%}{%- endfor -%}
{%- for m in messages -%}
{%- if m.role == 'user' -%}{{- '<|im_start|>user\\n' + m.content + '<|im_end|>\\n' -}}
{%- elif m.role == 'assistant' -%}
{{- '<|im_start|>assistant\\n' -}}
{%- if m.reasoning_content and loop.index0 > ns.last -%}{{- '<think>\\n' + m.reasoning_content + '\\n</think>\\n' -}}{%- endif -%}
{{- m.content -}}
{%- for call in m.tool_calls or [] -%}
{{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' -}}
{{- call.function.arguments if call.function.arguments is string else call.function.arguments | tojson -}}
{{- '}\\n</tool_call>' -}}
{%- endfor -%}
{{- '<|im_end|>\\n' -}}
{%- elif m.role == 'tool' -%}
{%- if messages[loop.index0 - 1].role != 'tool' -%}{{- '<|im_start|>user' -}}{%- endif -%}
{{- '\\n<tool_response>\\n' + m.content + '\\n</tool_response>' -}}
{%- if loop.last or messages[loop.index0 + 1].role != 'tool' -%}{{- '<|im_end|>\\n' -}}{%- endif -%}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"""

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "What the weather is like",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def call(city: str, number: int = 1) -> dict[str, Any]:
    return {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": "weather", "arguments": {"city": city, "days": 2, "metric": True}},
    }


# As OpenAI's API and transformers have it.
DICTS: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Oslo or Tromsø?"},
    {
        "role": "assistant",
        "content": "I look.",
        "reasoning_content": "Two cities.",
        "tool_calls": [call("Oslo", 1), call('Tromsø "N"', 2)],
    },
    {"role": "tool", "content": '{"t": 3}', "tool_call_id": "call_1", "name": "weather"},
    {"role": "tool", "content": '{"t": -3}', "tool_call_id": "call_2", "name": "weather"},
    {"role": "assistant", "content": "Oslo.", "reasoning_content": "3 > -3."},
]
ROW = Example("r", tuple(from_json(Message, m) for m in DICTS), tools=(WEATHER,))


def bound(make: Any, template: str = QWEN) -> Chat:
    tokenizer = make("bytes")
    if template in templates.BUILT_IN:
        return Chat.bind(template, tokenizer)
    tokenizer.chat_template = template
    return Chat.bind("model", tokenizer)


def theirs(chat: Chat, dicts: list[dict[str, Any]], ask: bool = False, tools: Any = (WEATHER,)) -> list[int]:
    tokenizer: Any = chat.tokenizer
    chat.install(tokenizer)
    return tokenizer.apply_chat_template(
        dicts, tools=list(tools) or None, add_generation_prompt=ask, tokenize=True, return_dict=False
    )


def trained(chat: Chat, row: Example, train_on: str = "answers") -> list[str]:
    made, runs = chat.encode(row, train_on), []
    for t, (i, mask) in enumerate(zip(made.ids, made.loss_mask, strict=True)):
        if mask and not made.loss_mask[t - 1]:
            runs.append([])
        if mask:
            runs[-1].append(i)
    return [chat.tokenizer.decode(r) for r in runs]


@pytest.mark.parametrize("template", [QWEN, "chatml"], ids=["qwen", "chatml"])
def test_the_same_ids_as_transformers(template, make):
    chat = bound(make, template)
    made = chat.encode(ROW)
    whole = theirs(chat, DICTS)
    assert list(made.ids) == whole[: len(made.ids)]
    assert chat.tokenizer.decode(whole[len(made.ids) :]) == chat.tail
    for k in (2, 3, 5):  # before each answer, and in the middle of the results
        assert chat.prompt_ids(ROW.messages[:k], ROW.tools) == theirs(chat, DICTS[:k], ask=True)
    assert chat.prompt_ids(ROW.messages[:2]) == theirs(chat, DICTS[:2], ask=True, tools=())


CALLED = (
    '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo", "days": 2, "metric": true}}\n</tool_call>\n'
    '<tool_call>\n{"name": "weather", "arguments": {"city": "Tromsø \\"N\\"", "days": 2, "metric": true}}\n</tool_call>'
)


def test_what_the_model_must_write_is_trained(make):
    assert trained(bound(make), ROW) == [
        f"<think>\nTwo cities.\n</think>\nI look.\n{CALLED}<|im_end|>",
        "<think>\n3 > -3.\n</think>\nOslo.<|im_end|>",
    ]
    assert trained(bound(make), ROW, "last-answer") == ["<think>\n3 > -3.\n</think>\nOslo.<|im_end|>"]


def test_chatml_by_hand(make):
    chat = bound(make, "chatml")
    tool = json.dumps(WEATHER, ensure_ascii=False)
    listed = f"Functions that can be called, one a line:\n<tools>\n{tool}\n</tools>\nA call is written as\n"
    listed += '<tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>'
    assert chat.render(ROW.messages, tools=ROW.tools) == (
        f"<|im_start|>system\nBe brief.\n\n{listed}<|im_end|>\n"
        "<|im_start|>user\nOslo or Tromsø?<|im_end|>\n"
        f"<|im_start|>assistant\n<think>\nTwo cities.\n</think>\n\nI look.\n{CALLED}<|im_end|>\n"
        '<|im_start|>tool\n<tool_response>\n{"t": 3}\n</tool_response><|im_end|>\n'
        '<|im_start|>tool\n<tool_response>\n{"t": -3}\n</tool_response><|im_end|>\n'
        "<|im_start|>assistant\n<think>\n3 > -3.\n</think>\n\nOslo.<|im_end|>\n"
    )
    bare = chat.render(ROW.messages[1:2], tools=ROW.tools)
    assert bare == f"<|im_start|>system\n{listed}<|im_end|>\n<|im_start|>user\nOslo or Tromsø?<|im_end|>\n"
    silent = (ROW.messages[1], Message("assistant", "", tool_calls=(call("Oslo"),)))
    assert chat.render(silent).endswith(
        "<|im_start|>assistant\n" + CALLED.partition("\n<tool_call>\n{")[0] + "<|im_end|>\n"
    )
    assert all(has_place(chat.text, tuple(chat.tokenizer.special_tokens_map.items()), place) for place in PLACES)


USER, SAID = Message("user", "Oslo?"), Message("assistant", "Cold.")
THOUGHT = Message("assistant", "Cold.", reasoning_content="It is November.")
CALL = Message("assistant", "", tool_calls=(call("Oslo"),))
RESULT = Message("tool", "3", tool_call_id="call_1")
NEEDS = {
    "a list of tools": Example("r", (USER, SAID), tools=(WEATHER,)),
    "tool calls": Example("r", (USER, CALL)),
    "reasoning": Example("r", (USER, THOUGHT)),
    "the role tool": Example("r", (USER, SAID, RESULT, SAID)),
}
SHOWN = {"llama3": {"the role tool"}, "chatml": set(NEEDS)}


@pytest.mark.parametrize("lost", NEEDS)
@pytest.mark.parametrize("name", templates.BUILT_IN)
def test_a_template_shows_it_or_refuses(name, lost, make):
    chat, row = bound(make, name), NEEDS[lost]
    if lost in SHOWN.get(name, ()):
        assert chat.encode(row).trained_tokens
        return
    for ask in (lambda: chat.encode(row), lambda: chat.prompt_ids(row.messages, row.tools)):
        with pytest.raises(TemplateError, match=f"template '{name}' has no place for {lost}; choose a template") as e:
            ask()
        assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("change", "row", "lost"),
    [
        # Llama 3.1's way: a call hides the text beside it.
        (("{{- m.content -}}", "{%- if not m.tool_calls -%}{{- m.content -}}{%- endif -%}"), ROW, "text beside a tool call"),
        # Only the first of several calls.
        (("in m.tool_calls or []", "in (m.tool_calls or [])[:1]"), ROW, "several tool calls in one turn"),
        (("if m.reasoning_content and", "if m.reasoning_content and not m.tool_calls and"), ROW, "reasoning beside a tool"),
        (("call.function.name", "'f'"), ROW, "tool calls"),
        (("m.reasoning_content + ", ""), ROW, "reasoning"),
        (("{%- if tools -%}", "{%- if tools and false -%}"), ROW, "a list of tools"),
        (("'\\n<tool_response>\\n' + m.content", "'\\n<tool_response>\\n'"), ROW, "the role tool"),
    ],
)  # fmt: skip
def test_a_part_that_a_template_leaves_out_is_found(change, row, lost, make):
    broken = QWEN.replace(*change)
    assert broken != QWEN
    with pytest.raises(TemplateError, match=f"no place for {lost}"):
        bound(make, broken).encode(row, "last-answer")


def test_a_template_that_refuses_several_calls(make):
    strict = "{%- for m in messages if m.tool_calls and m.tool_calls | length > 1 -%}{{ raise_exception('One call!') }}{%- endfor -%}"
    with pytest.raises(TemplateError, match="several tool calls"):
        bound(make, strict + QWEN).encode(ROW)
    one = Example("r", (USER, CALL, RESULT, SAID), tools=(WEATHER,))
    assert len(trained(bound(make, strict + QWEN), one)) == 2


def test_reasoning_of_earlier_turns(make):
    """Qwen 3 shows it after the last question only: then an earlier answer cannot be trained, and the last can."""
    chat = bound(make)
    row = Example("r", (USER, THOUGHT, USER, THOUGHT))
    with pytest.raises(TemplateError, match=r"changes an earlier answer.*use train_on: last-answer"):
        chat.encode(row)
    assert trained(chat, row, "last-answer") == ["<think>\nIt is November.\n</think>\nCold.<|im_end|>"]
    assert chat.tokenizer.decode(chat.encode(row, "last-answer").ids).count("November") == 1
    assert len(trained(bound(make, "chatml"), row)) == 2  # every turn's


def test_reasoning_under_the_name_that_the_template_reads(make):
    chat = bound(make, QWEN.replace("m.reasoning_content", "m.thinking"))
    assert trained(chat, NEEDS["reasoning"]) == ["<think>\nIt is November.\n</think>\nCold.<|im_end|>"]
    dicts = [
        {"role": "user", "content": "Oslo?"},
        {"role": "assistant", "content": "Cold.", "thinking": "It is November."},
    ]
    assert theirs(chat, dicts, tools=())[:-1] == list(chat.encode(NEEDS["reasoning"]).ids)


def test_an_answer_that_loses_words_of_a_call_is_refused(make):
    """Beside what the probe shows: a template that writes only arguments called `city` and Qx keys."""
    cut = QWEN.replace(
        "else call.function.arguments | tojson",
        "else call.function.arguments.items() | rejectattr(0, 'in', ['more']) | list | tojson",
    )
    chat = bound(make, cut)
    more = {"function": {"name": "weather", "arguments": {"city": "Oslo", "more": "lost"}}}
    assert chat.encode(NEEDS["tool calls"])
    with pytest.raises(TemplateError, match="changes the last answer"):
        chat.encode(Example("r", (USER, Message("assistant", "", tool_calls=(more,)))))


def test_a_conversation_without_any_of_it_is_as_before(make):
    chat = bound(make, "chatml")
    assert chat.as_dicts((USER, SAID)) == [
        {"role": "user", "content": "Oslo?"},
        {"role": "assistant", "content": "Cold."},
    ]
    assert chat.as_dicts(ROW.messages)[3] == DICTS[3]
    assert from_json(Example, json.loads(json.dumps(to_json(ROW)))) == ROW


@pytest.mark.parametrize("template", [QWEN, "chatml"], ids=["qwen", "chatml"])
def test_with_every_kind_of_tokenizer(template, kind, make):
    """The model is asked with the beginning of what it was trained on, whatever the tokenizer merges."""
    tokenizer = make(kind)
    if template == QWEN:
        tokenizer.chat_template = QWEN
    chat = Chat.bind("model" if template == QWEN else template, tokenizer)
    made = chat.encode(ROW)
    for k in (2, 5):
        prompt = chat.prompt_ids(ROW.messages[:k], ROW.tools)
        assert prompt == theirs(chat, DICTS[:k], ask=True)
        last = chat.encode(Example("r", ROW.messages[: k + 1], tools=ROW.tools), "last-answer")
        assert list(last.ids[: len(prompt)]) == prompt
        assert last.loss_mask == (False,) * len(prompt) + (True,) * (len(last.ids) - len(prompt))
        assert last.ids[-1] == chat.stop_id
    whole = theirs(chat, DICTS)
    assert list(made.ids) == whole[: len(made.ids)]
    stops = [t for t, i in enumerate(made.ids) if i == chat.stop_id and made.loss_mask[t]]
    assert len(stops) == 2  # one for each answer
