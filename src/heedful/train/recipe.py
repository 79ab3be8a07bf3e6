"""The recipe: every setting of a run, with its default, its unit and a sentence on what it does.

A recipe is a flat YAML file. Flags and ``--set key=value`` override the file, the file overrides the preset, the
preset overrides the defaults. All the mistakes of a recipe are told together. ``auto`` values are resolved when the
run begins, and the manifest and the run's ``recipe.yaml`` bear what they became.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from heedful.backends.base import SEED_MAX
from heedful.data.formats import FORMATS, parse_map
from heedful.errors import RecipeError, RequestError, did_you_mean
from heedful.train.mistakes import sentences

Auto = Literal["auto"]


class Recipe(BaseModel):
    """A run's settings. Field descriptions are the comments that ``--print-recipe`` writes."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)

    model: str = Field(
        "pip:gemma3-270m", description="The pretrained model: hf:ID-or-folder, gguf:FILE, pip:NAME or run:DIR."
    )
    data: tuple[str, ...] = Field(
        (), description="Files, folders, globs or hub:owner/name, each perhaps with ::cap=500,weight=2,format=alpaca."
    )
    format: str = Field("auto", description="How a row is read: auto, or the name of a format such as sharegpt.")
    map: dict[str, str] = Field(
        {}, description="Columns of rows that are of no known format: {instruction: question, output: answer}."
    )
    split: str = Field(
        "85/5/10",
        description="Train, val and test: 85/5/10, order:train=935,test=110,val=55, or train=FILE,val=FILE,test=FILE.",
    )
    allow_overlap: bool = Field(
        False, description="Go on although parts of the split share questions; the report says so."
    )
    group_by: str | None = Field(None, description="A column: rows with the same value stay in one part of the split.")
    stratify: str | None = Field(None, description="A column: each part of the split gets its share of every value.")
    against: tuple[str, ...] = Field(
        (), description="Indexes of benchmarks (heedful data index): rows that hold their items are told of."
    )
    limit: int | None = Field(None, ge=1, description="Read at most so many rows; null reads all.")

    template: str = Field(
        "auto",
        description="auto (the model's own, else alpaca), alpaca, alpaca-stanford, phi3, phi3-plain, chatml, llama3, "
        "gemma, model, or a .jinja file.",
    )
    train_on: Literal["answers", "last-answer", "everything"] = Field(
        "answers", description="Which tokens are trained: answers, last-answer, or everything (the question too)."
    )
    max_length: int = Field(1024, ge=8, description="Longest row, in tokens.")
    overlong: Literal["drop", "truncate", "truncate-answer", "error"] = Field(
        "drop",
        description="A longer row is dropped, truncated (oldest turns, then the input; never the answer), "
        "truncate-answer (then the end of its last answer too), or an error.",
    )
    packing: bool = Field(
        False,
        description="Lay the rows of a step end to end in sequences of at most max_length, none seeing another: "
        "the same losses without padding.",
    )

    tuning: Literal["lora", "full"] = Field(
        "lora", description="lora trains small added matrices, full all the weights."
    )
    lora_rank: int = Field(16, ge=1, description="Rank of the added matrices.")
    lora_alpha: float = Field(
        32.0, gt=0, description="Scale: the added product is multiplied by lora_alpha / lora_rank."
    )
    lora_dropout: float = Field(0.0, ge=0, lt=1, description="Share of inputs to the added matrices that is dropped.")
    lora_targets: str = Field(
        "all-linear", description="Layers that get matrices: all-linear, or names separated by commas."
    )

    epochs: int = Field(2, ge=1, description="Passes over the training rows.")
    max_steps: int | None = Field(None, ge=1, description="Stop after so many steps; null for all epochs.")
    batch_size: int = Field(8, ge=1, description="Rows a step, over all processes and accumulation.")
    micro_batch_size: int | None = Field(
        None,
        ge=1,
        description="Rows a forward pass and process; null for all of a step, on a CPU for those of 2,048 tokens "
        "together. Fewer need less memory, same step.",
    )
    learning_rate: float | Auto = Field(
        "auto", description="Highest learning rate; auto is 2e-4 for lora and 2e-5 for full."
    )
    schedule: Literal["auto", "linear", "cosine", "constant"] = Field(
        "auto",
        description="How the learning rate decays after the warm-up; auto is constant where weights are averaged, "
        "else cosine.",
    )
    warmup_steps: int = Field(10, ge=0, description="Steps over which the learning rate rises from 0.")
    weight_decay: float = Field(0.0, ge=0, description="AdamW's decay of matrices (norms and biases have none).")
    average_weights: bool | Auto = Field(
        "auto",
        description="Judge and keep the average of the weights, mostly of the last third of the steps, in place of "
        "the last step's; auto is true for lora.",
    )
    max_grad_norm: float = Field(1.0, gt=0, description="Gradients are scaled down to this norm.")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="auto measures which is faster on this machine."
    )
    engine: Literal["auto", "plain"] = Field(
        "auto",
        description="auto takes Heedful's own forward and backward pass where it is shown to be equal; plain never.",
    )
    gradient_checkpointing: bool = Field(False, description="Compute activations twice to save memory.")
    attention: Literal["sdpa", "eager", "flash_attention_2"] = Field(
        "sdpa", description="transformers' attention implementation."
    )
    device: str = Field("auto", description="auto (a GPU where there is one), cpu, cuda, mps.")

    eval_every: int | Auto = Field(
        "auto",
        description="Steps between losses on all validation rows; auto is a quarter of an epoch. Epochs end with one.",
    )
    patience: int = Field(
        4,
        ge=0,
        description="Stop after so many evaluations in a row without a better validation loss; 0 never stops early.",
    )
    keep_checkpoints: int = Field(
        1, ge=1, description="Newest checkpoints to keep (run:DIR@step=N loads one), besides the best weights."
    )
    samples: int = Field(3, ge=0, description="Validation questions that are answered at every evaluation.")
    sample_tokens: int = Field(48, ge=1, description="New tokens in such an answer, at most.")

    test_questions: int | None = Field(
        None, ge=0, description="Test questions answered before and after; null for all, 0 for none."
    )
    max_new_tokens: int = Field(128, ge=1, description="New tokens in a test answer, at most.")
    response_batch_size: int = Field(64, ge=1, description="Test questions that are answered side by side.")

    seed: int = Field(0, ge=0, le=SEED_MAX, description="For the split, the order of rows and the added matrices.")
    track: tuple[Literal["tensorboard", "trackio", "wandb"], ...] = Field(
        (), description="Where metrics go besides metrics.jsonl."
    )
    trust_remote_code: bool = Field(False, description="Let the model's repository run its own Python code.")

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        allowed = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and allowed is not bool and bool not in get_args(allowed):
            raise ValueError("is neither a number nor text")
        return value

    @field_validator("data", "track", "against", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("map", mode="before")
    @classmethod
    def _columns(cls, value: Any) -> Any:
        if isinstance(value, str):
            try:
                return parse_map(value)
            except RequestError as e:
                raise ValueError(str(e).removeprefix("--map: ")) from None
        return value

    @field_validator("format")
    @classmethod
    def _known_format(cls, value: str) -> str:
        if value != "auto" and value not in FORMATS:
            raise ValueError(f"is no format{did_you_mean(value, FORMATS)}; choose auto, {', '.join(FORMATS)}")
        return value

    @field_validator("eval_every")
    @classmethod
    def _at_least_one(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 1:
            raise ValueError("must be 1 or more")
        return value

    @field_validator("learning_rate")
    @classmethod
    def _positive_rate(cls, value: float | str) -> float | str:
        if isinstance(value, float) and not 0 < value < 1:
            raise ValueError("must lie between 0 and 1")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        if self.micro_batch_size and self.micro_batch_size > self.batch_size:
            raise ValueError(f"micro_batch_size {self.micro_batch_size} is more than batch_size {self.batch_size}")
        return self

    @property
    def rate(self) -> float:
        """The highest learning rate, with ``auto`` resolved."""
        if self.learning_rate != "auto":
            return float(self.learning_rate)
        return 2e-4 if self.tuning == "lora" else 2e-5

    @property
    def averages(self) -> bool:
        """Whether weights are averaged, with ``auto`` resolved."""
        return self.tuning == "lora" if self.average_weights == "auto" else bool(self.average_weights)

    @property
    def decay(self) -> Literal["linear", "cosine", "constant"]:
        """The schedule, with ``auto`` resolved."""
        if self.schedule != "auto":
            return self.schedule
        return "constant" if self.averages else "cosine"

    def to_json(self) -> dict[str, Any]:
        """The recipe as JSON values."""
        return self.model_dump(mode="json")


PRESETS: dict[str, dict[str, Any]] = {
    "laptop-cpu": {"tuning": "lora", "batch_size": 8, "max_length": 512, "device": "cpu", "max_new_tokens": 64},
    "one-gpu-lora": {
        "tuning": "lora",
        "batch_size": 32,
        "micro_batch_size": 8,
        "max_length": 2048,
        "precision": "bf16",
        "device": "cuda",
        "response_batch_size": 64,
    },
    "one-gpu-full": {
        "tuning": "full",
        "batch_size": 32,
        "micro_batch_size": 4,
        "max_length": 2048,
        "precision": "bf16",
        "gradient_checkpointing": True,
        "device": "cuda",
        "response_batch_size": 64,
    },
    "multi-gpu-fsdp": {
        "tuning": "full",
        "batch_size": 128,
        "micro_batch_size": 4,
        "max_length": 4096,
        "precision": "bf16",
        "gradient_checkpointing": True,
        "device": "auto",
        "response_batch_size": 64,
    },
}


def make_recipe(values: Mapping[str, Any], where: Mapping[str, str] | None = None) -> Recipe:
    """A checked recipe from plain values; RecipeError with every mistake, with "did you mean" where a key is near.

    `where` tells for a key what it was given by, such as ``recipe.yaml:3``; mistakes then begin with it.
    """
    try:
        return Recipe(**dict(values))
    except ValidationError as e:
        raise RecipeError(sentences([dict(error) for error in e.errors()], Recipe.model_fields, where or {})) from None


def read_recipe(
    path: str | Path | None = None,
    preset: str | None = None,
    settings: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> Recipe:
    """Defaults, then the preset, the file, ``key=value`` settings, flags: each overrides what is before it.

    >>> read_recipe(settings=["epochs=3", "tuning=full"]).epochs
    3
    """
    values: dict[str, Any] = {}
    where: dict[str, str] = {}
    if preset is not None:
        if preset not in PRESETS:
            raise RecipeError(
                [f"unknown preset '{preset}'{did_you_mean(preset, PRESETS)}; choose {', '.join(PRESETS)}"]
            )
        values |= PRESETS[preset]
    if path is not None:
        of_file, lines = _read_yaml(Path(path))
        values |= of_file
        where |= {key: f"{path}:{line}" for key, line in lines.items()}
    values |= (of_settings := parse_settings(settings))
    where |= {key: f"--set {key}" for key in of_settings}
    values |= (of_flags := {k: v for k, v in (flags or {}).items() if v is not None})
    where |= {key: f"--{key.replace('_', '-')}" for key in of_flags}
    return make_recipe(values, where)


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """``["epochs=3", "track=[wandb]"]`` as values; what stands after ``=`` is read as YAML."""
    values, mistakes = {}, []
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key.strip():
            mistakes.append(f"--set {setting}: write it as key=value")
            continue
        try:
            values[key.strip()] = _number_or_same(yaml.safe_load(text))
        except yaml.YAMLError:
            mistakes.append(f"--set {setting}: what stands after '=' is not a YAML value; put it in quotes")
    if mistakes:
        raise RecipeError(mistakes)
    return values


def _number_or_same(value: Any) -> Any:
    # YAML 1.1 takes 2e-4, which has no point, for text.
    if isinstance(value, str):
        try:
            return float(value) if "e" in value.lower() else value
        except ValueError:
            return value
    return value


def _read_yaml(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """The values of a recipe's file, and the line of each key."""
    try:
        text = path.read_text(encoding="utf-8")
        value = yaml.safe_load(text)
        lines, twice = _lines_of_keys(text)
    except FileNotFoundError:
        if str(path).startswith("run:"):
            own = Path(str(path).removeprefix("run:")) / "recipe.yaml"
            raise RecipeError([f"{path}: is a run; to train it again name its recipe, {own}"]) from None
        raise RecipeError([f"{path}: no such recipe; write one with `heedful train --print-recipe > {path}`"]) from None
    except IsADirectoryError:
        again = f" (to train this run again: {path / 'recipe.yaml'})" if (path / "recipe.yaml").is_file() else ""
        raise RecipeError(
            [f"{path}: is a folder; name a recipe file{again}; a run is gone on with by --resume --out RUN"]
        ) from None
    except UnicodeDecodeError as e:
        raise RecipeError([f"{path}: not UTF-8 text at byte {e.start}; save it as UTF-8"]) from None
    except yaml.MarkedYAMLError as e:
        line = f":{e.problem_mark.line + 1}" if e.problem_mark else ""
        raise RecipeError([f"{path}{line}: not valid YAML ({e.problem}); mend that line"]) from None
    except yaml.YAMLError as e:
        raise RecipeError([f"{path}: not valid YAML ({str(e).splitlines()[0]}); mend it"]) from None
    if value is None:
        return {}, {}
    if not isinstance(value, dict):
        raise RecipeError([f"{path}: a recipe is a list of 'key: value' lines (a file of rows goes with --data)"])
    if twice:
        raise RecipeError([f"{path}:{twice[1]}: the key '{twice[0]}' stands twice; keep one of the two"])
    return {str(k): _number_or_same(v) for k, v in value.items()}, lines


def _lines_of_keys(text: str) -> tuple[dict[str, int], tuple[str, int] | None]:
    """The line of each key of a mapping, and the first key that stands twice; YAML takes the last in silence."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    lines: dict[str, int] = {}
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if str(key.value) in lines:
            return lines, (str(key.value), key.start_mark.line + 1)
        lines[str(key.value)] = key.start_mark.line + 1
    return lines, None


def recipe_yaml(recipe: Recipe) -> str:
    """The whole recipe as YAML with a comment above each field; `read_recipe` reads it back to the same."""
    lines = ["# A recipe of Heedful. Train with: heedful train recipe.yaml --out RUN"]
    for name, field in Recipe.model_fields.items():
        value = yaml.safe_dump(recipe.to_json()[name], default_flow_style=True, allow_unicode=True, width=10_000)
        lines += ["", f"# {field.description}", f"{name}: {value.removesuffix(chr(10)).removesuffix('...').strip()}"]
    return "\n".join(lines) + "\n"
