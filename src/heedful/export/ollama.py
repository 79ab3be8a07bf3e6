"""An Ollama Modelfile: the weights, the template of the training in Go's words, the stop tokens.

Ollama's format: https://docs.ollama.com/modelfile; its templates are Go's text/template. Jinja cannot be turned into
that in general, so only the built-in templates have a form here. Line breaks stand inside of Go's strings, so that no
white space of the file is part of a prompt. The first token of a text (BOS) is put there by Ollama's runtime.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from heedful import templates

_CONTENT = "{{ .Content }}"
_PREAMBLE = "Below is an instruction that describes a task. Write a response that appropriately completes the request."


def go_template(text: str, stop: str) -> str | None:
    """The Go form of a template by its Jinja text; None where it is none of the built-in ones."""
    for name in templates.BUILT_IN:
        if text.removeprefix("{{- bos_token -}}") == templates.template_text(name, None):
            return _FORMS[name](stop)
    return None


def _text(text: str) -> str:
    """A text as it is, as a string of Go's."""
    return "{{ " + json.dumps(text, ensure_ascii=False) + " }}"


def _by_role(**turns: str) -> str:
    """What is written for a turn of each role; one of another role is left out."""
    words = [
        f'{{{{ {"else " if k else ""}if eq .Role "{role}" }}}}{turn}' for k, (role, turn) in enumerate(turns.items())
    ]
    return "{{ range .Messages }}" + "".join(words) + "{{ end }}{{ end }}"


def _alpaca(stop: str, preamble: str, response: str) -> str:
    start = "{{ if .System }}{{ .System }}{{ else }}" + preamble + "{{ end }}"
    turns = _by_role(
        user=_text("\n\n### Instruction:\n") + _CONTENT, assistant=_text(response) + _CONTENT + _text(stop)
    )
    return start + turns + _text(response)


def _turns(before: str, middle: str, after: str) -> str:
    """Every role in the same way: before its name, after it, after the content."""
    turn = _text(before) + "{{ .Role }}" + _text(middle) + _CONTENT + _text(after)
    return "{{ range .Messages }}" + turn + "{{ end }}" + _text(f"{before}assistant{middle}")


def _phi3_plain(stop: str) -> str:
    turns = _by_role(
        system=_text("<|System|>\n") + _CONTENT + _text("\n\n"),
        user=_text("<|User|>\n") + _CONTENT + _text("\n\n"),
        assistant=_text("<|Assistant|>\n") + _CONTENT + _text(f"{stop}\n\n"),
    )
    return turns + _text("<|Assistant|>\n")


def _gemma(_: str) -> str:
    system = "{{ if $system }}{{ $system }}" + _text("\n\n") + '{{ $system = "" }}{{ end }}'
    turns = _by_role(
        user=_text("<start_of_turn>user\n") + system + _CONTENT + _text("<end_of_turn>\n"),
        assistant=_text("<start_of_turn>model\n") + _CONTENT + _text("<end_of_turn>\n"),
    )
    return "{{ $system := .System }}" + turns + _text("<start_of_turn>model\n")


_FORMS: dict[str, Callable[[str], str]] = {
    "alpaca": lambda stop: _alpaca(stop, _text(_PREAMBLE), "\n\n### Response:\n"),
    # Its other preamble is for a question with an input of its own, which Ollama has no place for.
    "alpaca-stanford": lambda stop: _alpaca(stop, _text(_PREAMBLE), "\n\n### Response:"),
    "phi3": lambda stop: _turns("<|", "|>\n", "<|end|>\n"),
    "phi3-plain": _phi3_plain,
    "chatml": lambda stop: _turns("<|im_start|>", "\n", "<|im_end|>\n"),
    "llama3": lambda stop: _turns("<|start_header_id|>", "<|end_header_id|>\n\n", "<|eot_id|>"),
    "gemma": _gemma,
}


def modelfile(weights: str, text: str, stop: str, stops: Sequence[str]) -> tuple[str, list[str]]:
    """The Modelfile, and sentences on what it does not say."""
    lines, notes = [f"FROM ./{weights}"], []
    made = go_template(text, stop)
    if made is None:
        notes.append(
            "the Modelfile has no TEMPLATE, since only Heedful's built-in templates have a form in Go: Ollama takes "
            "what it makes of the template in the GGUF, so look at a prompt of it before you trust its answers"
        )
    else:
        lines.append(f'TEMPLATE """{made}"""')
        notes.append(
            "the TEMPLATE does what the built-in template does for questions, answers and a system text; tools, and "
            "the trimming of white space around a content, have no form there"
        )
    lines += [f'PARAMETER stop "{s}"' for s in dict.fromkeys(stops)]  # as it is: no escapes are read there
    lines.append("PARAMETER temperature 0")
    return "\n".join(lines) + "\n", notes
