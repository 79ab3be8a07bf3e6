"""transformers' own server on loopback with a tiny model: the answers are those of the model in this process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from heedful.backends.base import GenerationSettings
from heedful.backends.by_name import open_backend
from heedful.backends.server_options import ServerOptions
from heedful.errors import ModelError
from heedful.records import Message

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_cache")]
PROMPTS = [
    [Message("user", text)] for text in ("Say red.", "Say blue and cat in line 5.", "x", "日本 🌊", "Be brief." * 9)
]
TEMPLATE = (
    "{%- for m in messages -%}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor -%}"
    "{%- if add_generation_prompt -%}<|im_start|>assistant\n{% endif -%}"
)
START = "from transformers.cli.transformers import main; main()"


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory):
    """A tiny model whose answers depend on the question, with a template of its own."""
    import torch
    from transformers import AutoModelForCausalLM

    path = tmp_path_factory.mktemp("served") / "tiny"
    tokenizer = tiny.tokenizer(eos="<|im_end|>")
    tokenizer.chat_template = TEMPLATE
    tiny.make(path, "llama", tokenizer)
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(6)
    model.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def url(folder):
    pytest.importorskip("fastapi", reason="transformers' server needs transformers[serving]")
    pytest.importorskip("openai", reason="transformers' server needs transformers[serving]")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder.parent / "log.txt"
    words = ["serve", str(folder), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with log.open("w") as out:
        command = [sys.executable, "-c", START, *words]
        process = subprocess.Popen(command, stdout=out, stderr=out, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    try:
        end = time.monotonic() + 600
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                    break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(60)


def ask(name, said=None, **settings):
    here = {"precision": "fp32", "device": "cpu"} if name.startswith("hf:") else {}
    backend = open_backend(
        name, server=ServerOptions(concurrency=3, retries=0), say=([] if said is None else said).append, **here
    )()
    answers = backend.answer(PROMPTS, GenerationSettings(**({"max_new_tokens": 12} | settings)))
    return sorted(answers, key=lambda a: a.index), backend


def test_the_answers_are_those_of_the_model_in_this_process(folder, url):
    served, backend = ask(f"openai:{folder}@{url}")
    here, _ = ask(f"hf:{folder}")
    assert [(a.text, a.finish_reason, a.prompt_tokens, a.tokens) for a in served] == [
        (a.text, a.finish_reason, a.prompt_tokens, a.tokens) for a in here
    ]
    assert len({a.text for a in here}) > 1, "the prompts make no difference, so this shows nothing"
    assert backend.spent.requests == 5
    again, backend = ask(f"openai:{folder}@{url}")
    assert (again, backend.spent.requests) == (served, 0)


def test_an_answer_ends_before_a_stop_string_there_too(folder, url):
    free, _ = ask(f"hf:{folder}")
    stop = (free[0].text[2:4],)
    here, _ = ask(f"hf:{folder}", stop=stop)
    served, _ = ask(f"openai:{folder}@{url}", stop=stop)
    assert here[0].text == free[0].text[: free[0].text.index(stop[0])]
    assert [(a.text, a.finish_reason) for a in served] == [(a.text, a.finish_reason) for a in here]


def test_a_model_that_it_does_not_have(folder, url):
    with pytest.raises(ModelError, match="has no model 'other'; it has"):
        ask(f"openai:other@{url}")


def test_what_it_cannot_do_is_told(folder, url):
    said = []
    served, _ = ask(f"openai:{folder}@{url}", said, top_logprobs=5)
    assert {a.top_logprobs for a in served} == {None}
    assert said == ["the server was asked for log-probabilities and gives none"]
