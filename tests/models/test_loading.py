"""Models by name: what is loaded, and what is refused in one sentence."""

from __future__ import annotations

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from heedful.errors import ModelError
from heedful.models.loading import load_model, load_tokenizer

IDS = torch.arange(1, 9)[None]


@pytest.fixture
def copy(tiny, tmp_path) -> Path:
    return Path(shutil.copytree(tiny("llama"), tmp_path / "model"))


def refused(name: object, *loaders, **options) -> str:
    """The sentence with which loading the model, and its tokenizer alone, is refused."""
    said = ""
    for loader in loaders or (load_model, load_tokenizer):
        with pytest.raises(ModelError) as error:
            loader(str(name), **options)
        said = str(error.value)
        assert "\n" not in said
        assert said.startswith("model '")
    return said


def edit(path: Path, **changes) -> None:
    value = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in value.items() if v is not ...}))


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen3", "gemma3", "gemma2"])
def test_a_folder_is_loaded_as_transformers_does(tiny, architecture):
    folder = tiny(architecture)
    loaded = load_model(str(folder))
    assert not loaded.model.training
    assert loaded.model.dtype == torch.float32
    own = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert torch.equal(loaded.model(IDS).logits, own(IDS).logits)
    facts = loaded.describe()
    assert facts["architecture"] == type(own).__name__
    assert facts["parameters"] == own.num_parameters()
    assert len(facts["sha256"]) == 64


def test_the_hash_follows_the_weights(copy):
    before = load_model(str(copy)).sha256
    weights = load_file(copy / "model.safetensors")
    weights["lm_head.weight"][0, 0] += 1
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert load_model(str(copy)).sha256 != before


def test_types_and_devices(tiny):
    assert load_model(f"hf:{tiny('llama')}", torch.bfloat16, "cpu", "eager").model.dtype == torch.bfloat16


def test_a_folder_without_config(copy):
    (copy / "config.json").unlink()
    assert "has no config.json" in refused(copy)


def test_a_folder_with_a_broken_config(copy):
    (copy / "config.json").write_text('{"model_type": ')
    assert "cannot be loaded" in refused(copy)


def test_an_unknown_architecture(copy):
    edit(copy / "config.json", model_type="nonesuch", architectures=["Nonesuch"])
    assert "cannot be loaded" in refused(copy, load_model)


def test_a_folder_without_tokenizer(copy):
    for path in copy.glob("*token*"):
        path.unlink()
    assert "tokenizer" in refused(copy)


def test_a_broken_tokenizer(copy):
    (copy / "tokenizer.json").write_text("{}")
    assert "tokenizer" in refused(copy)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "consolidated.00.pth", "weights.ckpt"])
def test_pickled_weights_are_refused(copy, name):
    torch.save(load_file(copy / "model.safetensors"), copy / name)
    (copy / "model.safetensors").unlink()
    assert f"{name} is pickled and could run any code" in refused(copy)


def test_pickled_weights_beside_safetensors_are_not_read(copy):
    (copy / "pytorch_model.bin").write_bytes(b"anything")
    load_model(str(copy))


def test_a_folder_without_weights(copy):
    (copy / "model.safetensors").unlink()
    assert "has no *.safetensors weights" in refused(copy)


@pytest.mark.parametrize("damage", ["cut", "header", "empty"])
def test_damaged_safetensors(copy, damage):
    path = copy / "model.safetensors"
    data = path.read_bytes()
    path.write_bytes({"cut": data[: len(data) // 2], "header": b"\xff" * 64 + data[64:], "empty": b""}[damage])
    assert "cannot be loaded" in refused(copy, load_model)


def test_missing_weights_are_not_made_up(copy):
    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"], weights["model.norm.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert "lack model.layers.1.mlp.up_proj.weight and 1 more of its weights" in refused(copy, load_model)


def test_weights_of_another_shape(copy):
    edit(copy / "config.json", intermediate_size=80)
    assert "cannot be loaded" in refused(copy, load_model)


def test_a_tokenizer_larger_than_the_model(tiny, tmp_path):
    folder = tiny.make(tmp_path / "small", "llama", vocab_size=100)
    assert "the two do not belong together" in refused(folder, load_model)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_in_a_repository_is_not_run(copy, file):
    (copy / "evil.py").write_text("raise SystemExit('this code was run')\n")
    if file == "config.json":
        edit(copy / file, auto_map={"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.M"}, model_type="evil")
        loaders = (load_model,)
    else:
        edit(copy / file, auto_map={"AutoTokenizer": ["evil.T", None]}, tokenizer_class="EvilTokenizer")
        loaders = (load_model, load_tokenizer)
    assert "wants to run code of its own; read that code, then add --trust-remote-code" in refused(copy, *loaders)


@pytest.mark.parametrize("name", ["/nowhere", "./nowhere", "a/b/c", "~/nowhere-at-all"])
def test_a_folder_that_is_not_there(name):
    assert "no such folder" in refused(name)


def test_a_file_for_a_folder(copy):
    assert "no such folder" in refused(copy / "config.json")


def test_a_hub_id_without_a_network():
    assert "the hub" in refused("nobody-at-all/nothing")


@pytest.mark.parametrize("name", ["openai:x@http://localhost:1", "scripted:x.jsonl"])
def test_models_without_weights(name):
    assert "has no weights here" in refused(name, load_model)


def test_a_tokenizer_without_padding_gets_its_end_of_text(tiny, tmp_path):
    folder = tiny.make(tmp_path / "m", "llama", tokenizer=tiny.tokenizer(pad=None))
    loaded = load_model(str(folder))
    assert loaded.tokenizer.pad_token_id == loaded.tokenizer.eos_token_id


def test_gguf_files_that_are_none(tmp_path):
    assert "no such file" in refused(f"gguf:{tmp_path}/none.gguf")
    (tmp_path / "text.gguf").write_text("hello")
    assert "not a GGUF file" in refused(f"gguf:{tmp_path}/text.gguf")
    (tmp_path / "cut.gguf").write_bytes(b"GGUF\x03\x00\x00\x00")
    assert "cannot be loaded" in refused(f"gguf:{tmp_path}/cut.gguf")


@pytest.fixture(scope="module")
def qwen3(tiny, tmp_path_factory) -> Path:
    """A tiny Qwen3 with heads of 128, the only size that transformers reads from GGUF."""
    tokenizer = tiny.tokenizer(eos="<|endoftext|>")  # Qwen's own, which transformers adds where it is not
    return tiny.make(tmp_path_factory.mktemp("qwen3"), "qwen3", tokenizer, head_dim=128)


@pytest.fixture(scope="module")
def gguf_file(qwen3, tmp_path_factory) -> Path:
    """That Qwen3 as a GGUF file, its matrices in 8 bits as `llama-quantize` would have them."""
    import gguf
    import numpy as np

    config = json.loads((qwen3 / "config.json").read_text())
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    w = gguf.GGUFWriter(path, "qwen3")
    w.add_block_count(config["num_hidden_layers"])
    w.add_context_length(config["max_position_embeddings"])
    w.add_embedding_length(config["hidden_size"])
    w.add_feed_forward_length(config["intermediate_size"])
    w.add_head_count(config["num_attention_heads"])
    w.add_head_count_kv(config["num_key_value_heads"])
    w.add_key_length(config["head_dim"])
    w.add_value_length(config["head_dim"])
    w.add_rope_freq_base(float(config["rope_parameters"]["rope_theta"]))
    w.add_layer_norm_rms_eps(config["rms_norm_eps"])
    w.add_vocab_size(config["vocab_size"])
    tokenizer = json.loads((qwen3 / "tokenizer.json").read_text())
    vocabulary = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get)
    special = {t["content"] for t in tokenizer["added_tokens"]}
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("qwen2")
    w.add_token_list(vocabulary)
    w.add_token_types([3 if t in special else 1 for t in vocabulary])
    w.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]])
    w.add_eos_token_id(0)
    w.add_pad_token_id(1)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, config["num_hidden_layers"])
    for name, value in load_file(qwen3 / "model.safetensors").items():
        target = names.get_name(name, try_suffixes=(".weight",))
        assert target, name
        array = value.numpy().astype(np.float32)
        if array.ndim == 2 and array.shape[1] % 32 == 0:
            kind = gguf.GGMLQuantizationType.Q8_0
            w.add_tensor(target, gguf.quants.quantize(array, kind), raw_dtype=kind)
        else:
            w.add_tensor(target, array)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    return path


def test_a_gguf_file(qwen3, gguf_file, tmp_path, monkeypatch):
    loaded = load_model(f"gguf:{gguf_file}")
    own = load_model(str(qwen3))
    assert loaded.notes == ("weights dequantised from a GGUF file",)
    assert loaded.model.dtype == torch.float32
    difference = (loaded.model(IDS).logits - own.model(IDS).logits).abs().max()
    assert 0 < difference < 0.02, "8-bit weights: near, not the same"
    text = "Say red and cat in line 5. 日本"  # Qwen's tokenizer keeps digits apart, so the ids are not those of ours
    assert loaded.tokenizer.decode(loaded.tokenizer.encode(text)) == text
    assert loaded.tokenizer.eos_token_id == own.tokenizer.eos_token_id
    loaded.model.save_pretrained(tmp_path / "saved")
    monkeypatch.chdir(gguf_file.parent)
    assert load_model("gguf:tiny.gguf").sha256 == loaded.sha256


def test_a_gguf_file_that_was_cut_short(gguf_file, tmp_path):
    data = gguf_file.read_bytes()
    for share in (0.1, 0.5, 0.95):
        path = tmp_path / f"{share}.gguf"
        path.write_bytes(data[: int(len(data) * share)])
        assert "cannot be loaded" in refused(f"gguf:{path}", load_model)


def test_a_run_by_step(tiny, tiny_run):
    models = {d: load_model(f"run:{tiny_run}{d}") for d in ("", "@base", "@step=0", "@step=3", "@step=12")}
    logits = {d: m.model(IDS).logits for d, m in models.items()}
    base = load_model(str(tiny("llama"))).model(IDS).logits
    assert torch.equal(logits["@base"], base)
    torch.testing.assert_close(logits["@step=0"], base)
    assert not torch.allclose(logits["@step=3"], logits["@step=12"], atol=1e-5)
    best = json.loads((tiny_run / "manifest.json").read_text())["outcome"]["best_step"]
    torch.testing.assert_close(logits[""], load_model(f"run:{tiny_run}@step={best}").model(IDS).logits)
    assert models["@step=3"].tokenizer.chat_template == models["@base"].tokenizer.chat_template
    assert models["@step=3"].tokenizer.chat_template
    assert models[""].tokenizer.chat_template == models["@base"].tokenizer.chat_template
    assert load_model(str(tiny_run)).sha256 == models[""].sha256


def test_a_step_that_is_not_kept(tiny_run):
    assert "only of 0, 3, 6, 9, 12" in refused(f"run:{tiny_run}@step=7", load_model)


def test_a_run_without_a_model_yet(tiny_run, tmp_path):
    (tmp_path / "manifest.json").write_text((tiny_run / "manifest.json").read_text())
    assert "has no model yet; finish it with" in refused(f"run:{tmp_path}")
    manifest = json.loads((tiny_run / "manifest.json").read_text())
    del manifest["model"]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert "no model" in refused(f"run:{tmp_path}@base")
    del manifest["template"]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert "no model" in refused(f"run:{tmp_path}@step=3")


def test_the_checkpoint_of_another_model(tiny, tiny_run, tmp_path):
    """Of a like shape, even: its matrices would fit and say nothing."""
    run = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    manifest = json.loads((run / "manifest.json").read_text())
    edit(run / "manifest.json", recipe=manifest["recipe"] | {"model": str(tiny("qwen3"))})
    assert "are not those that the run began with" in refused(f"run:{run}@step=3", load_model)
    edit(run / "manifest.json", recipe=manifest["recipe"] | {"lora_rank": 2})
    with pytest.raises(ModelError, match="the checkpoint does not fit the model"):
        load_model(f"run:{run}@step=3")


def test_two_threads_load_at_once(tiny, tmp_path):
    """As two models of an arena, first asked by one question: without a lock a tied head was taken for missing."""
    folders = [tiny.make(tmp_path / name, "llama", tie_word_embeddings=True) for name in "ab"]
    start = threading.Barrier(2)

    def load(folder: Path) -> bool:
        start.wait()
        model = load_model(f"hf:{folder}").model
        return model.get_output_embeddings().weight is model.get_input_embeddings().weight

    with ThreadPoolExecutor(2) as pool:
        for _ in range(8):
            assert list(pool.map(load, folders)) == [True, True]
