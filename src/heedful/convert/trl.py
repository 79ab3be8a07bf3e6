"""TRL's SFTConfig, ModelConfig and ScriptArguments as `trl sft --config` reads them, in YAML or JSON.

https://huggingface.co/docs/trl/sft_trainer and https://huggingface.co/docs/trl/clis.
"""

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
    places,
    steps_or_none,
    whole,
    yes,
)


def _dataset(value: Any, _: Fields) -> Any:
    if not isinstance(value, str) or not value:
        raise Left("it is no name of a data set; set data")
    return [data_file(value)]


def _template(value: Any, _: Fields) -> Any:
    if isinstance(value, str) and value.endswith((".jinja", ".jinja2", ".j2")):
        return value
    raise Left("a model whose template is taken: write that template into a .jinja file and set template")


RULES = (
    Rule("model_name_or_path", "model", value=model),
    Rule("trust_remote_code", "trust_remote_code", value=yes),
    Rule("dataset_name", "data", value=_dataset),
    Rule("chat_template_path", "template", value=_template),
    Rule("max_length", "max_length", value=whole),
    Rule("max_seq_length", "max_length", value=whole),
    Rule("packing", "packing", "packed rows never see each other here", yes),
    Rule("assistant_only_loss", "train_on", value=one_of({True: "answers", False: None}, "set train_on")),
    Rule("completion_only_loss", "train_on", "of a conversation, the last answer alone",
         one_of({True: "last-answer", False: "everything", None: None}, "set train_on")),
    Rule("use_peft", "tuning", value=one_of({True: "lora", False: "full"}, "set tuning")),
    Rule("lora_r", "lora_rank", value=whole),
    Rule("lora_alpha", "lora_alpha", value=number),
    Rule("lora_dropout", "lora_dropout", value=number),
    Rule("lora_target_modules", "lora_targets", value=layers),
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
    Rule("attn_implementation", "attention", value=ATTENTION),
    Rule("gradient_checkpointing", "gradient_checkpointing", value=yes),
    Rule("eval_steps", "eval_every", value=whole),
    Rule("report_to", "track", value=places),
    Rule("seed", "seed", value=whole),
    Rule("optim", None, value=adamw),
    *(Rule(name, None, value=off_only("weights are not quantised while training here"))
      for name in ("load_in_4bit", "load_in_8bit")),
    Rule("fp16", None, value=off_only("precision is fp32 or bf16 here")),
    *(Rule(name, None, value=off_only("several devices are started by `accelerate launch`, see docs/scaling.md"))
      for name in ("deepspeed", "fsdp", "fsdp_config")),
    *left("set warmup_steps: the number of steps", "warmup_ratio"),
    *left("name the split's file in data, or hub:NAME", "dataset_train_split", "dataset_test_split", "dataset_config"),
    *left("a template says how an answer ends: set template", "eos_token"),
    *left("precision says it for the whole run", "dtype", "torch_dtype"),
    *needless("the run's folder is named by --out", "output_dir", "overwrite_output_dir", "run_name"),
    *needless("the best weights are kept; keep_checkpoints keeps more", "save_steps", "save_strategy",
              "save_total_limit"),
    *needless("every step is logged", "logging_steps", "logging_strategy", "logging_first_step"),
    *needless("it changes nothing that is learnt", "do_train", "do_eval", "dataset_num_proc", "dataloader_num_workers",
              "eval_strategy", "per_device_eval_batch_size", "gradient_checkpointing_kwargs", "push_to_hub", "tf32"),
    *needless("say --resume", "resume_from_checkpoint"),
)  # fmt: skip


def prepare(fields: dict[str, Any]) -> dict[str, Any]:
    """Adapters drop a twentieth of their inputs where nothing else is said."""
    return {"lora_dropout": 0.05, **fields} if fields.get("use_peft") is True else fields


def warn(fields: Fields) -> list[str]:
    """What TRL decides by the kind of the rows."""
    if fields.get("assistant_only_loss") is True or fields.get("completion_only_loss") is not None:
        return []
    return [
        "with no word on it, TRL trains all tokens of a conversation in messages and only the answers of rows with "
        "prompt and completion; here answers are trained: set train_on: everything for the other"
    ]


TRL = Program(
    "TRL",
    ("use_peft", "dataset_name", "assistant_only_loss", "completion_only_loss", "max_seq_length", "max_length",
     "lora_target_modules", "dataset_train_split"),
    RULES,
    TRAINER_DEFAULTS
    | {"tuning": "full", "epochs": 3, "seed": 42, "max_length": 1024, "overlong": "truncate-answer",
       "schedule": "linear", "learning_rate": 2e-5, "gradient_checkpointing": True, "precision": "bf16"},
    (("per_device_train_batch_size", 8), ("gradient_accumulation_steps", 1)),
    prepare,
    warn,
)  # fmt: skip
