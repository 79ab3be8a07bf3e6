"""Axolotl's YAML: https://docs.axolotl.ai/docs/config-reference.html."""

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
    share_for_validation,
    steps_or_none,
    whole,
    yes,
)

QUANTISED = "weights are not quantised while training here; leave memory by gradient_checkpointing and micro_batch_size"
SPREAD = "several devices are started by `accelerate launch`, see docs/scaling.md"


def _datasets(value: Any, _: Fields) -> Any:
    files = []
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, dict) or not isinstance(one.get("path"), str):
            raise Left("a data set without a path; set data")
        inside = one.get("data_files")
        if one["path"] in ("json", "csv", "parquet") and inside:
            files += [inside] if isinstance(inside, str) else list(inside)
        else:
            files.append(data_file(one["path"]))
    return files


def prepare(fields: dict[str, Any]) -> dict[str, Any]:
    """Each data set's own fields beside the file's, as `datasets.NAME`; `type: alpaca` names a template, too."""
    sets = fields.get("datasets")
    out = dict(fields)
    for one in sets if isinstance(sets, list) else ():
        for key, value in one.items() if isinstance(one, dict) else ():
            if key not in ("path", "data_files"):
                out.setdefault(f"datasets.{key}", value)
    return out


def _type(value: Any, fields: Fields) -> Any:
    if value == "alpaca":
        return "alpaca-stanford"
    if value == "chat_template":
        return None  # said by chat_template
    raise Left(
        f"the prompt of type {value!r} has no like here; set template, or format where the rows are of no known one"
    )


TEMPLATES = {
    "tokenizer_default": "model", "chatml": "chatml", "llama3": "llama3", "gemma": "gemma", "phi_3": "phi3",
    "alpaca": "alpaca-stanford",
}  # fmt: skip

RULES = (
    Rule("base_model", "model", value=model),
    Rule("trust_remote_code", "trust_remote_code", value=yes),
    Rule("datasets", "data", value=_datasets),
    Rule("datasets.type", "template", "look at a row: `heedful data show`; white space may differ", _type),
    Rule("chat_template", "template", "look at a row: `heedful data show`",
         one_of(TEMPLATES, "set template to a built-in one or a .jinja file")),
    Rule("val_set_size", "split", "here there may be a test part, too: its questions are answered before and after",
         share_for_validation),
    Rule("sequence_len", "max_length", value=whole),
    Rule("excess_length_strategy", "overlong", value=one_of({"drop": "drop", "truncate": "truncate"}, "set overlong")),
    Rule("sample_packing", "packing", "packed rows never see each other here", yes),
    Rule("train_on_inputs", "train_on", value=one_of({False: "answers", True: "everything"}, "set train_on")),
    Rule("adapter", "tuning", "a qlora's base is not quantised here",
         one_of({"lora": "lora", "qlora": "lora", None: "full", "": "full"}, "set tuning to lora or full"),
         noted_for=("qlora",)),
    Rule("lora_r", "lora_rank", value=whole),
    Rule("lora_alpha", "lora_alpha", value=number),
    Rule("lora_dropout", "lora_dropout", value=number),
    Rule("lora_target_modules", "lora_targets", value=layers),
    Rule("lora_target_linear", "lora_targets", value=lambda v, f: "all-linear" if v is True else None),
    Rule("num_epochs", "epochs", value=whole),
    Rule("max_steps", "max_steps", value=steps_or_none),
    Rule("micro_batch_size", "micro_batch_size", value=whole),
    Rule("gradient_accumulation_steps", "batch_size", "rows a step are counted over all devices here"),
    Rule("learning_rate", "learning_rate", value=number),
    Rule("lr_scheduler", "schedule", value=SCHEDULES),
    Rule("warmup_steps", "warmup_steps", value=whole),
    Rule("weight_decay", "weight_decay", "norms and biases have none here", number),
    Rule("max_grad_norm", "max_grad_norm", value=number),
    Rule("bf16", "precision", value=half),
    Rule("gradient_checkpointing", "gradient_checkpointing", value=yes),
    Rule("flash_attention", "attention", value=lambda v, f: "flash_attention_2" if v is True else None),
    Rule("attn_implementation", "attention", value=ATTENTION),
    Rule("eval_steps", "eval_every", value=whole),
    Rule("early_stopping_patience", "patience", value=whole),
    Rule("seed", "seed", value=whole),
    Rule("wandb_project", "track", "only that metrics go there: the project's name is left",
         lambda v, f: ["wandb"] if v else None),
    Rule("optimizer", None, value=adamw),
    *(Rule(name, None, value=off_only(QUANTISED)) for name in ("load_in_8bit", "load_in_4bit")),
    Rule("fp16", None, value=off_only("precision is fp32 or bf16 here")),
    *left("set warmup_steps: the number of steps", "warmup_ratio"),
    *left("set eval_every: a number of steps, or auto", "evals_per_epoch"),
    *left("set split: train=FILE,val=FILE", "test_datasets"),
    *(Rule(name, None, value=off_only(SPREAD)) for name in ("deepspeed", "fsdp", "fsdp_config")),
    *needless("the run's folder is named by --out", "output_dir"),
    *needless("found in the model itself", "model_type", "tokenizer_type", "strict", "is_llama_derived_model"),
    *needless("rows of like length go together, and padding costs nothing", "pad_to_sequence_len", "group_by_length"),
    *needless("the best weights are kept; keep_checkpoints keeps more", "saves_per_epoch", "save_steps",
              "save_strategy", "save_total_limit"),
    *needless("every step is logged", "logging_steps"),
    *needless("it changes nothing that is learnt", "dataset_prepared_path", "tf32", "gradient_checkpointing_kwargs",
              "local_rank", "wandb_entity", "wandb_watch", "wandb_name", "wandb_log_model", "xformers_attention"),
    *needless("say --resume", "resume_from_checkpoint", "auto_resume_from_checkpoints"),
)  # fmt: skip

AXOLOTL = Program(
    "Axolotl",
    ("base_model", "datasets", "sequence_len", "micro_batch_size", "val_set_size"),
    RULES,
    TRAINER_DEFAULTS | {"tuning": "full", "epochs": 1, "seed": 42, "max_length": 512, "schedule": "cosine"},
    (("micro_batch_size", 1), ("gradient_accumulation_steps", 1)),
    prepare,
)
