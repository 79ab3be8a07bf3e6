"""Completion functions of a registry: how a model is asked where that is more than once (``completion_fns/*.yaml``).

    cot:
      class: evals.completion_fns.cot:ChainOfThoughtCompletionFn
      args: {cot_completion_fn: gpt-3.5-turbo}

A function is a program: it yields what is to be asked, is sent what the model said, and returns the answer. The owner's
functions name the model that they ask; the model of the command stands in its place. A class is matched by its name and
never imported, so one that asks through other code or the network is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

from heedful.errors import DataError, RequestError, did_you_mean
from heedful.evals.prompts import Prompt, as_messages, is_chat
from heedful.evals.registry import Registry
from heedful.evals.verdicts import Event
from heedful.records import Message

COT = "evals.completion_fns.cot:ChainOfThoughtCompletionFn"
# How the owner has a model reason and then answer: part of the benchmark, so word for word (MIT licence, cot.py).
REASON = (
    "\nBefore answering, reason in a step-by-step manner as to get the right answer, then conclude with the answer."
)
EXTRACT = "\nGiven the above reasoning, the answer in the format requested by the question is:"
_WHY_NOT = {
    "langchain": "asks through the package langchain, and that through the network",
    "retrieval": "asks a server of OpenAI for embeddings",
    "openai": "asks a server of OpenAI",
    "solver": "asks a solver of the package evals, which is code of its own",
}


@dataclass(frozen=True)
class Ask:
    """What is put to a model: the owner's `prompt`, and the `turns` that a chat template takes for it."""

    prompt: Prompt
    turns: tuple[Message, ...]


Program = Callable[[Ask, list[Event]], Generator[Ask, str, str]]


@dataclass(frozen=True)
class CompletionFn:
    """A function by its `name` ('': the model alone). It asks `asks` times for one answer, and the models that it names
    are `models`. Its program logs, among the events that it is handed, what the owner's logs besides."""

    name: str
    asks: int
    models: tuple[str, ...]
    program: Program
    args: Mapping[str, Any]

    def label(self, model: str) -> str:
        """What stands in the owner's log for the function that was asked, named as the owner names them."""
        return f"{self.name}/{model}" if self.name else model


def _once(ask: Ask, log: list[Event]) -> Generator[Ask, str, str]:
    return (yield ask)


DIRECT = CompletionFn("", 1, (), _once, {})


def ask_of(prompt: Prompt) -> Ask:
    """An eval's prompt as it is put to a model."""
    return Ask(prompt, as_messages(prompt))


def completion_fn(registry: Registry, name: str) -> CompletionFn:
    """The completion function of a name. RequestError where it cannot be run here, DataError where it is broken."""
    made = _made(registry, name, ())
    if len(made.models) > 1:
        raise RequestError(
            f"--completion-fn {name}: asks several models ({', '.join(made.models)}), and here is one; name one in a "
            "function of your own registry"
        )
    return made


def _made(registry: Registry, name: str, above: tuple[str, ...]) -> CompletionFn:
    if name in above:
        raise DataError(f"{registry.folder}/completion_fns: {name} leads back to itself; mend it")
    if name not in registry.completion_fns:
        near = did_you_mean(name, list(registry.completion_fns))
        what = (
            f"is a solver of the package evals, code that is never run; name one of {registry.folder}/completion_fns"
            if name in registry.solvers
            else f"{registry.folder}/completion_fns has none of this name"
        )
        raise RequestError(f"--completion-fn {name}{near}: {what}")
    spec = registry.completion_spec(name)
    cls, where = spec["class"], f"{spec['_where']}: {spec['_name']}"
    if cls != COT:
        module = cls.partition(":")[0].rpartition(".")[2]
        why = next((w for part, w in _WHY_NOT.items() if part in module), "is code that is never imported")
        asked = f"{above[0]}: goes through {name}, whose" if above else f"{name}: its"
        raise RequestError(
            f"--completion-fn {asked} class {cls} {why}; name a function of the class {COT.rpartition(':')[2]}, "
            "or the model itself"
        )
    return _cot(registry, name, spec.get("args") or {}, where, (*above, name))


def _cot(registry: Registry, name: str, args: Any, where: str, above: tuple[str, ...]) -> CompletionFn:
    known = ("cot_completion_fn", "extract_completion_fn", "cot_template", "extract_answer_template")
    if not isinstance(args, dict) or not all(isinstance(v, str) for v in args.values()):
        raise DataError(f"{where}: its 'args' are names and texts; mend them")
    if unknown := next((a for a in args if a not in known), None):
        raise DataError(f"{where}: has an argument '{unknown}', which its class does not take; remove it")
    if not args.get("cot_completion_fn"):
        raise DataError(f"{where}: names no 'cot_completion_fn' to ask; add it")
    reasons = _inner(registry, args["cot_completion_fn"], above)
    extracts = _inner(registry, args.get("extract_completion_fn") or args["cot_completion_fn"], above)
    reason, extract = args.get("cot_template", REASON), args.get("extract_answer_template", EXTRACT)

    def program(ask: Ask, log: list[Event]) -> Generator[Ask, str, str]:
        prompt = ask.prompt if is_chat(ask.prompt) else [{"role": "system", "content": str(ask.prompt)}]
        first = _said(Ask(prompt, ask.turns), reason)
        thought = yield from reasons.program(first, log)
        log.append(("sampling", {"prompt": first.prompt, "sampled": thought}))
        told = [*first.prompt, {"role": "assistant", "content": thought}]
        second = _said(Ask(told, (*first.turns, Message("assistant", thought))), extract)  # pyright: ignore[reportArgumentType]
        answer = yield from extracts.program(second, log)
        log.append(("sampling", {"prompt": second.prompt, "sampled": answer}))
        return answer.strip()

    models = tuple(dict.fromkeys((*reasons.models, *extracts.models)))
    return CompletionFn(name, reasons.asks + extracts.asks, models, program, args)


def _said(ask: Ask, text: str) -> Ask:
    """A sentence of the function's after a prompt: the owner has the assistant say it. In a chat template it is the
    user's, since the model is to answer it, and few templates take two turns of the assistant in a row."""
    last = ask.turns[-1]
    if last.role == "user":
        joined = Message("user", last.content + ("" if text.startswith("\n") else "\n") + text)
        turns = (*ask.turns[:-1], joined)
    else:
        turns = (*ask.turns, Message("user", text.lstrip("\n")))
    return Ask([*ask.prompt, {"role": "assistant", "content": text}], turns)  # pyright: ignore[reportArgumentType]


def _inner(registry: Registry, name: str, above: tuple[str, ...]) -> CompletionFn:
    """What a function asks: another one of the registry, else a model, in whose place that of the command is asked."""
    if name in registry.completion_fns or name in registry.solvers:
        return _made(registry, name, above)
    return CompletionFn("", 1, (name,), _once, {})
