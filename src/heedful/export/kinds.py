"""The forms in which a run's model is exported, each written into a new folder, loaded again and compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heedful.errors import RequestError
from heedful.export.as_gguf import write_for_llama_cpp, write_for_ollama
from heedful.export.card import model_card
from heedful.export.folder import check_new, check_room, copy_files, new_folder
from heedful.export.gguf_file import check_architecture
from heedful.export.hub import check_repo, upload
from heedful.export.licence import base_of
from heedful.export.llama_runtime import Runtime, find_runtime
from heedful.export.quantize import BY_LLAMA_CPP, Quantizer, find_quantizer
from heedful.export.source import Source, read_source
from heedful.export.verify import LIMITS, Check, Reference, compare, need, reference_of
from heedful.models.packaged import file_sha256
from heedful.store import read_json, write_json, write_text

GGUF_KINDS = ("gguf", "ollama")
KINDS = ("hf", "adapter", "gguf", "ollama", "hub")
# What other programs need beside the weights to ask as it was trained.
TOKENIZER_FILES = (
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template*",
    "vocab.*",
    "merges.txt",
)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What will be exported where, and how many bytes that needs at most.

    `runtime` compares a GGUF where there is one, `quantizer` makes the smaller ones.
    """

    source: Source
    kind: str
    out: Path
    needed: int
    quant: str = "f16"
    repo: str | None = None
    public: bool = False
    runtime: Runtime | None = None
    quantizer: Quantizer | None = None


@dataclass(frozen=True)
class Export:
    """What was exported: the folder, its files with sizes and hashes, the comparisons, what a user must know."""

    plan: Plan
    files: dict[str, dict[str, Any]]
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = field(default=())
    url: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": "heedful.export/1", "run": self.plan.source.name, "to": self.plan.kind,
            "out": str(self.plan.out), "quant": self.plan.quant if self.plan.kind in GGUF_KINDS else None,
            "files": self.files, "checks": [c.to_json() for c in self.checks],
            "notes": list(self.notes), "url": self.url,
        }  # fmt: skip


def plan_export(
    run: str,
    kind: str,
    out: Path,
    questions: int,
    quant: str = "f16",
    repo: str | None = None,
    public: bool = False,
    llama_python: str | None = None,
    llama_quantize: str | None = None,
) -> Plan:
    """Find every mistake that needs no model; the hub is asked nothing."""
    if kind == "hub":
        repo = check_repo(repo)
    source = read_source(run, questions)
    check_new(out)
    runtime = quantizer = None
    if kind in GGUF_KINDS:
        runtime = find_runtime(llama_python)
        quantizer = find_quantizer(llama_quantize, quant, runtime) if quant in BY_LLAMA_CPP else None
        check_architecture(source.run.model, runtime is not None)
    if kind == "adapter" and not (source.run.adapter / "adapter_config.json").is_file():
        raise RequestError(
            f"{source.run.path}: the run trained all weights and has no adapter; export the model with --to hf"
        )
    files = _files_of(source, kind)
    needed = sum(f.stat().st_size for f in files) * (2 if quantizer else 1)  # the 16-bit file stands beside for a while
    check_room(out, needed)
    return Plan(source, kind, out, needed, quant, repo, public, runtime, quantizer)


def _files_of(source: Source, kind: str) -> list[Path]:
    """The files of a run that an export copies."""
    if kind != "adapter":  # a GGUF is no larger than what it is made from
        return sorted(f for f in source.run.model.iterdir() if f.is_file() and f.name != "README.md")
    beside = {f for pattern in TOKENIZER_FILES for f in source.run.model.glob(pattern)}
    own = [source.run.adapter / "adapter_config.json", source.run.adapter / "adapter_model.safetensors"]
    return [*own, *sorted(beside)]


def export(plan: Plan, say: Say = lambda _: None) -> Export:
    """Write, load again, compare; the folder appears when all of it held."""
    say(f"Asking the run's model {len(plan.source.questions)} questions ({plan.source.part})")
    reference = reference_of(plan.source, say)
    with new_folder(plan.out) as folder:
        say(f"Writing {plan.out}")
        write = WRITERS[plan.kind]
        checks, use, notes = write(plan, folder, reference, say)
        for check in checks:
            say(need(check).sentence)
        write_text(folder / "README.md", model_card(plan.source, plan.kind, use, checks, notes))
        files = {f.name: {"bytes": f.stat().st_size, "sha256": file_sha256(f)} for f in sorted(folder.iterdir())}
    url = None
    if plan.repo is not None:
        say(f"Uploading to {plan.repo} ({'public' if plan.public else 'private'})")
        url = upload(plan.out, plan.repo, plan.public)
    return Export(plan, files, tuple(checks), tuple(notes), url)


Written = tuple[list[Check], str, list[str]]


def _hf(plan: Plan, folder: Path, reference: Reference, say: Say) -> Written:
    from heedful.chat import Chat
    from heedful.models.loading import load_model

    copy_files(_files_of(plan.source, "hf"), folder)
    say("Loading the copy and comparing")
    trust = bool(plan.source.recipe.get("trust_remote_code"))
    loaded = load_model(f"hf:{folder}", trust_remote_code=trust)
    chat = Chat.bind("model", loaded.tokenizer)
    prompts = [chat.prompt_ids(e.prompt, e.tools) for e in plan.source.questions]
    check = compare(reference, "transformers, from the new folder", loaded.model, prompts, LIMITS["hf"])
    use = (
        "In Python, with transformers:\n\n```py\nfrom transformers import pipeline\n\n"
        'ask = pipeline("text-generation", "THIS-FOLDER")\n'
        'print(ask([{"role": "user", "content": "..."}], return_full_text=False))\n```\n\n'
        "In a terminal: `heedful chat THIS-FOLDER`. With vLLM: `vllm serve THIS-FOLDER`."
    )
    return [check], use, []


def _adapter(plan: Plan, folder: Path, reference: Reference, say: Say) -> Written:
    import torch
    from transformers import AutoTokenizer

    from heedful.chat import Chat
    from heedful.models.adapters import merge
    from heedful.models.loading import load_model
    from heedful.models.quiet import quiet_transformers

    source = plan.source
    copy_files(_files_of(source, "adapter"), folder)
    base = base_of(source.recipe)
    config = read_json(folder / "adapter_config.json")
    config["base_model_name_or_path"] = base.name  # not a folder of this machine
    write_json(folder / "adapter_config.json", config)
    say("Loading the base, putting the copy of the adapter on it and comparing")
    from peft import PeftModel

    precision = (source.manifest.get("machine") or {}).get("precision")
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32  # the type in which the run merged it
    trust = bool(source.recipe.get("trust_remote_code"))
    loaded = load_model(f"run:{source.run.path}@base", dtype, trust_remote_code=trust)
    with quiet_transformers():
        adapted = PeftModel.from_pretrained(loaded.model, str(folder), autocast_adapter_dtype=True)
        model = merge(adapted).float().eval()
        tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=trust)
    chat = Chat.bind("model", tokenizer)
    prompts = [chat.prompt_ids(e.prompt, e.tools) for e in source.questions]
    check = compare(reference, "the base with the copy of the adapter (peft)", model, prompts, LIMITS["adapter"])
    note = f"it needs the base's weights with the SHA-256 {source.manifest['model']['sha256'] or '(not known)'}"
    use = (
        "It goes on top of its base, with peft:\n\n```py\nfrom peft import PeftModel\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        'base = AutoModelForCausalLM.from_pretrained("THE-BASE")\n'
        'model = PeftModel.from_pretrained(base, "THIS-FOLDER")\n'
        'tokenizer = AutoTokenizer.from_pretrained("THIS-FOLDER")\n```'
    )
    return [check], use, [note]


WRITERS: dict[str, Callable[[Plan, Path, Reference, Say], Written]] = {
    "hf": _hf,
    "adapter": _adapter,
    "gguf": write_for_llama_cpp,
    "ollama": write_for_ollama,
    "hub": _hf,
}
