"""A tiny run as GGUF, read by transformers' reader."""

from __future__ import annotations

import json

import gguf
import numpy as np
import pytest
import torch

from heedful.chat import Chat
from heedful.errors import RequestError
from heedful.export.gguf_file import check_architecture, write_gguf
from heedful.export.gguf_vocab import _scores
from heedful.models.quiet import quiet_transformers


@pytest.mark.parametrize(("quant", "size"), [("f16", 2), ("q8_0", 34 / 32)])
def test_a_run_as_gguf(tiny_run, heedful, tmp_path, quant, size):
    arguments = ["export", tiny_run, "--to", "ollama", "--quant", quant, "--out", tmp_path / "g", "--questions", 2]
    status, out, err = heedful(*arguments, "--json")
    assert status == 0, err
    told = json.loads(out)
    assert told["checks"][0]["passed"]
    assert told["checks"][0]["prompts_differ"] == 0
    assert any("llama.cpp itself was not run" in note for note in told["notes"])
    reader = gguf.GGUFReader(tmp_path / "g" / f"run-{quant}.gguf")
    tensors = {t.name: t for t in reader.tensors}
    embedding = tensors["token_embd.weight"]
    assert embedding.n_bytes == embedding.n_elements * size
    assert reader.fields["tokenizer.ggml.eot_token_id"].contents() == 0
    assert "### Response:" in reader.fields["tokenizer.chat_template"].contents()
    modelfile = (tmp_path / "g" / "Modelfile").read_text()
    assert modelfile.startswith(f"FROM ./run-{quant}.gguf\n")
    assert 'PARAMETER stop "<|end|>"' in modelfile


def test_gemma3_is_read_back_with_the_same_logits(tiny, tmp_path):
    """Its own tokenizer's kind is not trained here: the weights alone."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tiny.make(tmp_path / "gemma", "gemma3", num_hidden_layers=6, head_dim=256, query_pre_attn_scalar=256)
    check_architecture(folder)
    chat = Chat.bind("alpaca", AutoTokenizer.from_pretrained(folder))
    write_gguf(folder, tmp_path / "g.gguf", "f16", "tiny", chat)
    with quiet_transformers():
        ours = AutoModelForCausalLM.from_pretrained(folder)
        theirs = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="g.gguf", dtype=torch.float32)
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    with torch.inference_mode():
        assert torch.allclose(ours(input_ids=ids).logits, theirs(input_ids=ids).logits, atol=2e-3)


def test_q8_0_is_what_its_definition_says(tiny, tmp_path):
    from transformers import AutoTokenizer

    folder = tiny("llama")
    write_gguf(folder, tmp_path / "g.gguf", "q8_0", "tiny", Chat.bind("alpaca", AutoTokenizer.from_pretrained(folder)))
    (found,) = [t for t in gguf.GGUFReader(tmp_path / "g.gguf").tensors if t.name == "blk.0.ffn_up.weight"]
    from safetensors.numpy import load_file

    true = load_file(folder / "model.safetensors")["model.layers.0.mlp.up_proj.weight"].reshape(-1, 32)
    blocks = np.asarray(found.data).reshape(-1, 34)  # a scale of 16 bits, then 32 whole numbers of 8
    scales = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    steps = blocks[:, 2:].view(np.int8)
    assert np.allclose(scales[:, 0], abs(true).max(axis=1) / 127, rtol=1e-3)
    assert (abs(steps * scales - true) <= (0.5 + 127 / 2**11) * scales + 1e-6).all()


@pytest.mark.parametrize("architecture", ["gpt2", "gemma2"])
def test_other_architectures_are_refused_by_name(tiny, architecture):
    with pytest.raises(RequestError, match=r"is not written here, only .* convert_hf_to_gguf.py"):
        check_architecture(tiny(architecture))


def test_what_llama_cpp_does_not_do_is_refused(tiny, tmp_path):
    folder = tiny.make(tmp_path / "gemma", "gemma3", query_pre_attn_scalar=8)
    with pytest.raises(RequestError, match="another scale of attention"):
        check_architecture(folder)


def test_scores_put_merges_in_their_order():
    model = {"merges": [["a", "b"], ["b", "c"], ["ab", "c"], ["a", "bc"]]}
    assert _scores(model, ["a", "ab", "bc", "abc"]) == [0, 0, -1, -2]
