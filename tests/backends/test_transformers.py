"""Answers of a model in this process, against transformers' `generate` one row at a time."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from heedful.backends.base import GenerationSettings
from heedful.backends.load import local_backend
from heedful.backends.transformers import TransformersBackend
from heedful.chat import Chat
from heedful.errors import ModelError
from heedful.models.adapters import add_lora
from heedful.records import Message

PROMPTS = [
    [Message("user", text)]
    for text in (
        "Say red.",
        "Say blue and cat in line 5." * 3,
        "x",
        "日本 🌊",
        "Say seven and stone in line 9. Be brief.",
    )
]


def backend_of(tiny, architecture) -> TransformersBackend:
    """A model whose answers depend on the prompt: its random weights are made larger than usual."""
    folder = tiny(architecture)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(6)
    return TransformersBackend("tiny", model, Chat.bind("alpaca", tokenizer))


def texts(backend, prompts=PROMPTS, **settings):
    answers = list(backend.answer(prompts, GenerationSettings(**({"max_new_tokens": 12} | settings))))
    assert sorted(a.index for a in answers) == list(range(len(prompts)))
    return [(a.text, a.finish_reason, a.prompt_tokens, a.tokens) for a in sorted(answers, key=lambda a: a.index)]


def one_by_one(backend, prompt, new=12):
    ids = torch.tensor([backend.chat.prompt_ids(prompt)])
    out = backend.model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=new,
        do_sample=False,
        eos_token_id=sorted(backend.stop_ids),
        pad_token_id=backend.pad_id,
    )[0, ids.shape[1] :].tolist()
    return out, ids.shape[1]


@pytest.mark.parametrize(
    "architecture", ["llama", "gemma3", *(pytest.param(a, marks=pytest.mark.slow) for a in ("gpt2", "qwen3"))]
)
def test_greedy_answers_are_those_of_generate_one_at_a_time(tiny, architecture):
    """In fp32, on a random model, where no two logits tie."""
    backend = backend_of(tiny, architecture)
    expected = []
    for prompt in PROMPTS:
        new, asked = one_by_one(backend, prompt)
        stop = next((t for t, i in enumerate(new) if i in backend.stop_ids), None)
        text = backend.chat.tokenizer.decode(new[:stop], skip_special_tokens=True)
        expected.append((text, "length" if stop is None else "stop", asked, len(new) if stop is None else stop + 1))
    assert len({e[0] for e in expected}) > 1, "the prompts make no difference, so this shows nothing"
    for size in (1, 2, 5):
        assert texts(backend, batch_size=size) == expected


def test_stop_and_length(tiny):
    backend = backend_of(tiny, "llama")
    stop = backend.chat.stop_id
    head = backend.model.lm_head.weight
    with torch.no_grad():
        head.zero_()
    assert stop == 0, "greedy takes the first of equal logits"
    assert {t[1:2] + t[3:] for t in texts(backend)} == {("stop", 1)}
    assert [t[0] for t in texts(backend)] == [""] * len(PROMPTS)
    with torch.no_grad():  # a bias that makes every token the letter at 100
        head[100] = 1
        head[stop] = -1
    backend.model.model.norm.weight.data.fill_(0)
    backend.model.lm_head = torch.nn.Linear(32, head.shape[0])
    with torch.no_grad():
        backend.model.lm_head.bias.zero_()
        backend.model.lm_head.bias[100] = 9
    assert {t[1:2] + t[3:] for t in texts(backend, max_new_tokens=5)} == {("length", 5)}


def test_an_older_stop_token_stops_too(tiny):
    """A model given another template than it was trained with may still end with its end-of-text."""
    backend = backend_of(tiny, "llama")
    tokenizer = AutoTokenizer.from_pretrained(tiny("llama"))
    other = TransformersBackend("tiny", backend.model, Chat.bind("chatml", tokenizer))
    assert other.stop_ids == {tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<|im_end|>")}


def test_no_prompts(tiny):
    assert list(backend_of(tiny, "llama").answer([], GenerationSettings())) == []


def test_the_model_is_left_in_its_mode_and_adapters_answer(tiny):
    backend = backend_of(tiny, "llama")
    before = texts(backend)
    backend.model = add_lora(backend.model, 2, 4, 0.5, "all-linear").train()
    assert texts(backend) == before
    assert backend.model.training
    with torch.no_grad():
        for name, parameter in backend.model.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    assert texts(backend) != before


def test_sampling_follows_the_seed(tiny):
    backend = backend_of(tiny, "llama")
    hot = [texts(backend, temperature=5.0, seed=seed) for seed in (1, 1, 2)]
    assert hot[0] == hot[1] != hot[2]


def test_a_prompt_near_the_last_position_gets_what_room_there_is(tiny):
    """GPT-2 has 256 learned positions and fails beyond them."""
    backend = backend_of(tiny, "gpt2")
    base = len(backend.chat.prompt_ids([Message("user", "")]))
    letters = lambda n: [Message("user", "\u00e9" * ((n - base) // 2) + "Q" * ((n - base) % 2))]  # noqa: E731
    prompts = [letters(250), letters(256), letters(300), PROMPTS[0]]
    lengths = [len(backend.chat.prompt_ids(p)) for p in prompts]
    assert lengths[:3] == [250, 256, 300]
    answers = sorted(backend.answer(prompts, GenerationSettings(max_new_tokens=12)), key=lambda a: a.index)
    assert answers[0].tokens <= 6
    assert [a.finish_reason for a in answers[1:3]] == ["error", "error"]
    assert answers[2].error == "the question has 300 tokens, the model has room for 256"
    assert answers[3].text == texts(backend, PROMPTS[:1])[0][0]


def test_a_backend_by_name(tiny, tiny_run):
    plain = local_backend(str(tiny("llama")), precision="fp32", device="cpu")
    assert plain.chat.name == "alpaca"
    tuned = local_backend(str(tiny_run), precision="fp32", device="cpu")
    assert tuned.chat.name == "model"
    base = local_backend(f"run:{tiny_run}@base", precision="fp32", device="cpu")
    ids = [b.chat.prompt_ids(PROMPTS[0]) for b in (plain, tuned, base)]
    assert ids[0] == ids[1] == ids[2], "a run and its base are asked in the form it was trained on"
    with pytest.raises(ModelError, match="has no weights here"):
        local_backend("scripted:x")


def test_what_the_template_writes_before_an_answer_is_not_part_of_it(tiny, tmp_path):
    from heedful.records import Message

    path = tmp_path / "thinks.jinja"
    path.write_text(
        "{%- for m in messages -%}{%- if m.role == 'assistant' -%}A:<t></t>{{ m.content }}{{ eos_token }}"
        "{%- else -%}Q:{{ m.content }}\n{% endif -%}{%- endfor -%}{%- if add_generation_prompt -%}A:{%- endif -%}"
    )
    tokenizer = tiny.tokenizer()
    chat = Chat.bind(str(path), tokenizer)
    assert chat.before == "<t></t>"

    class Echo:
        training = False
        config = None

        def parameters(self):
            import torch

            return iter([torch.zeros(1)])

        def eval(self): ...
        def train(self, mode): ...
        def generate(self, input_ids, **options):
            import torch

            said = torch.tensor([[*tokenizer.encode("<t></t>Yes."), chat.stop_id]])
            return torch.cat([input_ids, said.expand(len(input_ids), -1)], dim=1)

    backend = TransformersBackend("echo", Echo(), chat)
    (answer,) = backend.answer([(Message("user", "Is it?"),)], GenerationSettings(max_new_tokens=30))
    assert (answer.text, answer.finish_reason) == ("Yes.", "stop")


def test_tools_reach_the_prompt_and_a_refused_prompt_is_one_answer(tiny, tmp_path):
    """A template without a place for tools refuses that row, and the others are answered all the same."""
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    backend = backend_of(tiny, "llama")
    answers = sorted(
        backend.answer(PROMPTS[:2], GenerationSettings(max_new_tokens=4), [(tool,), ()]), key=lambda a: a.index
    )
    assert answers[0].finish_reason == "error"
    assert "tools" in (answers[0].error or "")
    assert answers[1].finish_reason != "error"
    template = tmp_path / "tools.jinja"
    template.write_text(
        "{% if tools %}{{ tools[0].function.name }}: {% endif %}{% for m in messages %}{{ m.content }}"
        "{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
    )
    backend.chat = Chat.bind(str(template), backend.chat.tokenizer)
    with_tool, without = (
        next(iter(backend.answer(PROMPTS[:1], GenerationSettings(max_new_tokens=1), tools))).prompt_tokens
        for tools in ([(tool,)], ())
    )
    assert with_tool > without


def test_an_answer_ends_before_a_stop_string_whatever_else_is_in_the_batch(tiny):
    backend = backend_of(tiny, "llama")
    free = texts(backend)
    cut = free[0][0][3:6]
    assert cut.strip(), "the model must say something to cut at"
    for size in (1, 5):
        stopped = texts(backend, stop=(cut, "never said"), batch_size=size)
        assert stopped[0][:2] == (free[0][0][: free[0][0].index(cut)], "stop")
        assert stopped[0][3] < free[0][3]
        for (text, reason, _, tokens), whole in zip(stopped, free, strict=True):
            assert cut not in text
            assert whole[0].startswith(text)
            if cut not in whole[0]:
                assert (text, reason, tokens) == (whole[0], whole[1], whole[3])


def test_the_repetition_penalty_is_the_same_alone_and_in_a_batch(tiny):
    backend = backend_of(tiny, "llama")
    alone = [texts(backend, [p], repetition_penalty=1.7)[0] for p in PROMPTS]
    assert texts(backend, repetition_penalty=1.7) == alone != texts(backend)


def test_sampling_among_one_token_is_greedy(tiny):
    backend = backend_of(tiny, "llama")
    assert texts(backend, temperature=5.0, top_k=1) == texts(backend) == texts(backend, temperature=5.0, min_p=1.0)
