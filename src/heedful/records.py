"""The records that pass between the parts of Heedful, and their JSON forms.

    row -> Example -> TokenExample -> batch -> checkpoint
           Example + model -> Response -> Score

All are frozen dataclasses. `to_json` gives plain JSON values without the fields that are None where None is
the default; `from_json` checks types and refuses unknown keys. `json_schema` gives a record's published schema.
Ids join everything: a Response names its example, a Score names its response or, for a pair, both.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from heedful.errors import DataError

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "error"]
ROLES: tuple[str, ...] = ("system", "user", "assistant", "tool")
TRAIN_ON: tuple[str, ...] = ("answers", "last-answer", "everything")  # which tokens of a conversation


def _short_repr(self: Any) -> str:
    """A record as Python would write it, without the fields that say nothing."""
    shown = [(f.name, getattr(self, f.name)) for f in dataclasses.fields(self)]
    given = [f"{name}={value!r}" for name, value in shown if not (name in _OMIT and value == _OMIT[name])]
    return f"{type(self).__name__}({', '.join(given)})"


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """One turn of a conversation.

    `context` is Alpaca's ``input``: a template with a place for it puts it there, any other puts it after the
    content and a blank line. `train` overrides, for this turn alone, whether its tokens are trained.
    `tool_calls`, `tool_call_id` and `name` are OpenAI's; `reasoning_content` is what a model thought before it
    answered. Only templates with a place for them take them; any other refuses the row.
    """

    role: Role
    content: str
    context: str | None = None
    train: bool | None = None
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    reasoning_content: str | None = None

    __repr__ = _short_repr


@dataclass(frozen=True, slots=True, repr=False)
class Example:
    """One row of data: a conversation that ends, for training, with an assistant's turn.

    `source` says where it came from, ``train.jsonl:17``. `fields` keeps other columns of the row by name.
    `group` names what it belongs to (a conversation, a tree): a split keeps a group on one side. `tools` are the
    functions that the model may call, as OpenAI writes them.
    """

    id: str
    messages: tuple[Message, ...]
    source: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    group: str | None = None
    tools: tuple[Mapping[str, Any], ...] = ()

    __repr__ = _short_repr

    @property
    def prompt(self) -> tuple[Message, ...]:
        """The messages before the last answer: what the model is asked."""
        if self.messages and self.messages[-1].role == "assistant":
            return self.messages[:-1]
        return self.messages

    @property
    def reference(self) -> str | None:
        """The expected answer: the content of the last turn where that is the assistant's, else None."""
        if self.messages and self.messages[-1].role == "assistant":
            return self.messages[-1].content
        return None


@dataclass(frozen=True, slots=True)
class TokenExample:
    """One row as the model sees it: `ids` and, for each, whether it is trained as a target.

    Shapes: both (T,). `loss_mask[t]` says whether `ids[t]` is to be predicted (from the ids before it).
    `truncated` is the number of tokens that were cut to meet a length limit.
    """

    id: str
    ids: tuple[int, ...]
    loss_mask: tuple[bool, ...]
    truncated: int = 0

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.loss_mask):
            raise ValueError(f"{self.id}: {len(self.ids)} ids but {len(self.loss_mask)} mask entries")

    @property
    def trained_tokens(self) -> int:
        """How many tokens are trained."""
        return sum(self.loss_mask)


@dataclass(frozen=True, slots=True)
class Response:
    """A model's answer to one example.

    `settings` is the hash of the generation settings; `seconds` is the row's share of its batch's time.
    """

    id: str
    example_id: str
    model: str
    settings: str
    messages: tuple[Message, ...]
    reference: str | None
    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    tokens: int
    seconds: float
    error: str | None = None
    schema: str = "heedful.response/1"


@dataclass(frozen=True, slots=True)
class Score:
    """One rating of one response (or of a pair), by a metric, a person or a judge.

    `value` is None where no rating could be had (a failed request, an unreadable verdict, no reference);
    such scores are counted in every report, never taken for 0. `rater` says who: ``metric``, ``human:ann``, ...
    """

    id: str
    example_id: str
    responses: tuple[str, ...]
    scorer: str
    rater: str
    value: float | None
    answer: str | None = None
    explanation: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    schema: str = "heedful.score/1"


Record = TypeVar("Record", Message, Example, TokenExample, Response, Score)

# Fields that stay out of the JSON while they have these values, so that files are short.
_OMIT: dict[str, Any] = {
    "context": None,
    "train": None,
    "fields": {},
    "metadata": {},
    "explanation": None,
    "answer": None,
    "tool_calls": (),
    "tool_call_id": None,
    "name": None,
    "reasoning_content": None,
    "group": None,
    "tools": (),
}


def to_json(record: Any) -> dict[str, Any]:
    """A record as plain JSON values; optional fields that say nothing are left out.

    >>> to_json(Message("user", "Hello"))
    {'role': 'user', 'content': 'Hello'}
    """
    out: dict[str, Any] = {}
    for f in dataclasses.fields(record):
        value = getattr(record, f.name)
        if f.name in _OMIT and value == _OMIT[f.name]:
            continue
        out[f.name] = _plain(value)
    return out


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_json(value)
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value


@functools.cache
def _adapter(cls: type) -> Any:
    from pydantic import TypeAdapter  # slow to import, and only reading needs it

    return TypeAdapter(cls)


def from_json(cls: type[Record], value: Any, where: str = "") -> Record:
    """Read a record back from JSON values, with types checked.

    Raises DataError naming `where` (``responses.jsonl:3``) if a field is missing, unknown or of a wrong type.
    """
    from pydantic import ValidationError

    if isinstance(value, Mapping):
        unknown = [k for k in value if k not in {f.name for f in dataclasses.fields(cls)}]
        if unknown:
            raise DataError(f"{where}: a {cls.__name__} has no field '{unknown[0]}'; check what wrote the file")
    try:
        return _adapter(cls).validate_python(value)
    except ValidationError as e:
        first = e.errors()[0]
        path = ".".join(str(p) for p in first["loc"]) or "the line"
        raise DataError(f"{where}: not a {cls.__name__}: {path}: {first['msg'].lower()}") from None


def json_schema(cls: type) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a record, as published in ``docs/schemas``."""
    return _adapter(cls).json_schema()


def hash_of(value: Any, length: int = 16) -> str:
    """A short SHA-256 of JSON values, the same on every machine and in every process.

    >>> hash_of({"b": 1, "a": [2]}) == hash_of({"a": [2], "b": 1})
    True
    """
    text = json.dumps(_plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def conversation_id(messages: Sequence[Message]) -> str:
    """An id made from the text of a conversation, for rows that bring none of their own."""
    return hash_of([to_json(m) for m in messages], length=12)
