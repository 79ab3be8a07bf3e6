# ruff: noqa: E501 - tables of texts read better in long lines
"""What the tests of conversations share: templates as others publish them, short ways to write rows, the other's ids."""

from __future__ import annotations

from typing import Any

from heedful.chat import Chat
from heedful.records import Example, Message

QWEN3 = """\
{%- set ns = namespace(last=0) -%}
{%- for m in messages -%}{%- if m.role == 'user' -%}{%- set ns.last = loop.index0 -%}{%- endif -%}{%- endfor -%}
{%- for m in messages -%}
{%- if m.role == 'assistant' -%}
{%- set reasoning = '' -%}{%- set content = m.content -%}
{%- if '</think>' in content -%}
{%- set reasoning = content.split('</think>')[0].split('<think>')[-1].strip('\\n') -%}
{%- set content = content.split('</think>')[-1].lstrip('\\n') -%}
{%- endif -%}
{{- '<|im_start|>assistant\\n' -}}
{%- if loop.index0 > ns.last -%}{{- '<think>\\n' + reasoning + '\\n</think>\\n\\n' -}}{%- endif -%}
{{- content + '<|im_end|>\\n' -}}
{%- else -%}
{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"""
# As in microsoft/Phi-3-mini-4k-instruct: end-of-text closes a conversation that is not to be continued.
PHI3_OFFICIAL = """\
{% for message in messages %}{{'<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n'}}{% endfor %}\
{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"""
# As in meta-llama/Llama-2-7b-chat-hf, without its system part: a space before and after every answer.
LLAMA2 = """\
{% for m in messages %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + m.content | trim + ' [/INST]' }}\
{% else %}{{ ' ' + m.content | trim + ' ' + eos_token }}{% endif %}{% endfor %}"""
GENERATION = """\
{% for m in messages %}{% if m.role == 'assistant' %}<|im_start|>assistant
{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}

{% else %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def user(text: str, context: str | None = None) -> Message:
    return Message("user", text, context)


def answer(text: str, train: bool | None = None) -> Message:
    return Message("assistant", text, train=train)


def row(*messages: Message) -> Example:
    return Example("r", messages)


def own(make: Any, kind: str, template: str) -> Chat:
    tokenizer = make(kind)
    tokenizer.chat_template = template
    return Chat.bind("model", tokenizer)


def trained(chat: Chat, example: Example, train_on: str = "answers") -> list[str]:
    """The text of each run of trained tokens."""
    made, runs = chat.encode(example, train_on), []
    for t, (i, mask) in enumerate(zip(made.ids, made.loss_mask, strict=True)):
        if mask and (t == 0 or not made.loss_mask[t - 1]):
            runs.append([])
        if mask:
            runs[-1].append(i)
    return [chat.tokenizer.decode(r) for r in runs]


def squeeze(text: str) -> str:
    return "".join(text.split())


def prompt_of(chat: Chat, messages: tuple[Message, ...]) -> str:
    return chat.render(messages, add_generation_prompt=True)


def clean(chat: Chat, messages: tuple[Message, ...]) -> bool:
    """Whether no merge crosses a boundary, by the tokenizer alone."""
    encode = chat.tokenizer.encode
    whole = encode(chat.render(messages), add_special_tokens=False)
    heads = [
        encode(prompt_of(chat, messages[:k]), add_special_tokens=False)
        for k, m in enumerate(messages)
        if m.role == "assistant"
    ]
    return all(whole[: len(h)] == h for h in heads)


def alone(chat: Chat, text: str) -> str:
    """A text after encoding and decoding: what a tokenizer makes of it (SentencePiece reads ``▁`` as a space)."""
    return chat.tokenizer.decode(chat.tokenizer.encode(text, add_special_tokens=False))


def theirs(chat: Chat, messages: tuple[Message, ...], add_generation_prompt: bool = False) -> list[int]:
    """The ids that transformers gives, once the template is installed."""
    tokenizer: Any = chat.tokenizer
    chat.install(tokenizer)
    return tokenizer.apply_chat_template(
        chat.as_dicts(messages), add_generation_prompt=add_generation_prompt, tokenize=True, return_dict=False
    )


THREE = (user("a"), answer("one"), user("b"), answer("two"), user("c"), answer("three"))
