"""A Modelfile beside what Ollama's own code made of it (tests/oracles/ollama_record.py)."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest

from heedful.export.ollama import go_template, modelfile
from heedful.templates import BUILT_IN, render, template_text

ORACLES = Path(__file__).parents[1] / "oracles"
RECORD = json.loads((ORACLES / "ollama.json").read_text())


def test_ollama_writes_the_prompt_that_the_model_was_trained_with():
    """Each built-in template and conversation: the Modelfile as recorded, its prompt and stops those of Ollama."""
    sys.path.insert(0, str(ORACLES))
    try:
        from ollama_inputs import STOPS, cases
    finally:
        sys.path.pop(0)
    tried = 0
    for row, (name, text, talk) in zip(RECORD["rows"], cases(), strict=True):
        file, notes = modelfile("m.gguf", text, STOPS[0], STOPS)
        assert (row["template"], row["talk"]) == (name, talk)
        assert hashlib.sha256(file.encode()).hexdigest() == row["modelfile"], "it was recorded with another Modelfile"
        messages = [{"role": role, "content": content} for role, content in talk]
        assert row["prompt"] == render(text, messages, True, {"eos_token": STOPS[0], "bos_token": "<s>"}), name
        assert (row["stops"], row["from"]) == (STOPS, "./m.gguf")
        assert "TEMPLATE does what the built-in template does" in notes[0]
        tried += 1
    assert tried == 4 * len(BUILT_IN)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_beginning_of_text_is_left_to_ollama_and_another_template_has_no_form(name):
    text = template_text(name, None)
    assert go_template("{{- bos_token -}}" + text, "<|end|>") == go_template(text, "<|end|>")
    file, notes = modelfile("m.gguf", text + "x", "<|end|>", ["<|end|>"])
    assert "TEMPLATE" not in file
    assert "has no TEMPLATE" in notes[0]
