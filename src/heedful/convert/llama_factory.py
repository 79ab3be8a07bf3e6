"""LLaMA-Factory's YAML or JSON: https://llamafactory.readthedocs.io/en/latest/advanced/arguments.html."""

from __future__ import annotations

from typing import Any

from heedful.convert.rules import Fields, Left, Program, Rule, left, needless
from heedful.convert.values import (
    ATTENTION,
    SCHEDULES,
    TRAINER_DEFAULTS,
    adamw,
    data_file,
    half,
    layers,
    model,
    number,
    off_only,
    one_of,
    only,
    places,
    share_for_validation,
    steps_or_none,
    whole,
    yes,
)


def _dataset(value: Any, fields: Fields) -> Any:
    names = [n.strip() for n in value.split(",")] if isinstance(value, str) else list(value or ())
    made = [data_file(n) for n in names]
    strange = next((n for n in made if "/" not in n and "." not in n), None)
    if not made or strange:
        raise Left(f"the name {strange!r} is explained in dataset_info.json; set data to its files")
    return made


TEMPLATES = {
    "llama3": "llama3",
    "qwen": "chatml",
    "chatml": "chatml",
    "gemma": "gemma",
    "phi": "phi3",
    "alpaca": "alpaca",
}

RULES = (
    Rule("model_name_or_path", "model", value=model),
    Rule("trust_remote_code", "trust_remote_code", value=yes),
    Rule("stage", None, value=only("sft", "only supervised fine-tuning (sft) is done here")),
    Rule("dataset", "data", value=_dataset),
    Rule("template", "template", "look at a row: `heedful data show`; a default system text is left out here",
         one_of(TEMPLATES, "set template to a built-in one or a .jinja file, or model for the model's own")),
    Rule("cutoff_len", "max_length", value=whole),
    Rule("max_samples", "limit", value=whole),
    Rule("val_size", "split", "here there may be a test part, too: its questions are answered before and after",
         share_for_validation),
    Rule("packing", "packing", "packed rows never see each other here, as with their neat_packing", yes),
    Rule("neat_packing", "packing", value=yes),
    Rule("train_on_prompt", "train_on", value=one_of({False: "answers", True: "everything"}, "set train_on")),
    Rule("mask_history", "train_on", value=lambda v, f: "last-answer" if v is True else None),
    Rule("finetuning_type", "tuning", value=one_of({"lora": "lora", "full": "full"}, "set tuning to lora or full")),
    Rule("lora_rank", "lora_rank", value=whole),
    Rule("lora_alpha", "lora_alpha", value=number),
    Rule("lora_dropout", "lora_dropout", value=number),
    Rule("lora_target", "lora_targets", value=layers),
    Rule("num_train_epochs", "epochs", value=whole),
    Rule("max_steps", "max_steps", value=steps_or_none),
    Rule("per_device_train_batch_size", "micro_batch_size", value=whole),
    Rule("gradient_accumulation_steps", "batch_size", "rows a step are counted over all devices here"),
    Rule("learning_rate", "learning_rate", value=number),
    Rule("lr_scheduler_type", "schedule", value=SCHEDULES),
    Rule("warmup_steps", "warmup_steps", value=whole),
    Rule("weight_decay", "weight_decay", "norms and biases have none here", number),
    Rule("max_grad_norm", "max_grad_norm", value=number),
    Rule("bf16", "precision", value=half),
    Rule("flash_attn", "attention", value=ATTENTION),
    Rule("disable_gradient_checkpointing", "gradient_checkpointing", value=lambda v, f: v is not True),
    Rule("eval_steps", "eval_every", value=whole),
    Rule("report_to", "track", value=places),
    Rule("seed", "seed", value=whole),
    Rule("optim", None, value=adamw),
    Rule("quantization_bit", None, value=off_only("weights are not quantised while training here")),
    Rule("fp16", None, value=off_only("precision is fp32 or bf16 here")),
    Rule("deepspeed", None, value=off_only("several devices are started by `accelerate launch`, see docs/scaling.md")),
    Rule("pure_bf16", None, value=off_only("plain 16-bit weights lose small updates, so full tuning keeps 32 bits")),
    *left("set warmup_steps: the number of steps", "warmup_ratio"),
    *left("set split: train=FILE,val=FILE", "eval_dataset"),
    *left("name the adapter's run as model: run:DIR", "adapter_name_or_path"),
    *needless("the run's folder is named by --out", "output_dir", "overwrite_output_dir"),
    *needless("the best weights are kept; keep_checkpoints keeps more", "save_steps", "save_strategy",
              "save_total_limit", "save_only_model"),
    *needless("every step is logged", "logging_steps", "plot_loss"),
    *needless("it changes nothing that is learnt", "do_train", "do_eval", "overwrite_cache",
              "preprocessing_num_workers", "dataloader_num_workers", "ddp_timeout", "eval_strategy",
              "per_device_eval_batch_size", "dataset_dir"),
    *needless("say --resume", "resume_from_checkpoint"),
)  # fmt: skip


def prepare(fields: dict[str, Any]) -> dict[str, Any]:
    """Their adapters' scale is twice the rank where nothing else is said."""
    rank = fields.get("lora_rank", 8)
    lora = fields.get("finetuning_type", "lora") == "lora"
    more = {"lora_alpha": 2 * rank} if lora and isinstance(rank, int) and fields.get("lora_alpha") is None else {}
    return {**fields, **more}


LLAMA_FACTORY = Program(
    "LLaMA-Factory",
    ("stage", "finetuning_type", "cutoff_len", "template", "dataset_dir"),
    RULES,
    TRAINER_DEFAULTS
    | {"tuning": "lora", "epochs": 3, "seed": 42, "max_length": 2048, "overlong": "truncate-answer", "lora_rank": 8,
       "learning_rate": 5e-5, "schedule": "linear", "gradient_checkpointing": True},
    (("per_device_train_batch_size", 8), ("gradient_accumulation_steps", 1)),
    prepare,
)  # fmt: skip
