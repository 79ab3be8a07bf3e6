"""From rows of many layouts to packed tensors, every mask worked by hand: one letter is one token.

A turn is the first letter of its role, its text and an end: ``u>p;`` asks, ``a>q$`` answers, where $ is the stop token.
In labels a dot is a position that predicts nothing (-100).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from heedful.batches import collate
from heedful.chat import Chat
from heedful.data import load_examples
from heedful.records import TokenExample
from heedful.train.truncation import Fitted, fit_row

TEMPLATE = (
    "{%- for m in messages -%}{{ m.role[0] }}>{{ m.content }}"
    "{{ '</s>' if m.role == 'assistant' else ';' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}a>{%- endif -%}"
)
FILES = {
    "alpaca.jsonl": {"instruction": "p", "output": "q"},
    "sharegpt.jsonl": {
        "conversations": [
            {"from": "human", "value": "x"},
            {"from": "gpt", "value": "y"},
            {"from": "human", "value": "z"},
            {"from": "bot", "value": "w"},
        ]
    },
    "messages.jsonl": {
        "messages": [
            {"role": "system", "content": "c"},
            {"role": "user", "content": "d"},
            {"role": "assistant", "content": "e", "weight": 0},
            {"role": "user", "content": "f"},
            {"role": "assistant", "content": "g"},
        ]
    },
    "prompt.jsonl": {
        "prompt": [
            {"role": "user", "content": "h"},
            {"role": "assistant", "content": "i"},
            {"role": "user", "content": "j"},
        ],
        "completion": [{"role": "assistant", "content": "k"}],
    },
}
# Which tokens of each row are trained (x), by what is trained.
ROWS = {
    "answers": [
        ("u>p;a>q$", "------xx"),
        ("u>x;a>y$u>z;a>w$", "------xx------xx"),
        ("s>c;u>d;a>e$u>f;a>g$", "------------------xx"),  # e has the weight 0
        ("u>h;a>i$u>j;a>k$", "--------------xx"),  # i stands in the prompt
    ],
    "last-answer": [
        ("u>p;a>q$", "------xx"),
        ("u>x;a>y$u>z;a>w$", "--------------xx"),
        ("s>c;u>d;a>e$u>f;a>g$", "------------------xx"),
        ("u>h;a>i$u>j;a>k$", "--------------xx"),
    ],
}


@pytest.fixture
def chat(make, tmp_path: Path) -> Chat:
    (tmp_path / "letters.jinja").write_text(TEMPLATE)
    return Chat.bind(str(tmp_path / "letters.jinja"), make("bytes"))


def rows_of(folder: Path, chat: Chat, train_on: str, max_length: int | None = None) -> list[TokenExample]:
    paths = []
    for name, value in FILES.items():
        paths.append(folder / name)
        paths[-1].write_text(json.dumps(value) + "\n")
    examples, _ = load_examples(paths)
    made = [fit_row(e, chat, train_on, max_length, "truncate") for e in examples]
    return [m.row for m in made if isinstance(m, Fitted)]


def letters(chat: Chat, ids) -> str:
    names = {chat.stop_id: "$", -100: "."}
    return "".join(names.get(i) or str(chat.tokenizer.decode([i])) for i in ids)


def marks(mask) -> str:
    return "".join("x" if m else "-" for m in mask)


@pytest.mark.parametrize("train_on", ROWS)
def test_every_layout_row_by_row(tmp_path: Path, chat: Chat, train_on: str):
    rows = rows_of(tmp_path, chat, train_on)
    assert [(letters(chat, r.ids), marks(r.loss_mask)) for r in rows] == ROWS[train_on]


def test_rows_side_by_side(tmp_path: Path, chat: Chat):
    batch = collate(rows_of(tmp_path, chat, "answers"), chat.stop_id)  # the stop token pads: the hardest case
    assert [letters(chat, ids) for ids in batch.input_ids.tolist()] == [
        "u>p;a>q$$$$$$$$$$$$",
        "u>x;a>y$u>z;a>w$$$$",
        "s>c;u>d;a>e$u>f;a>g",
        "u>h;a>i$u>j;a>k$$$$",
    ]
    assert [letters(chat, ids) for ids in batch.labels.tolist()] == [
        ".....q$............",
        ".....y$......w$....",
        ".................g$",
        ".............k$....",
    ]


@pytest.mark.parametrize(
    ("train_on", "labels"),
    [
        (
            "answers",
            [
                ".................g$...",  # messages
                ".....q$.....y$......w$",  # alpaca, then sharegpt: the stop token of q does not predict x's u
                ".............k$.......",  # prompt and completion
            ],
        ),
        ("last-answer", [".................g$...", ".....q$.............w$", ".............k$......."]),
    ],
)
def test_rows_packed(tmp_path: Path, chat: Chat, train_on: str, labels: list[str]):
    batch = collate(rows_of(tmp_path, chat, train_on), chat.stop_id, packed=True, max_length=26)
    assert [letters(chat, ids) for ids in batch.input_ids.tolist()] == [
        "s>c;u>d;a>e$u>f;a>g$$$",
        "u>p;a>qu>x;a>y$u>z;a>w",
        "u>h;a>i$u>j;a>k$$$$$$$",
    ]
    assert [letters(chat, ids) for ids in batch.labels.tolist()] == labels
    assert batch.row_of is not None
    assert batch.position_ids is not None
    assert ["".join(str(r) if r >= 0 else "-" for r in rows) for rows in batch.row_of.tolist()] == [
        "2222222222222222222---",
        "0000000111111111111111",
        "333333333333333-------",
    ]
    places = [*range(19), *range(3)], [*range(7), *range(15)], [*range(15), *range(7)]
    assert batch.position_ids.tolist() == [list(p) for p in places]
    assert batch.trained_tokens == sum(m == "x" for _, mask in ROWS[train_on] for m in mask)


def test_rows_that_were_cut_packed(tmp_path: Path, chat: Chat):
    """Of 12 tokens at most: the oldest turns go, the system message and the last answer with its stop token stay."""
    rows = rows_of(tmp_path, chat, "answers", max_length=12)
    assert [(letters(chat, r.ids), marks(r.loss_mask), r.truncated) for r in rows] == [
        ("u>p;a>q$", "------xx", 0),
        ("u>z;a>w$", "------xx", 8),
        ("s>c;u>f;a>g$", "----------xx", 8),
        ("u>j;a>k$", "------xx", 8),
    ]
    batch = collate(rows, chat.stop_id, packed=True, max_length=16)
    assert [letters(chat, ids) for ids in batch.input_ids.tolist()] == [
        "s>c;u>f;a>g$$$",
        "u>p;a>qu>j;a>k",  # the shortest sequence takes the next row: alpaca's, then that of the prompt
        "u>z;a>w$$$$$$$",
    ]
    assert [letters(chat, ids) for ids in batch.labels.tolist()] == [
        ".........g$...",
        ".....q$.....k$",
        ".....w$.......",
    ]


def test_packed_and_not_are_one_set_of_predictions(tmp_path: Path, chat: Chat):
    """Each label with all that its position may see: the earlier positions of its own row, and no other row's."""
    rows = rows_of(tmp_path, chat, "answers")
    expected = {"u>p;a>": "q", "u>p;a>q": "$", "u>x;a>": "y", "u>x;a>y": "$", "u>x;a>y$u>z;a>": "w"}
    expected |= {"u>x;a>y$u>z;a>w": "$", "s>c;u>d;a>e$u>f;a>": "g", "s>c;u>d;a>e$u>f;a>g": "$"}
    expected |= {"u>h;a>i$u>j;a>": "k", "u>h;a>i$u>j;a>k": "$"}
    for packed in (False, True):
        batch = collate(rows, chat.stop_id, packed=packed)
        seen = {}
        for b, t in torch.nonzero(batch.labels != -100).tolist():
            start = 0 if batch.position_ids is None else t - int(batch.position_ids[b, t])
            seen[letters(chat, batch.input_ids[b, start : t + 1].tolist())] = letters(chat, [int(batch.labels[b, t])])
        assert seen == expected
