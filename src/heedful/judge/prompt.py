"""A judge's prompt: a versioned YAML file with the messages, and how the verdict is to be read.

    name: my-score            version: 1            mode: score | rubric | pairs
    messages:                 role and content, with places for the texts: {question} {answer} ...
    verdict:                  kind: number | choice | criteria, and what belongs to it
    max_new_tokens: 16        the judge's room for its verdict
    fence: true               false puts the texts in bare (see `fences`)

The prompts that the package brings are in ``prompts/``. A change to one is a new version: results under two versions
are not comparable, so each Score bears name, version and hash.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from heedful.backends.base import Answer
from heedful.errors import RequestError, did_you_mean
from heedful.judge.fences import code_for, fence, take_apart
from heedful.judge.rubric import Rubric
from heedful.judge.verdicts import LEAST_MASS, Reading, Verdict, read_verdict
from heedful.judge.yamlfiles import Fields, find_file, known_names, read_yaml
from heedful.records import ROLES, Message, hash_of

Mode = Literal["score", "rubric", "pairs"]
MODES: tuple[Mode, ...] = ("score", "rubric", "pairs")
FOLDER = Path(__file__).parent / "prompts"

# The places of each mode: those a prompt must have, and those it may.
NEEDED: dict[str, tuple[str, ...]] = {
    "score": ("question", "answer"),
    "rubric": ("question", "answer", "criteria"),
    "pairs": ("question", "answer_a", "answer_b"),
}
ALLOWED = {mode: (*places, "reference", "nonce") for mode, places in NEEDED.items()}
_OURS = ("criteria", "nonce")  # not the text of others
_PLACE = re.compile(r"\{([a-z][a-z_0-9]*)\}")
_KIND_OF = {"score": "number", "rubric": "criteria", "pairs": "choice"}


@dataclass(frozen=True)
class JudgePrompt:
    """A checked prompt. `hash` changes with anything that could change a verdict; name and remarks are left out."""

    name: str
    version: str
    mode: Mode
    messages: tuple[Message, ...]
    verdict: Verdict
    max_new_tokens: int
    fence: bool = True
    source: str = ""

    @property
    def hash(self) -> str:
        later = {"least_mass": LEAST_MASS}  # fields that came later and have their defaults change no hash
        verdict = {k: v for k, v in dataclasses.asdict(self.verdict).items() if k not in later or v != later[k]}
        return hash_of([self.mode, list(self.messages), verdict, self.max_new_tokens, self.fence])

    @property
    def places(self) -> frozenset[str]:
        """The names of the places that the messages have."""
        return frozenset(place for m in self.messages for place in _PLACE.findall(m.content))

    @property
    def one_order(self) -> bool:
        """Whether a pair is shown in one drawn order only: never so here, see `annotated`."""
        return False

    def is_turned(self, question: str) -> bool:
        """Whether the one order shows the second answer first."""
        return False

    def messages_for(self, texts: Mapping[str, str], seed: int = 0) -> tuple[Message, ...]:
        """The messages of one request, see `render`."""
        return render(self, texts, seed)

    def read(
        self, answer: Answer, rubric: Rubric | None = None, from_text: bool = False, question: str = ""
    ) -> Reading:
        """The verdict in the judge's answer."""
        odds = None if from_text else answer.top_logprobs
        return read_verdict(self.verdict, answer.text, odds, cut_off=answer.finish_reason == "length", rubric=rubric)

    def describe(self) -> dict[str, Any]:
        """What a Score and a summary say of the prompt."""
        return {"prompt": self.name, "prompt_version": self.version, "prompt_hash": self.hash}


def render(prompt: JudgePrompt, texts: Mapping[str, str], seed: int = 0) -> tuple[Message, ...]:
    """The messages for one request. `texts` has a text for each place but ``nonce``; DataError is the caller's."""
    others = {name: take_apart(text) for name, text in texts.items() if name not in _OURS}
    code = code_for(others.values(), seed)

    def put(found: re.Match[str]) -> str:
        place = found[1]
        if place == "nonce":
            return code
        if place in _OURS:
            return texts[place]
        return fence(place.replace("_", "-"), others[place], code) if prompt.fence else others[place]

    return tuple(Message(m.role, _PLACE.sub(put, m.content)) for m in prompt.messages)


def load_prompt(name: str, mode: str | None = None) -> JudgePrompt:
    """A prompt by the name of a packaged one or the path of a file. RequestError where it cannot be used.

    >>> load_prompt("pairs").verdict.first
    ('A',)
    """
    path = find_file(name, FOLDER, "--prompt")
    prompt = _checked(read_yaml(path), name if path.parent != FOLDER else path.name)
    if mode is not None and prompt.mode != mode:
        fitting = ", ".join(n for n in known_names(FOLDER) if load_prompt(n).mode == mode)
        raise RequestError(
            f"--prompt {name}: is for --mode {prompt.mode}, not {mode}; choose {fitting}, or change --mode"
        )
    return prompt


def _checked(value: Any, where: str) -> JudgePrompt:
    fields = Fields(value, where, ("name", "version", "mode", "messages", "verdict"))
    fields.refuse_others(("about", "max_new_tokens", "fence"))
    mode = fields.one_of("mode", MODES)
    messages = tuple(_message(m, where) for m in fields.items("messages"))
    found = {place for m in messages for place in _PLACE.findall(m.content)}
    for place in sorted(found):
        if place not in ALLOWED[mode]:
            known = ", ".join(f"{{{p}}}" for p in ALLOWED[mode])
            near = did_you_mean(place, ALLOWED[mode])
            raise RequestError(f"{where}: mode {mode} has no place {{{place}}}{near}; there are {known}")
    for place in NEEDED[mode]:
        if place not in found:
            raise RequestError(f"{where}: the messages have no place {{{place}}}, which mode {mode} needs; add it")
    return JudgePrompt(
        name=fields.text("name"),
        version=fields.text("version"),
        mode=mode,
        messages=messages,
        verdict=_verdict(fields.value["verdict"], mode, where),
        max_new_tokens=fields.whole("max_new_tokens", 256, lowest=1),
        fence=fields.flag("fence", True),
        source=where,
    )


def _message(value: Any, where: str) -> Message:
    fields = Fields(value, f"{where}: messages", ("role", "content"))
    fields.refuse_others(())
    return Message(fields.one_of("role", ROLES), fields.text("content"))


def _verdict(value: Any, mode: str, where: str) -> Verdict:
    where = f"{where}: verdict"
    fields = Fields(value, where, ("kind",))
    kind: Any = fields.one_of("kind", ("number", "choice", "criteria"))
    if kind != _KIND_OF[mode]:
        raise RequestError(f"{where}: mode {mode} needs kind: {_KIND_OF[mode]}, not {kind}; change one of them")
    if kind == "criteria":
        fields.refuse_others(())
        return Verdict(kind)
    of_kind = ("lowest", "highest") if kind == "number" else ("first", "second", "tie")
    fields.refuse_others(("where", "pattern", "least_mass", *of_kind))
    mass = fields.number("least_mass") if "least_mass" in fields.value else LEAST_MASS
    if not 0 <= mass <= 1:
        raise RequestError(f"{where}: least_mass {mass:g} must lie between 0 and 1")
    place: Any = fields.one_of("where", ("whole", "last-line"), "whole")
    pattern = _pattern(fields)
    if kind == "number":
        low, high = fields.number("lowest"), fields.number("highest")
        if not low < high:
            raise RequestError(f"{where}: lowest {low:g} is not below highest {high:g}; change one of them")
        return Verdict(kind, place, pattern, low, high, least_mass=mass)
    labels = {name: fields.texts(name, needed=name != "tie") for name in of_kind}
    every = [label.lower() for known in labels.values() for label in known]
    if len(set(every)) < len(every):
        raise RequestError(f"{where}: first, second and tie share a label; give each its own")
    for label in (label for known in labels.values() for label in known):
        # A label that the pattern cannot read would make every such verdict unreadable: found now, not after the bill.
        if not any(_group(pattern, text) == label for text in (label, f"Verdict: {label}", f"verdict: {label}")):
            raise RequestError(f"{where}: the pattern reads neither '{label}' nor 'Verdict: {label}'; mend the pattern")
    return Verdict(
        kind, place, pattern, first=labels["first"], second=labels["second"], tie=labels["tie"], least_mass=mass
    )


def _group(pattern: str, text: str) -> str | None:
    found = re.fullmatch(pattern, text, re.IGNORECASE)
    return found[1] if found else None


def _pattern(fields: Fields) -> str:
    pattern = fields.text("pattern")
    try:
        groups = re.compile(pattern).groups
    except re.error as e:
        raise RequestError(f"{fields.where}: pattern '{pattern}' is not a regular expression ({e}); mend it") from None
    if groups != 1:
        raise RequestError(
            f"{fields.where}: the pattern has {groups} groups; mark the verdict in it by one pair of ( )"
        )
    return pattern
