"""Conversations that Ollama's template code and ours are given, for each built-in template."""

from __future__ import annotations

from collections.abc import Iterator

from heedful.templates import BUILT_IN, template_text

STOPS = ["<|end|>", "</s>"]
TALKS = (
    [["user", "One {{ .System }}"]],
    [["user", "One"], ["assistant", "Two"], ["user", 'Three\nFour "five" \\n']],
    [["system", "Be kind."], ["user", "One"], ["assistant", "Two"], ["user", "Three"]],
    [["user", "你好 <|end|> 😀"], ["assistant", ""], ["user", "{% raw %}"]],
)


def cases() -> Iterator[tuple[str, str, list[list[str]]]]:
    """Each built-in template with each conversation: its name, its text, the turns."""
    for name in BUILT_IN:
        for talk in TALKS:
            yield name, template_text(name, None), talk
