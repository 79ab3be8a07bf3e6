"""Prompts of OpenAI Evals: a text, or a list of messages; how one becomes the other, and how templates are filled."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from heedful.errors import DataError
from heedful.records import Message

Prompt = str | list[dict[str, Any]]
_SPEAKERS = {"system": "", "example_user": "User: ", "example_assistant": "Assistant: "}
_EXAMPLES = {"example_user": "user", "example_assistant": "assistant"}


def is_chat(prompt: Any) -> bool:
    """Whether a prompt is a list of messages."""
    return isinstance(prompt, list) and all(isinstance(m, dict) for m in prompt)


def check_prompt(prompt: Any, place: str, name: str = "input") -> Prompt:
    """DataError where a value is neither a text nor a list of messages with a text and a role each."""
    whole = isinstance(prompt, str) or (
        is_chat(prompt)
        and prompt
        and all(isinstance(m.get("content"), str) and isinstance(m.get("role"), str) for m in prompt)
    )
    if not whole:
        raise DataError(f"{place}: '{name}' is neither a text nor a list of messages with role and content; mend it")
    return prompt


def as_text(prompt: Prompt, go_on: bool = True) -> str:
    """A prompt for a model that goes on with a text, as the owner writes it: a line for each message, and at the end
    `Assistant:` to go on after. One message alone stands as it is.

    >>> as_text([{"role": "system", "content": "Add."}, {"role": "user", "content": "1+1"}])
    'Add.\\nUser: 1+1\\nAssistant:'
    """
    if isinstance(prompt, str):
        return prompt
    if len(prompt) == 1:
        return prompt[0]["content"]
    lines = []
    for message in prompt:
        speaker = str(message.get("name", message["role"]))
        lines.append(f"{_SPEAKERS.get(speaker, speaker.capitalize() + ': ')}{message['content']}\n")
    return ("".join(lines) + ("Assistant:" if go_on else "")).lstrip()


def as_messages(prompt: Prompt) -> tuple[Message, ...]:
    """A prompt for a chat template: examples are turns of user and assistant, and where nobody asks, the last message
    is the user's, since few templates take a conversation without one."""
    if isinstance(prompt, str):
        return (Message("user", prompt),)
    roles: list[Any] = [_EXAMPLES.get(str(m.get("name")), m["role"]) for m in prompt]
    if "user" not in roles:
        roles[-1] = "user"
    turns = zip(roles, prompt, strict=True)
    return tuple(Message(r if r in ("system", "user", "assistant") else "user", m["content"]) for r, m in turns)


def scrub(prompt: Prompt) -> Prompt:
    """Braces doubled, as in a template that shall not be filled. A judge sees them so: the owner does not undo it."""
    if isinstance(prompt, str):
        return prompt.replace("{", "{{").replace("}", "}}")
    return [{**m, "content": scrub(m["content"])} if "content" in m else m for m in prompt]


def fill(template: str, values: Mapping[str, Any], where: str) -> str:
    """A template with its ``{names}`` put in; messages among the values are written as text first.

    DataError for a name that has no value. Formats such as ``{x:>9}`` and attributes are refused: a registry is data.

    >>> fill("{{{a}}} and {b}", {"a": 1, "b": "two"}, "here")
    '{1} and two'
    """
    out = []
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as e:
        raise DataError(f"{where}: its braces do not pair ({e}); double those that are meant as text") from None
    for text, name, form, conversion in parts:
        out.append(text)
        if name is None:
            continue
        if name not in values or form or conversion:
            raise DataError(f"{where}: '{{{name}}}' is not among {', '.join(sorted(values))}; name one of those")
        value = values[name]
        out.append(as_text(value, go_on=False) if is_chat(value) else str(value))
    return "".join(out)
