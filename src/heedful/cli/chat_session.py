"""What a conversation in a terminal does with each line: a question to answer, or a command."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from heedful.backends.base import SEED_MAX, Answer, GenerationSettings
from heedful.backends.speaking import Speaker
from heedful.conversation import Conversation, load_conversation, save_conversation
from heedful.errors import HeedfulError, RequestError, did_you_mean, printable

HELP = """\
/compare [on|off]    the last question answered by both models; on: each one
/retry               answer the last question again
/undo                take the last question and its answer back
/reset               forget what was said; the system prompt stays
/system [TEXT]       show or set the system prompt; none takes it away
/set [NAME=VALUE]    show the settings, or change one, such as temperature=0.7
/save FILE           write the conversation as a row that training reads
/load FILE           go on with a conversation that was saved
/help, /quit         this list; the end (also Ctrl-D)
A line that ends in \\ goes on in the next. A question that begins with / is
written with //."""
COMMANDS = ("/compare", "/retry", "/undo", "/reset", "/system", "/set", "/save", "/load", "/help", "/quit", "/exit")
SETTINGS = ("max_new_tokens", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "seed", "stop")


class Ended(Exception):
    """/quit."""


@dataclass
class Session:
    """A conversation with a model, and perhaps another one to compare with, which is loaded when it is asked for.

    Answers go to `write`, all else to `tell`. `turns` is what `--json` prints.
    """

    speaker: Speaker
    settings: GenerationSettings
    write: Callable[[str], None]
    tell: Callable[[str], None]
    load_other: Callable[[], Speaker]
    conversation: Conversation = field(default_factory=Conversation)
    keep_stopped: bool = True  # a terminal: Ctrl-C ends the answer alone
    other: Speaker | None = None
    comparing: bool = False
    file: Path | None = None
    turns: list[dict[str, Any]] = field(default_factory=list)
    told_left_out: int = 0

    def line(self, text: str) -> None:
        """Do what a line asks for. Ended at /quit; HeedfulError, where it cannot be done, changes nothing."""
        if not text.strip():
            return
        if not text.startswith("/") or text.startswith("//"):
            self.ask(text[1:] if text.startswith("//") else text)
            return
        word, _, rest = text.strip().partition(" ")
        if word not in COMMANDS:
            raise RequestError(f"there is no command '{word}'{did_you_mean(word, COMMANDS)}; /help lists them")
        if word in ("/quit", "/exit"):
            raise Ended
        getattr(self, f"_{word[1:]}")(rest.strip())

    def ask(self, text: str) -> None:
        """Answer a question; one that cannot be answered is not kept."""
        self.conversation.ask(text)
        self._answer_or_undo()

    def _answer_or_undo(self) -> None:
        question = self.conversation.question
        try:
            self._answer()
        except BaseException:
            if self.conversation.answer is None:
                self.conversation.undo()
                self.turns.append({"question": question, "answer": None})
            raise

    def _answer(self) -> None:
        if self.comparing:
            self._heading(self.speaker)
        answer, text = self._say(self.speaker)
        self.conversation.answered(text)
        self.turns.append({"question": self.conversation.question, **_facts(answer, text)})
        if self.comparing:
            self._compare_last()

    def _say(self, speaker: Speaker) -> tuple[Answer | None, str]:
        """One answer as it comes: the whole, or what came before Ctrl-C, then without an Answer."""
        seen = self.conversation.asked()
        if speaker.places is not None:
            free = max(1, min(self.settings.max_new_tokens, speaker.places // 4))
            fitting = self.conversation.seen(speaker.count, speaker.places, free)
            seen = fitting.messages
            self._tell_left_out(fitting.left_out, speaker.places)
        said: list[str] = []
        pieces = speaker.say(seen, self.settings)
        try:
            for piece in pieces:
                said.append(piece.text)
                self.write(printable(piece.text))
                if piece.answer is not None:
                    self._end(piece.answer)
                    return piece.answer, piece.answer.text
        except KeyboardInterrupt:
            pieces.close()  # type: ignore[attr-defined]
            if not self.keep_stopped:
                raise
            self.write("\n")
            self.tell("(stopped; what came is kept, /retry asks again)")
            return None, "".join(said)
        raise HeedfulError("the answer broke off; /retry asks again")

    def _end(self, answer: Answer) -> None:
        self.write("\n")
        if answer.error is not None:
            raise HeedfulError(f"not answered: {answer.error}")
        if answer.finish_reason == "length":
            self.tell(f"(cut off after {answer.tokens:,} tokens; /set max_new_tokens=N and /retry)")

    def _tell_left_out(self, count: int, places: int) -> None:
        if count > self.told_left_out:
            self.tell(
                f"(the model has room for {places:,} tokens: it no longer sees the first {count:,} messages; "
                "/reset begins anew)"
            )
        self.told_left_out = count

    def _heading(self, speaker: Speaker) -> None:
        self.write(f"--- {printable(speaker.name)}\n")

    def _compare(self, rest: str) -> None:
        if rest not in ("", "on", "off"):
            raise RequestError(f"/compare {rest}: write /compare, /compare on or /compare off")
        if rest == "off":
            self.comparing = False
            self.tell("(one answer a question)")
            return
        self._load_other()
        if rest == "on":
            self.comparing = True
            self.tell(f"(each question is answered by {self.other.name}, too)" if self.other else "")
            return
        answer = self.conversation.answer
        if answer is None:
            raise RequestError("/compare: nothing has been answered yet; ask something first")
        self._heading(self.speaker)
        self.write(f"{printable(answer)}\n")
        self._compare_last()

    def _load_other(self) -> Speaker:
        if self.other is None:
            self.other = self.load_other()
        return self.other

    def _compare_last(self) -> None:
        """The other model's answer to the last question, after the same turns; the conversation keeps its own."""
        other = self._load_other()
        self._heading(other)
        answer, text = self._say(other)
        if self.turns:
            self.turns[-1]["compared"] = {"model": other.name, **_facts(answer, text)}

    def _retry(self, _: str) -> None:
        if self.conversation.question is None:
            raise RequestError("/retry: nothing has been asked yet")
        before = self.conversation.answer
        self.conversation.drop_answer()
        try:
            self._answer()
        except BaseException:
            if before is not None and self.conversation.answer is None:
                self.conversation.answered(before)
            raise

    def _undo(self, _: str) -> None:
        question = self.conversation.undo()
        if question is None:
            raise RequestError("/undo: nothing has been asked yet")
        self.tell(f"(taken back: {printable(question.splitlines()[0][:60])})")

    def _reset(self, _: str) -> None:
        self.conversation.turns.clear()
        self.told_left_out, self.file = 0, None
        self.tell("(a new conversation)")

    def _system(self, rest: str) -> None:
        if rest:
            self.conversation.system = None if rest == "none" else rest
        now = self.conversation.system
        self.tell(f"(system prompt: {printable(now)})" if now is not None else "(no system prompt)")

    def _set(self, rest: str) -> None:
        if rest:
            self.settings = set_value(self.settings, rest)
        shown = [f"{name}={_shown(getattr(self.settings, name))}" for name in SETTINGS]
        self.tell(f"({', '.join(shown)})")

    def _save(self, rest: str) -> None:
        path = Path(_file(rest, "/save"))
        facts = {"model": self.speaker.name, "settings": {n: getattr(self.settings, n) for n in SETTINGS}}
        save_conversation(path, self.conversation, facts, mine=self.file is not None and path == self.file)
        self.file = path
        self.tell(f"(written: {path})")

    def _load(self, rest: str) -> None:
        path = Path(_file(rest, "/load"))
        self.conversation, self.file, self.told_left_out = load_conversation(path), path, 0
        count = len(self.conversation.turns)
        self.tell(f"({count:,} messages from {path})")

    def _help(self, _: str) -> None:
        self.tell(HELP)


def _facts(answer: Answer | None, text: str) -> dict[str, Any]:
    if answer is None:
        return {"answer": text, "finish_reason": "stopped"}
    return {
        "answer": text, "finish_reason": answer.finish_reason, "prompt_tokens": answer.prompt_tokens,
        "tokens": answer.tokens, "seconds": answer.seconds,
    }  # fmt: skip


def _file(rest: str, command: str) -> str:
    if not rest:
        raise RequestError(f"{command}: name a file, such as {command} talk.json")
    return rest


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(list(value)) if isinstance(value, tuple) else str(value)


def set_value(settings: GenerationSettings, text: str) -> GenerationSettings:
    """Settings with one of them changed, ``temperature=0.7``; RequestError for a name or value that is none.

    >>> set_value(GenerationSettings(), "top_k = 20").top_k
    20
    """
    name, equals, given = (part.strip() for part in text.partition("="))
    name = name.replace("-", "_")
    if name not in SETTINGS:
        raise RequestError(
            f"/set {name}: no such setting{did_you_mean(name, SETTINGS)}; there are {', '.join(SETTINGS)}"
        )
    if not equals:
        raise RequestError(f"/set {name}: write {name}=VALUE")
    if name == "stop":
        return dataclasses.replace(settings, stop=(given,) if given else ())
    whole = isinstance(getattr(GenerationSettings, name), int)
    try:
        value = int(given) if whole else float(given)
    except ValueError:
        raise RequestError(f"/set {name}={given}: name a {'whole ' if whole else ''}number") from None
    low, high, above = {
        "max_new_tokens": (1, SEED_MAX, False), "temperature": (0, 100, False), "top_p": (0, 1, True),
        "top_k": (0, SEED_MAX, False), "min_p": (0, 1, False), "repetition_penalty": (0, 100, True),
        "seed": (0, SEED_MAX, False),
    }[name]  # fmt: skip
    if not math.isfinite(value) or not (low < value if above else low <= value) or value > high:
        upto = f" to {high}" if high < SEED_MAX else ""
        raise RequestError(f"/set {name}={given}: name a number {'above' if above else 'from'} {low}{upto}")
    return dataclasses.replace(settings, **{name: value})


def write_now(text: str) -> None:
    """A piece of an answer on stdout, at once."""
    sys.stdout.write(text.encode("utf-8", "replace").decode())
    sys.stdout.flush()


def write_on_stderr(text: str) -> None:
    """A piece of an answer where stdout is for something else."""
    sys.stderr.write(text.encode("utf-8", "replace").decode())
    sys.stderr.flush()


def tell_on_stderr(text: str) -> None:
    """What is no answer."""
    typer.echo(text, err=True)
