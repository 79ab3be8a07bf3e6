"""Over-long rows: dropped, refused, or shortened without losing what is to be learnt.

    [system] [q1 a1] [q2 a2] [q3 + input, a3]    a conversation; every answer is trained
    [system]         [q2 a2] [q3 + input, a3]    1. its oldest turns go, one question with its answers at a time
    [system]                 [q3 + inp  , a3]    2. then the end of its input
    [system]                 [q3        , a  ]   3. and only under ``truncate-answer`` the end of its last answer

System messages and tools stay, the last question stays, and the row ends with its trained stop token in every case.
Turns after the last trained answer change no loss (nothing that is trained reads them), so they go before all others.
A row in which nothing is trained is dropped, however short: it would only cost time, and a step of such rows would
have no loss.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from heedful.chat import Chat
from heedful.data.formats import Drop
from heedful.errors import DataError, RequestError, TemplateError, did_you_mean
from heedful.records import Example, Message, TokenExample

OVERLONG: tuple[str, ...] = ("drop", "truncate", "truncate-answer", "error")
CutPart = Literal["turns", "later turns", "input", "answer"]


@dataclass(frozen=True)
class Cut:
    """Something that was cut from a row: `tokens` of a part, before token number `at` of what is left."""

    part: CutPart
    tokens: int
    at: int


@dataclass(frozen=True)
class Fitted:
    """A row that meets the length limit: the example as it is trained, its tokens, and what was cut."""

    example: Example
    row: TokenExample
    cuts: tuple[Cut, ...] = ()

    @property
    def answer_cut(self) -> bool:
        """Whether an answer lost tokens."""
        return any(cut.part == "answer" for cut in self.cuts)


def fit_rows(
    examples: Iterable[Example],
    chat: Chat,
    train_on: str = "answers",
    max_length: int | None = None,
    overlong: str = "drop",
) -> Iterator[Fitted | Drop]:
    """`fit_row` for many rows, in order and several times as fast."""
    ahead, rows = itertools.tee(examples)
    for example, encoded in zip(rows, chat.try_encode_all(ahead, train_on), strict=True):
        yield fit_row(example, chat, train_on, max_length, overlong, encoded)


def fit_row(
    example: Example,
    chat: Chat,
    train_on: str = "answers",
    max_length: int | None = None,
    overlong: str = "drop",
    encoded: TokenExample | TemplateError | None = None,
) -> Fitted | Drop:
    """Encode a row and meet the length limit (in tokens; None is no limit), or say why the row must be dropped.

    `encoded` is what encoding it gave, where that is known. Raises DataError for an over-long row if `overlong` is
    ``error``, RequestError for an unknown `overlong`.
    """
    if overlong not in OVERLONG:
        raise RequestError(f"overlong '{overlong}'{did_you_mean(overlong, OVERLONG)}: choose {', '.join(OVERLONG)}")
    try:
        row = chat.encode(example, train_on) if encoded is None else encoded
        if isinstance(row, TemplateError):
            raise row
        if not row.trained_tokens:
            sentence = "nothing in the row is trained, so it teaches nothing; take train: false from one of its answers"
            return Drop("nothing_trained", sentence, example.source)
        if max_length is None or len(row.ids) <= max_length:
            return Fitted(example, row)
        if overlong == "error":
            raise DataError(
                f"{example.source}: the row has {len(row.ids):,} tokens, more than max_length {max_length:,}; "
                "raise max_length, or set overlong to drop or truncate"
            )
        made = None
        if overlong != "drop":
            made = shorten(example, chat, train_on, max_length, row, overlong == "truncate-answer")
    except TemplateError as e:
        return Drop("template", str(e), example.source)
    if made is not None:
        return made
    rest = {"truncate": " even without its input", "truncate-answer": " even with its answer cut"}.get(overlong, "")
    return Drop("too_long", f"longer than max_length {max_length:,} tokens{rest}", example.source)


def shorten(
    example: Example, chat: Chat, train_on: str, max_length: int, whole: TokenExample, cut_answer: bool = False
) -> Fitted | None:
    """A row of at most `max_length` tokens made of an over-long one, whose tokens are `whole`; None where none can be.

    Raises TemplateError where the template refuses the shortened conversation.
    """

    def made(messages: Sequence[Message]) -> _Stage:
        changed = dataclasses.replace(example, messages=tuple(messages))
        return _Stage(changed, chat.encode(changed, train_on))

    stages: list[tuple[CutPart, _Stage]] = []
    now = _Stage(example, whole)
    parts: list[tuple[CutPart, Callable[[Sequence[Message]], _Choices | None]]] = [
        ("later turns", lambda messages: _without_later(messages, train_on)),
        ("turns", lambda messages: _without_oldest(messages, train_on, chat, len(now.row.ids) - max_length)),
        ("input", lambda messages: _without_input(messages, chat, len(now.row.ids) - max_length)),
    ]
    if cut_answer:
        parts.append(("answer", lambda messages: _without_answer(messages, chat, len(now.row.ids) - max_length)))
    for part, choices_of in parts:
        choices = choices_of(now.example.messages)
        if choices is None:
            continue
        found = _most_that_fits(lambda k, c=choices: made(c.messages(k)), choices, max_length)
        if found.example.messages != now.example.messages:
            stages.append((part, now))
            now = found
        if len(now.row.ids) <= max_length:
            break
    if len(now.row.ids) > max_length or not now.row.trained_tokens:
        return None
    row = dataclasses.replace(now.row, truncated=len(whole.ids) - len(now.row.ids))
    return Fitted(now.example, row, _cuts(stages, now, chat))


@dataclass(frozen=True)
class _Stage:
    example: Example
    row: TokenExample


@dataclass(frozen=True)
class _Choices:
    """Ways to shorten a conversation: `messages(k)` keeps more the higher k is, for k from `low` to `high`.

    `guess` is the k that ought to be the highest that fits.
    """

    messages: Callable[[int], Sequence[Message]]
    low: int
    high: int
    guess: int


def _most_that_fits(made: Callable[[int], _Stage], choices: _Choices, max_length: int) -> _Stage:
    """The stage with the highest k that fits, else that of the lowest k.

    From the guess on in steps that double, then by halving: a good guess is confirmed by two encodings, and what is
    far from the limit is not encoded at all.
    """
    stages: dict[int, _Stage] = {}

    def fits(k: int) -> bool:
        stages[k] = made(k)
        return len(stages[k].row.ids) <= max_length

    good, bad, step = choices.low - 1, choices.high + 1, 1  # the answer lies between: good <= answer < bad
    k = min(max(choices.guess, choices.low), choices.high)
    if fits(k):
        good = k
        while good < choices.high:
            k = min(choices.high, good + step)
            if not fits(k):
                bad = k
                break
            good, step = k, step * 2
    else:
        bad = k
        while bad > choices.low:
            k = max(choices.low, bad - step)
            if fits(k):
                good = k
                break
            bad, step = k, step * 2
    while bad - good > 1:
        k = (good + bad) // 2
        good, bad = (k, bad) if fits(k) else (good, k)
    return stages[max(good, choices.low)]


# ---- the parts that can go --------------------------------------------------------------------------------------


def _is_trained(messages: Sequence[Message], k: int, train_on: str) -> bool:
    """Whether turn `k` is an answer that is trained."""
    m = messages[k]
    if m.role != "assistant" or m.train is False:
        return False
    return train_on != "last-answer" or k == len(messages) - 1 or m.train is True


def _without_later(messages: Sequence[Message], train_on: str) -> _Choices | None:
    """The conversation up to its last trained answer, where turns follow it."""
    last = max((k for k in range(len(messages)) if _is_trained(messages, k, train_on)), default=None)
    if last is None or last == len(messages) - 1 or train_on == "everything":
        return None
    return _Choices(lambda _: messages[: last + 1], 0, 0, 0)


def _without_oldest(messages: Sequence[Message], train_on: str, chat: Chat, too_many: int) -> _Choices | None:
    """The conversation without its first groups of turns; the last that is trained stays, and so do system messages."""
    first = next((k for k, m in enumerate(messages) if m.role != "system"), 0)
    starts = [first, *(k for k in range(first + 1, len(messages)) if _begins_group(messages, k))]
    if train_on != "everything":
        last = max((k for k in range(len(messages)) if _is_trained(messages, k, train_on)), default=len(messages) - 1)
        starts = [k for k in starts if k <= last]
    groups = len(starts)
    if groups < 2:
        return None

    def kept(k: int) -> list[Message]:  # the k newest groups
        start = starts[groups - k]
        return [m for i, m in enumerate(messages) if i >= start or m.role == "system"]

    guess, gone = groups, 0
    while guess > 1 and gone < too_many:
        guess -= 1
        for m in messages[starts[groups - guess - 1] : starts[groups - guess]]:
            gone += len(_ids(chat, m.content)) + len(_ids(chat, m.context or "")) + 4  # its markers, roughly
    return _Choices(kept, 1, groups - 1, guess)


def _begins_group(messages: Sequence[Message], k: int) -> bool:
    return messages[k].role in ("user", "system") and messages[k - 1].role == "assistant"


def _without_input(messages: Sequence[Message], chat: Chat, too_many: int) -> _Choices | None:
    """The conversation with less of its inputs (`context`): the end of the oldest goes first."""
    places = [k for k, m in enumerate(messages) if m.context]
    if not places:
        return None
    lengths = [len(messages[k].context or "") for k in places]

    def kept(k: int) -> list[Message]:  # k characters of all inputs together
        out, gone = list(messages), sum(lengths) - k
        for place, length in zip(places, lengths, strict=True):
            less = min(length, gone)
            gone -= less
            context = (messages[place].context or "")[: length - less] or None
            out[place] = dataclasses.replace(messages[place], context=context)
        return out

    guess = sum(lengths)
    for place, length in zip(places, lengths, strict=True):
        left, gone = _characters_of_fewer(chat, messages[place].context or "", too_many)
        guess, too_many = guess - (length - left), too_many - gone
    return _Choices(kept, 0, sum(lengths) - 1, guess)


def _without_answer(messages: Sequence[Message], chat: Chat, too_many: int) -> _Choices | None:
    """The conversation with less of its last answer; at least a character of it stays."""
    answer = messages[-1].content
    least = next((k + 1 for k, c in enumerate(answer) if not c.isspace()), len(answer))
    if least >= len(answer):
        return None
    guess, _ = _characters_of_fewer(chat, answer, too_many)
    return _Choices(
        lambda k: [*messages[:-1], dataclasses.replace(messages[-1], content=cut_text(answer, k, least))],
        least,
        len(answer) - 1,
        guess,
    )


_ENDS = (re.compile(r"[.!?…][\"'”’)\]]*(?=\s)|[。！？]|\n"), re.compile(r"\S(?=\s)"))  # of sentences, of words


def cut_text(text: str, most: int, least: int = 1) -> str:
    """The beginning of a text, of at most `most` characters, that ends a sentence, else a word, else anywhere.

    An end is looked for in the second half only: a text without any is not thrown away.

    >>> cut_text("It is red. It is big.", 15), cut_text("It is a red house.", 10)
    ('It is red.', 'It is a')
    """
    head = max(least, most // 2)
    for ends in _ENDS:
        found = [m.end() for m in ends.finditer(text[: most + 1]) if head <= m.end() <= most]
        if found:
            return text[: found[-1]].rstrip()
    return text[: max(most, least)]


def _characters_of_fewer(chat: Chat, text: str, too_many: int) -> tuple[int, int]:
    """About how many characters of a text stay when it loses so many tokens, and how many tokens it can lose."""
    if too_many <= 0:
        return len(text), 0
    ids = _ids(chat, text)
    if too_many >= len(ids):
        return 0, len(ids)
    return min(len(text), len(chat.tokenizer.decode(ids[: len(ids) - too_many]))), too_many


def _ids(chat: Chat, text: str) -> list[int]:
    return chat.tokenizer.encode(text, add_special_tokens=False) if text else []


# ---- where it was cut -------------------------------------------------------------------------------------------


def _cuts(stages: Sequence[tuple[CutPart, _Stage]], final: _Stage, chat: Chat) -> tuple[Cut, ...]:
    """Each stage's cut and its place among the final tokens: where they part from the tokens before the stage."""
    after = [stage for _, stage in stages[1:]] + [final]
    ids, out = final.row.ids, []
    for (part, before), then in zip(stages, after, strict=True):
        pairs = zip(before.row.ids, ids, strict=False)
        at = next((k for k, (a, b) in enumerate(pairs) if a != b), min(len(before.row.ids), len(ids)))
        if part == "later turns":
            at = len(ids)
        elif part == "turns":
            at = _turn_start(ids, at, chat)
        out.append(Cut(part, len(before.row.ids) - len(then.row.ids), at))
    return tuple(out)


def _turn_start(ids: Sequence[int], at: int, chat: Chat) -> int:
    """Where the turn begins that reaches over token `at`: two turns begin alike, and part only after that."""
    stop = next((k for k in reversed(range(at)) if ids[k] == chat.stop_id), None)
    if stop is None:
        bos = chat.tokenizer.bos_token
        return min(at, 1) if bos and ids[0] == chat.tokenizer.convert_tokens_to_ids(bos) else 0
    start = stop + 1
    while start < at and not str(chat.tokenizer.decode([ids[start]])).strip():
        start += 1
    return start
