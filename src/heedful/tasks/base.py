"""What a task of `heedful bench` is made of: a benchmark as one small file that declares, and functions that are pure.

    Task.items(places, plan)   rows of the owner's files  -> Item(prompt, choices, gold)
    a backend                  Item                       -> Outcome(log-likelihoods of the choices, or a text)
    Task.mark(outcome)         Outcome                    -> Mark(answer, scores)
    Task.figures(samples)      all items with their marks -> Figure(metric, value, stderr, n)

An item asks in one of two ways. With `choices` the likeliest continuation of the prompt is the answer, as
lm-evaluation-harness's ``multiple_choice`` has it; without, the model writes as the task's `generation` says. A task
knows no backend and no tokenizer: what it makes are texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from heedful.records import Message
from heedful.tasks.figures import Figure, means
from heedful.tasks.pieces import Span

if TYPE_CHECKING:
    from heedful.tasks.places import Places


@dataclass(frozen=True)
class Source:
    """Where a task's data comes from. `hub` and `revision` name a data set of the Hugging Face hub, pinned to a commit.

    `files` says in words which of the owner's files are read from a folder, as `heedful bench --list` shows it.
    """

    paper: str
    hub: str
    revision: str
    split: str
    shots_split: str | None
    files: str
    licence: str


@dataclass(frozen=True)
class Prompt:
    """A question with its examples. All texts stand as they are asked: an answer brings the space before it.

    >>> Prompt("2+2=", shots=(("1+1=", " 2"),), description="Sums.", separator="; ").text()
    'Sums.1+1= 2; 2+2='
    """

    question: str
    shots: tuple[tuple[str, str], ...] = ()
    description: str = ""
    separator: str = "\n\n"

    def text(self) -> str:
        """The prompt for a model that goes on with a text."""
        shots = "".join(f"{question}{answer}{self.separator}" for question, answer in self.shots)
        return f"{self.description}{shots}{self.question}"

    def messages(self, multiturn: bool = False) -> tuple[Message, ...]:
        """The prompt for a model with a chat template: all in one turn, or each example as a turn of its own.

        The description is the system's turn. White space around a turn belongs to the text form and is left out.
        """
        system = [Message("system", self.description.strip())] if self.description.strip() else []
        if not multiturn:
            shots = "".join(f"{question}{answer}{self.separator}" for question, answer in self.shots)
            return (*system, Message("user", f"{shots}{self.question}".strip()))
        turns = [
            turn
            for question, answer in self.shots
            for turn in (Message("user", question.strip()), Message("assistant", answer.strip()))
        ]
        return (*system, *turns, Message("user", self.question.strip()))


@dataclass(frozen=True)
class Item:
    """One question. `choices` are continuations of the prompt, with the space before them; empty where it is written.

    `gold` is what is right: a choice's number, a text, several texts, a number: for `mark` to read. `subset` is the
    part of the benchmark it belongs to (a subject), `group` what goes together when errors are estimated (a passage).
    `fields` keeps what `mark` and `figures` need besides.

    `inputs` are the places in the prompt's question of what comes from the row, `options` those of the row's answers
    that the question shows, after them; `row_choices` says that the choices themselves are texts of the row. They are
    for `heedful helm`, which asks again with other words; without them it does not.
    """

    id: str
    prompt: Prompt
    choices: tuple[str, ...] = ()
    gold: Any = None
    subset: str = ""
    group: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[Span, ...] = ()
    options: tuple[Span, ...] = ()
    row_choices: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a model made of an item.

    With choices: for each its `log_likelihoods` (natural logarithm, summed over its tokens), whether it is what the
    model would say (`greedy`) and its number of `tokens`. Without: the `texts` it wrote, one for each try. `error` says
    why there is neither; then the item is unscored.
    """

    item: Item
    log_likelihoods: tuple[float, ...] = ()
    greedy: tuple[bool, ...] = ()
    tokens: tuple[int, ...] = ()
    texts: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class Mark:
    """What an outcome is worth: the `answer` as it was read, and a score by metric; None where it could not be had."""

    answer: Any
    scores: Mapping[str, float | None]


@dataclass(frozen=True)
class Sample:
    """An item, what the model made of it and what that is worth."""

    outcome: Outcome
    mark: Mark

    @property
    def item(self) -> Item:
        return self.outcome.item


@dataclass(frozen=True)
class Generation:
    """How a task has answers written: the texts at which one ends, its most tokens, and how many tries are made.

    More than one try is sampled, at `temperature` (0: greedy).
    """

    stop: tuple[str, ...] = ()
    max_new_tokens: int = 32
    temperature: float = 0.0
    top_p: float = 1.0
    tries: int = 1


@dataclass(frozen=True)
class Plan:
    """What a run asks of a task: `subset` is a part or a group of parts ('' for all), `shots` examples before each
    question (None: as the task has it), `seed` the one that chooses them, `limit` the first items of each part.
    `split` is that of the hub (train, validation, test) for tasks with a choice, '' the source's own."""

    subset: str = ""
    shots: int | None = None
    seed: int = 0
    limit: int | None = None
    split: str = ""


@dataclass(frozen=True)
class Task:
    """A benchmark under one profile. The functions are pure, and what differs between profiles is in them.

    `sample_rows` are two rows in the form of the owner's files, by file name, from which `items` makes items with no
    other data: the contract test runs them. `runs_code` marks tasks that run what a model wrote. `submission` makes
    the files that the owner's leaderboard takes, by name.
    """

    name: str
    profile: str
    summary: str
    source: Source
    shots: int
    items: Callable[[Places, Plan], Sequence[Item]]
    mark: Callable[[Outcome], Mark]
    figures: Callable[[Sequence[Sample]], list[Figure]] = means
    generation: Generation | None = None
    subsets: tuple[str, ...] = ()
    sample_rows: Mapping[str, str] = field(default_factory=dict)
    runs_code: bool = False
    submission: Callable[[Sequence[Sample]], dict[str, str]] | None = None


def choose_likeliest(outcome: Outcome) -> Mark:
    """The mark of a multiple-choice item: right where the likeliest choice (the first of equals) is the gold one.

    `accuracy` compares the log-likelihoods as they are, `accuracy_norm` each divided by its choice's number of
    characters, as lm-evaluation-harness's ``acc_norm`` does.
    """
    if outcome.error or not outcome.log_likelihoods:
        return Mark(None, {"accuracy": None, "accuracy_norm": None})
    values = outcome.log_likelihoods
    by_length = [v / max(1, len(c.lstrip(" "))) for v, c in zip(values, outcome.item.choices, strict=True)]
    best = max(range(len(values)), key=values.__getitem__)
    best_norm = max(range(len(values)), key=by_length.__getitem__)
    gold = outcome.item.gold
    return Mark(best, {"accuracy": float(best == gold), "accuracy_norm": float(best_norm == gold)})
