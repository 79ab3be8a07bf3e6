"""The fields of one AlpacaEval annotator: what they ask for, and all that cannot be honoured here.

Three kinds of fields: those that make the verdict, which are read and checked; those that cannot change a verdict (how
fast a client asks, what a completion costs, which columns are added to a table), which are listed as unused; and the
rest, which are refused by name. Credentials in a configuration are never read: `--judge` says where the model is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from heedful.backends.base import GenerationSettings
from heedful.judge.annotator_parsers import Parser, compiled

# The clients of alpaca_eval that ask by messages: name -> default of temperature.
CLIENTS = {"openai_completions": 0.7, "anthropic_completions": 0.7, "vllm_local_completions": 1.0}
MAX_TOKENS = 2048  # their default
_READ = (
    "prompt_template", "fn_completions", "completions_kwargs", "fn_completion_parser", "completion_parser_kwargs",
    "completion_key", "batch_size", "is_randomize_output_order", "processors_to_kwargs",
)  # fmt: skip
_UNUSED = (
    "is_shuffle", "is_add_default_processors", "pretty_name", "link", "packages_for_which_to_show_version",
    "prfx_to_completion_cols",
)  # fmt: skip
_COLUMNS = ("ChainOfThoughtProcessor", "JsonKeysToColumnProcessor")  # they add columns to the table of annotations
_ROOM = ("max_tokens", "max_tokens_to_sample", "max_new_tokens")
_ASKED = (*_ROOM, "model_name", "temperature", "top_p", "seed", "stop", "logprobs", "top_logprobs")
_CLIENT = (
    "price_per_token", "num_procs", "batch_size", "client_kwargs", "client_config_path", "n_retries", "sleep_time",
    "model_kwargs", "openai_api_base", "openai_api_keys", "openai_organization_ids", "anthropic_api_keys",
)  # fmt: skip
_MUST_BE = {"requires_chatml": True, "is_chatml_prompt": True, "is_chat": True, "is_strip": True}
_PARSERS = {
    "regex_parser": ("outputs_to_match",),
    "ranking_parser": ("model_1_name",),
    "lmsys_parser": (),
    "logprob_parser": ("numerator_token", "denominator_tokens", "is_binarize", "log_prob_index"),
}


@dataclass
class AnnotatorFields:
    """What was read, and the faults as parts of one sentence."""

    settings: GenerationSettings = field(default_factory=GenerationSettings)
    parser: Parser | None = None
    model: str | None = None
    randomise: bool = True
    unused: tuple[str, ...] = ()
    faults: list[str] = field(default_factory=list)


def read_fields(config: Mapping[str, Any]) -> AnnotatorFields:
    """All fields but the prompt. Nothing is raised: the faults are told together by the caller."""
    out = AnnotatorFields()
    for name in config:
        if name in _UNUSED:
            out.unused += (str(name),)
        elif name not in _READ:
            out.faults.append(f"{name} is not known here")
    size = config.get("batch_size", 1)
    if size != 1 or isinstance(size, bool):
        out.faults.append(f"batch_size {size!r} (one pair a request is asked here)")
    randomise = config.get("is_randomize_output_order", True)
    if not isinstance(randomise, bool):
        out.faults.append(f"is_randomize_output_order {randomise!r} is neither true nor false")
    out.randomise = randomise is True
    for processor in _mapping(config, "processors_to_kwargs", out):
        if processor in _COLUMNS:
            out.unused += (f"processors_to_kwargs.{processor}",)
        else:
            out.faults.append(f"processors_to_kwargs.{processor} is not known here")
    _read_parser(config, out)
    _read_completions(config, out)
    return out


def _mapping(config: Mapping[str, Any], name: str, out: AnnotatorFields) -> Mapping[str, Any]:
    value = config.get(name)
    if value is None or isinstance(value, Mapping):
        return value or {}
    out.faults.append(f"{name} is no mapping")
    return {}


def _read_completions(config: Mapping[str, Any], out: AnnotatorFields) -> None:
    """The model and how it is asked."""
    client = config.get("fn_completions", "openai_completions")
    if client not in CLIENTS:
        out.faults.append(f"fn_completions {client} (only {', '.join(CLIENTS)} ask by messages)")
    kwargs = _mapping(config, "completions_kwargs", out)
    if client == "vllm_local_completions" and kwargs.get("is_chatml_prompt") is not True:
        out.faults.append("completions_kwargs.is_chatml_prompt is not true, so the prompt would go without a template")
    for name, value in kwargs.items():
        if name in _CLIENT or (name == "client_function_name" and value == "messages"):
            out.unused += (f"completions_kwargs.{name}",)
        elif name in _MUST_BE:
            if value is not _MUST_BE[name]:
                out.faults.append(f"completions_kwargs.{name} {value!r} (judges are asked by messages)")
        elif name not in _ASKED:
            out.faults.append(f"completions_kwargs.{name} cannot be passed on here")
    rooms = [name for name in _ROOM if name in kwargs]
    if len(rooms) > 1:
        out.faults.append(f"completions_kwargs has {' and '.join(rooms)}")
    name = kwargs.get("model_name")
    out.model = name if isinstance(name, str) else None
    stop = kwargs.get("stop")
    out.settings = GenerationSettings(
        max_new_tokens=int(_number(kwargs, rooms[0] if rooms else "max_tokens", MAX_TOKENS, 1, True, out)),
        temperature=_number(kwargs, "temperature", CLIENTS.get(client, 0.7), 0, False, out),
        top_p=_number(kwargs, "top_p", 1.0, 0, False, out),
        seed=int(_number(kwargs, "seed", 0, 0, True, out)),
        stop=(stop,) if isinstance(stop, str) else tuple(str(s) for s in stop or ()),
        top_logprobs=_top_logprobs(kwargs, out),
    )


def _top_logprobs(kwargs: Mapping[str, Any], out: AnnotatorFields) -> int:
    """How many likely tokens are asked for: none where no parser reads them."""
    if out.parser is None or out.parser.kind != "logprob":
        return 0
    if kwargs.get("logprobs") is not True or "top_logprobs" not in kwargs:
        out.faults.append("logprob_parser needs completions_kwargs.logprobs: true and .top_logprobs")
        return 0
    return int(_number(kwargs, "top_logprobs", 0, 1, True, out))


def _number(
    kwargs: Mapping[str, Any], name: str, default: float, lowest: float, whole: bool, out: AnnotatorFields
) -> float:
    value = kwargs.get(name, default)
    sound = isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value < float("inf")
    if not sound or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        out.faults.append(f"completions_kwargs.{name} {value!r} is not {kind} from {lowest:g} on")
        return default
    return value


def _read_parser(config: Mapping[str, Any], out: AnnotatorFields) -> None:
    """How the completion is read."""
    name = config.get("fn_completion_parser", "regex_parser")
    kwargs = _mapping(config, "completion_parser_kwargs", out)
    if name not in _PARSERS:
        out.faults.append(f"fn_completion_parser {name} (there are {', '.join(_PARSERS)})")
        return
    out.faults += [f"completion_parser_kwargs.{k} is not {name}'s" for k in kwargs if k not in _PARSERS[name]]
    wanted = "completions_all" if name == "logprob_parser" else "completions"
    key = config.get("completion_key", "completions")
    if key != wanted:
        out.faults.append(f"completion_key {key}, where {name} reads {wanted}")
    if name == "regex_parser":
        parser = Parser("regex", patterns=_patterns(kwargs, out))
    elif name == "ranking_parser":
        parser = Parser("ranking", first_name=str(kwargs.get("model_1_name", "model_1")))
    elif name == "lmsys_parser":
        parser = Parser("lmsys")
    else:
        parser = _odds_parser(kwargs, out)
    out.parser = parser


def _patterns(kwargs: Mapping[str, Any], out: AnnotatorFields) -> tuple[tuple[float, str], ...]:
    given = kwargs.get("outputs_to_match")
    if not isinstance(given, Mapping) or not given:
        out.faults.append("completion_parser_kwargs.outputs_to_match is missing")
        return ()
    found = []
    for key, pattern in given.items():
        where = f"completion_parser_kwargs.outputs_to_match.{key}"
        sound = isinstance(key, int | float) and not isinstance(key, bool) and (key == 0 or 1 <= key <= 2)
        if not sound:
            out.faults.append(f"{where} stands for no preference (1 to 2, or 0 for a draw)")
            continue
        try:
            if not isinstance(pattern, str) or compiled(pattern).match(""):
                out.faults.append(f"{where} {pattern!r} matches the empty text")
        except re.error as e:
            out.faults.append(f"{where} {pattern!r} is not a regular expression ({e})")
        found.append((1.5 if key == 0 else float(key), str(pattern)))
    return tuple(found)


def _odds_parser(kwargs: Mapping[str, Any], out: AnnotatorFields) -> Parser:
    numerator, others = kwargs.get("numerator_token"), kwargs.get("denominator_tokens")
    if not isinstance(numerator, str):
        out.faults.append("completion_parser_kwargs.numerator_token is no text")
    if not isinstance(others, list) or not others or not all(isinstance(t, str) for t in others):
        out.faults.append("completion_parser_kwargs.denominator_tokens is no list of texts")
        others = []
    binarise, place = kwargs.get("is_binarize", True), kwargs.get("log_prob_index", "batch")
    if not isinstance(binarise, bool):
        out.faults.append(f"completion_parser_kwargs.is_binarize {binarise!r} is neither true nor false")
    if place != "batch" and (isinstance(place, bool) or not isinstance(place, int)):
        out.faults.append(f"completion_parser_kwargs.log_prob_index {place!r} is no position")
        place = "batch"
    return Parser(
        "logprob",
        numerator=str(numerator),
        denominators=tuple(others),
        binarise=binarise is True,
        place=None if place == "batch" else int(place),
    )
