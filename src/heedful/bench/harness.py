"""Tasks of an installed lm-evaluation-harness, with Heedful's engine as the model that they ask: ``lm-eval:NAME``.

The harness reads its own task files, chooses the examples, filters the answers and computes the metrics
(https://github.com/EleutherAI/lm-evaluation-harness, 0.4.9 or later); Heedful answers its requests, journals them so
that a run that was killed goes on, and keeps results and samples in its own files beside the harness's figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heedful.backends.base import Continuation, GenerationSettings
from heedful.bench.asking import ask
from heedful.bench.journal import Journal
from heedful.bench.requests import How, Request
from heedful.errors import HeedfulError, RequestError
from heedful.records import Message, hash_of

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance  # pyright: ignore[reportMissingImports]

PREFIX = "lm-eval:"
MOST_TOKENS = 256  # of an answer where a task sets no limit, as the harness has it
_PASSED_OVER = ("alias", "name", "sample_len", "sample_count")


@dataclass(frozen=True)
class HarnessTask:
    """A task or a group of the harness. `include` is a folder with task files of the user's own."""

    name: str
    include: Path | None = None

    @property
    def key(self) -> str:
        return f"{PREFIX}{self.name}"


@dataclass(frozen=True)
class HarnessRun:
    """What the harness made of a task: `results` by key and metric, `samples` by key, and what is worth knowing."""

    results: Mapping[str, Mapping[str, Any]]
    samples: Mapping[str, Sequence[Mapping[str, Any]]]
    facts: Mapping[str, Any]


def find_harness_task(text: str, include: Path | None = None) -> HarnessTask:
    """The task of a name. RequestError where the harness is not installed, or has none such."""
    name = text.removeprefix(PREFIX)
    manager = _manager(include)
    if name not in manager.all_tasks:
        from heedful.errors import did_you_mean

        near = did_you_mean(name, manager.all_tasks)
        raise RequestError(
            f"task '{text}'{near}: the installed lm-evaluation-harness has no task or group of this name; "
            "list its tasks with: lm-eval ls tasks"
        )
    return HarnessTask(name, include)


def _manager(include: Path | None) -> Any:
    try:
        from lm_eval.tasks import TaskManager  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise RequestError(
            "tasks lm-eval:NAME need lm-evaluation-harness, which is not installed; "
            "pip install 'heedful[lm-eval]', or name a task of heedful bench --list"
        ) from None
    return TaskManager(include_path=None if include is None else str(include))


def run_harness(
    task: HarnessTask,
    backend: Any,
    journal: Journal,
    how: How,
    shots: int | None,
    limit: int | None,
    seed: int,
    progress: Callable[[int, int], None],
) -> HarnessRun:
    """Run a task of the harness. HeedfulError where the harness itself fails, with its reason."""
    import lm_eval  # pyright: ignore[reportMissingImports]

    model = make_lm(backend, journal, how, progress)
    try:
        made: Any = lm_eval.simple_evaluate(
            model=model, tasks=[task.name], num_fewshot=shots, limit=limit, task_manager=_manager(task.include),
            apply_chat_template=not how.plain, fewshot_as_multiturn=not how.plain and how.multiturn,
            random_seed=seed, numpy_random_seed=seed, torch_random_seed=seed, fewshot_random_seed=seed,
            bootstrap_iters=1000, log_samples=True,
        )  # fmt: skip
    except HeedfulError:
        raise
    except Exception as e:  # whatever a task file of the harness does wrongly
        raise HeedfulError(
            f"task {task.key}: lm-evaluation-harness stopped with {type(e).__name__}: {_short(e)}; look whether its "
            "data can be loaded here, and go on with --resume"
        ) from e
    counts = made.get("n-samples", {})
    names = [*made["results"], *(n for n in made.get("groups", {}) if n not in made["results"])]
    results = {_key(n): _metrics(made["results"].get(n) or made["groups"][n], counts.get(n)) for n in names}
    samples = {_key(n): [_sample(n, line, how) for line in lines] for n, lines in made.get("samples", {}).items()}
    facts = {
        "task": task.name, "profile": f"lm-evaluation-harness {getattr(lm_eval, '__version__', 'unknown')}",
        "versions": {_key(n): v for n, v in made.get("versions", {}).items()},
        "shots": max([int(v or 0) for v in made.get("n-shot", {}).values()], default=0),
        "items": sum(len(v) for v in samples.values()), "limit": limit, "seed": seed,
        "parts": [k.removeprefix(f"{task.key}:") for k in results if k != task.key],
        "failed": model.failed, "first_error": model.first_error, "truncated": model.truncated,
    }  # fmt: skip
    return HarnessRun(results, samples, facts)


def _key(name: str) -> str:
    return f"{PREFIX}{name}"


def _metrics(values: Mapping[str, Any], counts: Mapping[str, int] | None) -> dict[str, Any]:
    """``acc,none`` and ``acc_stderr,none`` as one entry ``acc``; a filter is named unless it is the only one."""
    found: dict[str, Any] = {}
    filters = {key.partition(",")[2] for key in values if "," in key}
    for key, value in values.items():
        metric, _, chosen = key.partition(",")
        if key in _PASSED_OVER or metric.endswith("_stderr") or not isinstance(value, int | float):
            continue
        error = values.get(f"{metric}_stderr,{chosen}")
        known = isinstance(error, int | float) and math.isfinite(error)
        name = metric if len(filters) < 2 or chosen == "none" else f"{metric},{chosen}"
        found[name] = {
            "value": float(value) if math.isfinite(value) else None,
            "stderr": float(error) if known and error is not None else None,
            "n": int((counts or {}).get("effective", 0)),
        }
    return found


def _sample(name: str, line: Mapping[str, Any], how: How) -> dict[str, Any]:
    """A document of the harness as a line of samples/KEY.jsonl."""
    arguments = line.get("arguments") or [("",)]
    if isinstance(arguments, dict):
        arguments = [tuple(a.values()) for a in arguments.values()]
    responses = line.get("resps") or []
    scores = {m: _score(line[m]) for m in line.get("metrics", ()) if m in line}
    made: dict[str, Any] = {"id": f"{name}/{line['doc_id']}", "prompt": str(arguments[0][0])}
    choices = [
        {"text": str(a[1]), "log_likelihood": float(r[0][0]), "greedy": bool(r[0][1])}
        for a, r in zip(arguments, responses, strict=False)
        if len(a) > 1 and isinstance(a[1], str) and isinstance(r[0], tuple | list) and len(r[0]) == 2
    ]
    if choices:
        made["choices"] = choices
    else:
        made["texts"] = [str(r[0]) for r in responses]
    known = {m: v for m, v in scores.items() if v is not None}
    return made | {"gold": str(line.get("target")), "score": known, "template": how.template}


def _score(value: Any) -> float | None:
    return float(value) if isinstance(value, bool | int | float) and math.isfinite(value) else None


def _short(e: BaseException) -> str:
    return " ".join(str(e).split())[:200] or "no reason given"


def make_lm(backend: Any, journal: Journal, how: How, progress: Callable[[int, int], None]) -> Any:
    """A model of the harness that has a backend answer its requests."""
    from lm_eval.api.model import LM  # pyright: ignore[reportMissingImports]

    class HeedfulLM(LM):
        """Its three kinds of requests, each asked once and journalled."""

        def __init__(self) -> None:
            super().__init__()
            self.failed, self.truncated = 0, 0
            self.first_error: str | None = None

        @property
        def tokenizer_name(self) -> str:
            return str(backend.name)

        def chat_template(self, chat_template: bool | str = False) -> str:
            return str(backend.chat.text) if chat_template else ""

        def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
            turns = [Message(_role(t["role"]), t["content"]) for t in chat_history]
            if add_generation_prompt or not turns or turns[-1].role != "assistant":
                return backend.render(turns)
            return backend.render(turns[:-1]) + turns[-1].content

        def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
            rows = [Continuation(*r.args, plain=how.plain) for r in requests]
            keys = [hash_of(["choice", r.context, r.continuation, r.plain], 32) for r in rows]
            asked = {key: Request(key, row) for key, row in zip(keys, rows, strict=True)}
            found = self._ask(asked)
            return [
                (float(found[k].get("log_likelihood", math.nan)), bool(found[k].get("greedy", False))) for k in keys
            ]

        def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
            keys = [hash_of(["rolling", r.args[0]], 32) for r in requests]
            todo = {k: r.args[0] for k, r in zip(keys, requests, strict=True) if k not in journal.answers}
            for done, said in enumerate(backend.rolling(list(todo.values())), 1):
                journal.answer([*todo][said.index], {"log_likelihood": said.log_likelihood, "tokens": said.tokens})
                progress(len(requests) - len(todo) + done, len(requests))
            return [float(journal.answers[k]["log_likelihood"]) for k in keys]

        def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
            made = [_generation(r.args, how) for r in requests]
            found = self._ask({r.key: r for r in made})
            return [str(found[r.key].get("text", "")) for r in made]

        def _ask(self, asked: Mapping[str, Request]) -> Mapping[str, Mapping[str, Any]]:
            ask(asked, backend, journal, progress)
            for key in asked:
                error = journal.answers[key].get("error")
                self.failed += bool(error)
                self.first_error = self.first_error or error
                self.truncated += bool(journal.answers[key].get("truncated"))
            return journal.answers

    return HeedfulLM()


def _role(role: str) -> Any:
    return role if role in ("system", "user", "assistant") else "user"


def _generation(arguments: tuple[str, Mapping[str, Any]], how: How) -> Request:
    """A request to write: the harness's ``until``, ``max_gen_toks`` and sampling, a template's text among them."""
    context, given = arguments
    until = given.get("until") or ()
    sampled = bool(given.get("do_sample")) and float(given.get("temperature") or 0) > 0
    settings = GenerationSettings(
        max_new_tokens=int(given.get("max_gen_toks") or given.get("max_new_tokens") or MOST_TOKENS),
        temperature=float(given["temperature"]) if sampled else 0.0,
        top_p=float(given.get("top_p") or 1.0) if sampled else 1.0,
        stop=tuple(s for s in ([until] if isinstance(until, str) else until) if s),
        batch_size=how.batch_size,
    )
    return Request(hash_of(["text", context, settings.hash, how.plain], 32), None, context, settings)


def split_names(texts: Sequence[str]) -> Iterator[str]:
    """The names of ``--task A,B --task C``."""
    for text in texts:
        yield from (name.strip() for name in text.split(",") if name.strip())
