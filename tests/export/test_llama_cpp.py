"""Tiny random models of every architecture that is written as GGUF, in llama.cpp itself where it can be had.

llama-cpp-python must be in this Python, or in the one that HEEDFUL_LLAMA_PYTHON names; llama-quantize on PATH, or named
by HEEDFUL_LLAMA_QUANTIZE. tests/oracles/llama_cpp.sh builds both.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from heedful.chat import Chat
from heedful.errors import HeedfulError, RequestError
from heedful.export.gguf_file import check_architecture, write_gguf
from heedful.export.gguf_split import _NAMES, split_name
from heedful.export.hard_texts import hard_texts
from heedful.export.llama_runtime import VARIABLE, Runtime, check_in, find_runtime
from heedful.export.quantize import find_quantizer, quantize
from heedful.export.verify import LLAMA_CPP, need, reference_of
from heedful.models.quiet import quiet_transformers
from heedful.records import Example, Message
from heedful.store import read_json

PLACE = Path("/tmp/oracles/llama")
QUESTIONS = ("Say red and blue in line 3.", "你好 😀  two  spaces\nand 12345")
MODELS = {
    "LlamaForCausalLM": {},
    "llama3's positions": {
        "rope_parameters": {
            "rope_type": "llama3", "rope_theta": 10_000.0, "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 64,
        }
    },
    "MistralForCausalLM": {"sliding_window": None},
    "Qwen2ForCausalLM": {},
    "Qwen3ForCausalLM": {"head_dim": 32},
    "Gemma3ForCausalLM": {"num_hidden_layers": 6, "head_dim": 64, "query_pre_attn_scalar": 64, "sliding_window": 64},
}  # fmt: skip


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    named = os.environ.get(VARIABLE) or next((str(p) for p in [PLACE / "venv/bin/python"] if p.is_file()), None)
    try:
        found = find_runtime(named)
    except RequestError:
        found = None
    if found is None:
        pytest.skip("no llama-cpp-python here: see tests/oracles/llama_cpp.sh")
    return found


def tokenizer_of(split: str | None = None):
    """A byte-level tokenizer that splits text by the rule of that name (None: GPT-2's)."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    rule = next(((pattern, whole) for (pattern, whole), name in _NAMES.items() if name == split), None)
    made = Tokenizer(models.BPE(ignore_merges=bool(rule and rule[1])))
    if split == "qwen2":
        made.normalizer = normalizers.NFC()
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=rule is None)
    if rule:
        first = pre_tokenizers.Split(Regex(rule[0]), "isolated")
        made.pre_tokenizer = pre_tokenizers.Sequence([first, last])
    elif split == "smollm":
        made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), last])
    else:
        made.pre_tokenizer = last
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=["<|end|>", "<|im_start|>", "<|im_end|>", "<|endoftext|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), max_token_length=12,
    )  # fmt: skip
    texts = hard_texts(PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|end|>"))
    made.train_from_iterator([t for t in texts for _ in range(3)], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|end|>", pad_token="<|end|>")


def make(folder: Path, name: str, split: str | None, **changes):
    """A tiny random model in the hub's layout; its weights are large enough for answers to differ."""
    import torch
    import transformers as t

    tokenizer = tokenizer_of(split)
    kind = name if name.endswith("ForCausalLM") else "LlamaForCausalLM"
    config_kind = getattr(t, kind.replace("ForCausalLM", "TextConfig" if "Gemma3" in kind else "Config"))
    values = {
        "vocab_size": len(tokenizer) + 5, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 512, "bos_token_id": None,
        "eos_token_id": 0, "pad_token_id": 0, "tie_word_embeddings": kind != "MistralForCausalLM",
        "initializer_range": 0.2,
    }  # fmt: skip
    with torch.random.fork_rng(), quiet_transformers():
        torch.manual_seed(0)
        model = getattr(t, kind)(config_kind(**(values | MODELS.get(name, {}) | changes)))
        for parameter in model.parameters():
            if parameter.ndim == 1:  # norms and biases that are all alike would hide a mistake
                parameter.data += 0.1 * torch.randn_like(parameter)
        model.get_output_embeddings().weight.data[len(tokenizer) :] = 0  # rows without a token are never said
        chat = Chat.bind("alpaca", tokenizer)
        chat.install(tokenizer, model.generation_config)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


def asked(folder: Path, monkeypatch):
    """What `check_in` needs of a run, for a model that no run made."""
    from heedful.models import loading

    real = loading.load_model
    monkeypatch.setattr(loading, "load_model", lambda name, **_: real(f"hf:{folder}"))
    questions = tuple(
        Example(f"q{k}", (Message("user", text), Message("assistant", "x"))) for k, text in enumerate(QUESTIONS)
    )
    source = SimpleNamespace(
        run=SimpleNamespace(path=folder, model=folder), recipe={}, questions=questions, part="test"
    )
    return source, reference_of(source), Chat.bind("model", loading.load_tokenizer(f"hf:{folder}"))


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_every_architecture_answers_in_llama_cpp_as_in_transformers(name, runtime, tmp_path, monkeypatch):
    folder = make(tmp_path / "m", name, "qwen2" if "Qwen" in name else "llama-bpe" if "llama3" in name else None)
    check_architecture(folder, runtime=True)
    source, reference, chat = asked(folder, monkeypatch)
    for quant in ("f16", "q8_0"):
        write_gguf(folder, tmp_path / "m.gguf", quant, "tiny", chat)
        check = need(check_in(runtime, tmp_path / "m.gguf", source, reference, chat, quant, LLAMA_CPP[quant]))
        assert (check.texts > 40, check.prompts_differ, check.texts_differ, check.shown_otherwise) == (True, 0, 0, 0)
        print(name, quant, check.sentence)


@pytest.mark.slow
@pytest.mark.parametrize("split", [*_NAMES.values(), "smollm", "gpt-2"])
def test_every_way_of_splitting_text_gives_the_same_ids(split, runtime, tmp_path, monkeypatch):
    folder = make(tmp_path / "m", "LlamaForCausalLM", split)
    assert split_name(read_json(folder / "tokenizer.json")) == split
    source, reference, chat = asked(folder, monkeypatch)
    write_gguf(folder, tmp_path / "m.gguf", "f16", "tiny", chat)
    check = check_in(runtime, tmp_path / "m.gguf", source, reference, chat, "f16", LLAMA_CPP["f16"])
    assert (check.texts_differ, check.odd_text) == (0, "")


@pytest.mark.slow
def test_another_rule_another_model_and_a_broken_file_are_found(runtime, tmp_path, monkeypatch):
    """What the comparison is for: each mistake that a file could have is told by its own words."""
    from heedful.export import gguf_vocab
    from heedful.export.gguf_names import LLAMA

    folder = make(tmp_path / "m", "LlamaForCausalLM", "smollm")
    source, reference, chat = asked(folder, monkeypatch)

    def tried(said: str) -> None:
        write_gguf(folder, tmp_path / "m.gguf", "f16", "tiny", chat)
        with pytest.raises(HeedfulError, match=said):
            need(check_in(runtime, tmp_path / "m.gguf", source, reference, chat, "f16", LLAMA_CPP["f16"]))

    with monkeypatch.context() as patch:
        patch.setattr(gguf_vocab, "split_name", lambda written: "gpt-2")
        tried("become other tokens")
    with monkeypatch.context() as patch:
        patch.setitem(LLAMA, "mlp.gate_proj", "ffn_up")
        patch.setitem(LLAMA, "mlp.up_proj", "ffn_gate")
        tried("a logit differs by")
    (tmp_path / "m.gguf").write_bytes((tmp_path / "m.gguf").read_bytes()[:3000])
    with pytest.raises(HeedfulError, match=r"ended with status 1 at the GGUF: .*please report this"):
        check_in(runtime, tmp_path / "m.gguf", source, reference, chat, "f16", LLAMA_CPP["f16"])


@pytest.mark.slow
def test_the_command_in_llama_cpp_and_smaller_by_its_library(runtime, tiny_run, heedful, tmp_path):
    arguments = ["export", tiny_run, "--to", "gguf", "--llama-python", runtime.python, "--questions", 2, "--json"]
    status, out, err = heedful(*arguments, "--out", tmp_path / "a")
    assert status == 0, err
    told = json.loads(out)
    assert told["checks"][0]["by"].startswith("llama.cpp (llama-cpp-python ")
    assert not any("was not run" in note for note in told["notes"])
    assert "hard texts become the same ids" in (tmp_path / "a" / "README.md").read_text()
    status, out, err = heedful(*arguments, "--quant", "q4_k_m", "--out", tmp_path / "b")
    assert status == 0, err
    told = json.loads(out)
    assert sorted(told["files"]) == ["README.md", "run-q4_k_m.gguf"]
    assert "made it from the 16-bit file: " in told["notes"][0]


@pytest.mark.slow
def test_smaller_by_the_program(runtime, tmp_path, monkeypatch):
    """The same file as by the library."""
    program = shutil.which(os.environ.get("HEEDFUL_LLAMA_QUANTIZE") or str(PLACE / "bin/llama-quantize"))
    if program is None:
        pytest.skip("no llama-quantize here: see tests/oracles/llama_cpp.sh")
    folder = make(tmp_path / "m", "LlamaForCausalLM", None)
    _, _, chat = asked(folder, monkeypatch)
    write_gguf(folder, tmp_path / "m.gguf", "f16", "tiny", chat)
    quantize(Path(program), tmp_path / "m.gguf", tmp_path / "a.gguf", "q4_k_m")
    quantize(runtime, tmp_path / "m.gguf", tmp_path / "b.gguf", "q4_k_m")
    assert (tmp_path / "a.gguf").read_bytes() == (tmp_path / "b.gguf").read_bytes()


def test_a_python_or_program_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(RequestError, match=r"--llama-python /none: does not run \(No such file"):
        find_runtime("/none")
    liar = tmp_path / "python"
    liar.write_text("#!/bin/sh\necho \"No module named 'llama_cpp'\" >&2\nexit 1\n")
    liar.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(liar))
    with pytest.raises(RequestError, match=f"{VARIABLE} .*no working llama-cpp-python .No module named 'llama_cpp'"):
        find_runtime(None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RequestError, match=r"neither llama-quantize nor the library is here; get the program with"):
        find_quantizer(None, "q4_k_m", None)
    assert find_quantizer(None, "q4_k_m", Runtime("python", "1")) == Runtime("python", "1")
    with pytest.raises(RequestError, match="--llama-quantize nothing: no such program"):
        find_quantizer("nothing", "q4_k_m", Runtime("python", "1"))
    program = tmp_path / "llama-quantize"
    program.write_text("#!/bin/sh\necho 'main: failed to quantize: no such type'\necho bye\nexit 3\n")
    program.chmod(0o755)
    assert find_quantizer(None, "q4_k_m", None) == program
    with pytest.raises(HeedfulError, match=r"made no q4_k_m file \(status 3\): main: failed to quantize: no such type"):
        quantize(program, tmp_path / "a", tmp_path / "b", "q4_k_m")


@pytest.mark.parametrize(("change", "said"), [
    ({"pre_tokenizer": None}, None),
    ({"normalizer": {"type": "NFKC"}}, None),
    ({"normalizer": {"type": "NFC"}}, None),
    ({"model": {"type": "BPE", "ignore_merges": True}}, None),
    ({}, "gpt-2"),
])  # fmt: skip
def test_only_a_rule_that_is_known_has_a_name(change, said):
    plain = {
        "model": {"type": "BPE"}, "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
    }  # fmt: skip
    assert split_name(plain | change) == said


def test_what_only_llama_cpp_can_compare_needs_it(tmp_path):
    folder = make(tmp_path / "m", "llama3's positions", "gpt-2")
    check_architecture(folder, runtime=True)
    with pytest.raises(RequestError, match=r"scaled positions is compared by llama.cpp itself or not at all"):
        check_architecture(folder)
