"""Untrusted text made fit to be shown: control characters visible, nothing that UTF-8 cannot hold."""

from __future__ import annotations

from collections.abc import Sequence

from heedful.records import Message

# U+2400 and on are pictures of the control characters; a tab and a line break stay what they are.
_PICTURES = {c: 0x2400 + c for c in range(0x20) if c not in (0x09, 0x0A)} | {0x7F: 0x2421}
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)


def encodable(text: str) -> str:
    """Lone surrogates, which UTF-8 cannot hold, become U+FFFD."""
    return text if text.isascii() else text.translate(_SURROGATES)


def visible(text: str) -> str:
    r"""Control characters become their pictures and lone surrogates U+FFFD.

    >>> visible("a\x00b\r\n")
    'a␀b\n'
    """
    return encodable(text.replace("\r\n", "\n").translate(_PICTURES))


def instruction_text(messages: Sequence[Message]) -> str:
    """The conversation before the answer as plain text; roles are named where there is more than one turn."""
    turns = []
    for m in messages:
        content = m.content if m.context is None else f"{m.content}\n\n{m.context}"
        turns.append(content if len(messages) == 1 else f"{m.role}: {content}")
    return "\n\n".join(turns)
