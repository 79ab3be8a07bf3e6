"""The forms for llama.cpp and Ollama: written, then compared in llama.cpp itself or, without it, read back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from heedful.export.gguf_file import check_keys, write_gguf
from heedful.export.hard_texts import composes
from heedful.export.llama_runtime import INSTALL, VARIABLE, check_in
from heedful.export.ollama import modelfile
from heedful.export.quantize import quantize
from heedful.export.verify import LLAMA_CPP, READ_BACK, Check, Reference, compare
from heedful.store import write_text

if TYPE_CHECKING:
    from heedful.chat import Chat
    from heedful.export.kinds import Plan

Say = Callable[[str], None]
NOT_RUN = (
    "it was read back by transformers' reader of GGUF; llama.cpp itself was not run, since there is no "
    f"llama-cpp-python here ({INSTALL}; or name a Python that has it with --llama-python or {VARIABLE})"
)
COMPOSED = "llama.cpp does not compose characters (NFC) as this tokenizer does: give it composed text"


def write_for_llama_cpp(plan: Plan, folder: Path, reference: Reference, say: Say) -> tuple[list[Check], str, list[str]]:
    """One GGUF file in the folder, compared."""
    from heedful.chat import Chat
    from heedful.models.loading import load_tokenizer

    target = folder / gguf_name(plan)
    chat = Chat.bind("model", load_tokenizer(f"run:{plan.source.run.path}"))
    notes = _write(plan, folder, target, chat, say)
    check_keys(target, chat)
    if composes(chat.tokenizer):
        notes.append(COMPOSED)
    if plan.runtime is not None:
        say(f"Asking the GGUF in {plan.runtime}")
        limits = LLAMA_CPP[plan.quant]
        check = check_in(plan.runtime, target, plan.source, reference, chat, plan.quant, limits)
    else:
        say("Reading the GGUF back and comparing")
        check, notes = _read_back(plan, target, reference), [*notes, NOT_RUN]
    use = f"With llama.cpp: `llama-server -m {target.name}` or `llama-cli -m {target.name}`; the template is inside."
    return [check], use, notes


def write_for_ollama(plan: Plan, folder: Path, reference: Reference, say: Say) -> tuple[list[Check], str, list[str]]:
    """The same with a Modelfile."""
    from heedful.models.loading import load_tokenizer

    checks, _, notes = write_for_llama_cpp(plan, folder, reference, say)
    template = plan.source.manifest["template"]
    tokenizer = load_tokenizer(f"run:{plan.source.run.path}")
    stops = [str(template["stop_token"]), str(tokenizer.eos_token)]
    text, more = modelfile(gguf_name(plan), str(template["text"]), stops[0], stops)
    write_text(folder / "Modelfile", text)
    use = "With Ollama, in this folder: `ollama create NAME -f Modelfile`, then `ollama run NAME`."
    return checks, use, [*notes, *more, "Ollama itself was not run"]


def gguf_name(plan: Plan) -> str:
    """The file's name: the run's with what is no sign of a file name taken out, and the quantisation."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", plan.source.name).strip("-.") or "model"
    return f"{safe}-{plan.quant}.gguf"


def _write(plan: Plan, folder: Path, target: Path, chat: Chat, say: Say) -> list[str]:
    model, name = plan.source.run.model, plan.source.name
    if plan.quantizer is None:
        write_gguf(model, target, plan.quant, name, chat)
        return []
    whole = folder / ".f16.gguf"
    write_gguf(model, whole, "f16", name, chat)
    say(f"Making {plan.quant} of it")
    note = quantize(plan.quantizer, whole, target, plan.quant)
    whole.unlink()
    return [note]


def _read_back(plan: Plan, target: Path, reference: Reference) -> Check:
    """The file as transformers' reader of GGUF has it, dequantised to float32."""
    import torch
    from transformers import AutoModelForCausalLM

    from heedful.chat import Chat
    from heedful.models.loading import load_tokenizer
    from heedful.models.quiet import quiet_transformers

    with quiet_transformers():
        model = AutoModelForCausalLM.from_pretrained(
            str(target.parent), gguf_file=target.name, dtype=torch.float32, local_files_only=True
        )
    own = Chat.bind("model", load_tokenizer(f"gguf:{target}"))
    prompts = [own.prompt_ids(e.prompt, e.tools) for e in plan.source.questions]
    by = f"transformers, from the GGUF ({plan.quant})"
    return compare(reference, by, model.eval(), prompts, READ_BACK.get(plan.quant, LLAMA_CPP[plan.quant]))
