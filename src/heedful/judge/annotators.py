"""AlpacaEval's annotator configurations: a judge of pairs whose win rates others have published.

    weighted_alpaca_eval_gpt4_turbo:
      prompt_template: "alpaca_eval_clf_gpt4_turbo/alpaca_eval_clf.txt"
      fn_completions: "openai_completions"
      completions_kwargs: {model_name: "gpt-4-1106-preview", max_tokens: 1, logprobs: true, top_logprobs: 5, ...}
      fn_completion_parser: "logprob_parser"

A configuration is read from an installed `alpaca_eval`, by its name, or from a folder with a ``configs.yaml``. Nothing
of the package is imported and no code is run. What cannot be honoured is refused, all of it in one message, since a
win rate under half a configuration would pass for one under the whole.

As alpaca_eval does: each pair is asked once, one a request; which answer is shown first is drawn from the instruction's
text; the same answer twice is a draw without asking. Unlike it, marks of ChatML inside an answer stay text.

Source: https://github.com/tatsu-lab/alpaca_eval, ``annotators/``, ``processors.py``, ``decoders/``, version 0.6.6.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from heedful.backends.base import GenerationSettings
from heedful.errors import RequestError, did_you_mean
from heedful.judge.annotator_fields import read_fields
from heedful.judge.annotator_parsers import TIE, Alternatives, Parser, Preference, parse
from heedful.judge.yamlfiles import read_yaml
from heedful.records import ROLES, Message, hash_of

PLACES = ("instruction", "output_1", "output_2")
_PLACE = re.compile(r"{(\S+?)}")
_KNOWN_PLACE = re.compile("{(" + "|".join(PLACES) + ")}")
_TURN = re.compile(r"<\|im_start\|>([^\n]*)\n(.*?)<\|im_end\|>", re.DOTALL)


@dataclass(frozen=True)
class Annotator:
    """A checked configuration.

    `template` is the prompt's text in ChatML and `messages` the same as messages, with the places {instruction},
    {output_1} and {output_2}. `randomise` says that the order of the answers is drawn. `model` is the model that the
    configuration names. `unused` are its fields that change no verdict and are not read; `source` is its file.
    """

    name: str
    template: str
    messages: tuple[Message, ...]
    parser: Parser
    model: str | None
    settings: GenerationSettings
    randomise: bool = True
    unused: tuple[str, ...] = ()
    source: str = ""

    @property
    def hash(self) -> str:
        """Changes with anything that could change a verdict; the model is named elsewhere."""
        return hash_of([self.messages, self.parser, self.settings.hash, self.settings.top_logprobs, self.randomise])

    def describe(self) -> dict[str, Any]:
        """What a Score and a summary say of the configuration."""
        return {"annotator": self.name, "annotator_hash": self.hash}

    def is_switched(self, instruction: str) -> bool:
        """Whether the second answer is shown first: the same draw for an instruction each time, and alpaca_eval's."""
        if not self.randomise:
            return False
        return random.Random(f"is_switched_outputs{instruction}0").choices([False, True], k=1)[0]

    def prompt(self, instruction: str, output_1: str, output_2: str) -> tuple[Message, ...]:
        """The messages for a pair, its answers in the order that was drawn."""
        first, second = (output_2, output_1) if self.is_switched(instruction) else (output_1, output_2)
        texts = {"instruction": instruction, "output_1": first, "output_2": second}
        return tuple(
            Message(m.role, _KNOWN_PLACE.sub(lambda found: texts[found[1]], m.content).strip(), name=m.name)
            for m in self.messages
        )

    def preference(self, instruction: str, text: str, top_logprobs: Sequence[Alternatives] | None = None) -> Preference:
        """What a completion says of the pair: 1 the first answer is better, 2 the second; the order is undone."""
        shown = parse(self.parser, text, top_logprobs)
        if shown.value is None or not self.is_switched(instruction):
            return shown
        return Preference(3 - shown.value)

    def without_asking(self, output_1: str, output_2: str) -> Preference | None:
        """A draw where the two answers are the same, else None."""
        return Preference(TIE) if output_1 == output_2 else None


def installed_folder() -> Path | None:
    """The folder of configurations of an installed `alpaca_eval`, found without importing it; None without one."""
    spec = find_spec("alpaca_eval")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "evaluators_configs"
    return folder if folder.is_dir() else None


def annotator_names(folder: Path | None = None) -> list[str]:
    """The names of the configurations in a folder of them (default: the installed package's)."""
    folder = folder or installed_folder()
    return sorted(p.parent.name for p in folder.glob("*/configs.yaml")) if folder else []


def load_annotator(name: str) -> Annotator:
    """A configuration by its name in an installed `alpaca_eval`, by its folder, or by its YAML file.

    RequestError where there is none, or where it asks for something that is not done here: every such field is named.
    """
    path = _find(name)
    value = read_yaml(path)
    if not isinstance(value, dict) or not value:
        raise RequestError(f"{path}: no annotator in it; it needs a name with prompt_template and so on below it")
    if len(value) > 1:
        raise RequestError(
            f"{path}: holds {len(value)} annotators ({', '.join(map(str, value))}), from which alpaca_eval draws one a "
            "pair; keep one of them in a configs.yaml of your own"
        )
    own_name, config = next(iter(value.items()))
    if not isinstance(config, dict):
        raise RequestError(f"{path}: {own_name} has no fields; it needs prompt_template and so on below it")
    fields = read_fields(config)
    template = _template(config.get("prompt_template"), path)
    messages, faults = _messages(template)
    faults = [*fields.faults, *faults]
    if faults or fields.parser is None:
        raise RequestError(f"{path}: annotator {own_name} cannot be used as it is: {'; '.join(faults)}")
    return Annotator(
        name=str(own_name),
        template=template,
        messages=messages,
        parser=fields.parser,
        model=fields.model,
        settings=fields.settings,
        randomise=fields.randomise,
        unused=fields.unused,
        source=str(path),
    )


def _find(name: str) -> Path:
    known, folder = annotator_names(), installed_folder()
    if folder is not None and name in known:
        return folder / name / "configs.yaml"
    path = Path(name)
    if path.is_dir():
        if (path / "configs.yaml").is_file():
            return path / "configs.yaml"
        inside = annotator_names(path)
        mend = f"; name one in it, such as {path / inside[0]}" if inside else ""
        raise RequestError(f"--annotator {name}: the folder has no configs.yaml{mend}")
    if path.is_file():
        return path
    if folder is None:
        raise RequestError(
            f"--annotator {name}: no such folder, and alpaca_eval is not installed; name a folder with a configs.yaml, "
            "or install it"
        )
    near = did_you_mean(name, known) or f"; the installed ones are {', '.join(known)}"
    raise RequestError(f"--annotator {name}: neither a folder nor an installed annotator{near}")


def _template(value: Any, path: Path) -> str:
    """The text of the prompt. alpaca_eval looks from the folder above the configuration's; a text stands for itself.

    A path that leads out of there is refused: a configuration from elsewhere must not send files of yours to a server.
    """
    if not isinstance(value, str) or not value.strip():
        raise RequestError(f"{path}: prompt_template is missing; name the prompt's file, such as my-judge/prompt.txt")
    if "<|im_start|>" in value:
        return value
    base = path.resolve().parent.parent
    for folder in (base, path.resolve().parent):
        file = (folder / value).resolve()
        if file.is_file():
            if not file.is_relative_to(base):
                raise RequestError(f"{path}: prompt_template {value} leads out of {base}; copy the file into it")
            try:
                return file.read_text(encoding="utf-8")
            except UnicodeDecodeError as e:
                raise RequestError(f"{file}: not UTF-8 text at byte {e.start}; save it as UTF-8") from None
    raise RequestError(f"{path}: prompt_template {value}: no such file below {base}; copy it there")


def _messages(template: str) -> tuple[tuple[Message, ...], list[str]]:
    """The messages of a prompt in ChatML, and what is wrong with it."""
    text = template.strip()
    if not text.startswith("<|im_start|>") or not text.endswith("<|im_end|>"):
        return (), [
            "prompt_template is a text for a completion endpoint, and judges are asked by messages "
            "(put it between <|im_start|>user and <|im_end|>)"
        ]
    faults = []
    found = _PLACE.findall(text)
    for place in PLACES:
        if found.count(place) != 1:
            faults.append(
                f"prompt_template has {{{place}}} {found.count(place)} times, and one pair a prompt needs it once"
            )
    if others := sorted({place for place in found if place not in PLACES}):
        faults.append(f"prompt_template has places that are not filled: {', '.join(f'{{{o}}}' for o in others)}")
    messages = []
    for head, content in _TURN.findall(text):
        role, _, more = head.strip().partition(" ")
        key, _, speaker = more.strip().partition("=")
        if role not in ROLES or (more and (key != "name" or " " in speaker)):
            faults.append(f"prompt_template has a turn of '{head.strip()}', which is none of {', '.join(ROLES)}")
            continue
        messages.append(Message(role, content.strip(), name=speaker or None))  # pyright: ignore[reportArgumentType]
    return tuple(messages), faults
