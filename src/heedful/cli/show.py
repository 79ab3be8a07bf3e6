"""heedful data show FILE: rows as the model sees them, with the tokens that are trained marked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from heedful.chat import Chat
    from heedful.records import TokenExample


def show(
    files: Annotated[list[str], typer.Argument(help="JSON, JSONL, CSV or Parquet.")],
    model: Annotated[str, typer.Option(help="The model whose tokenizer and template are used.")] = "pip:gemma3-270m",
    template: Annotated[str, typer.Option(help="A template; auto is the model's own, else alpaca.")] = "auto",
    train_on: Annotated[str, typer.Option(help="answers, last-answer or everything.")] = "answers",
    limit: Annotated[int, typer.Option(min=1, help="Rows to show.")] = 3,
    ids: Annotated[
        bool, typer.Option("--ids", help="A line for each token: its id, text and whether it is trained.")
    ] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let the model's repository run its own code.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Show rows as the model reads them; trained tokens are green, or between [[ and ]] where there is no colour."""
    from heedful.chat import Chat
    from heedful.data import load_examples
    from heedful.models.loading import load_tokenizer

    examples, _ = load_examples(files, limit=limit)
    chat = Chat.bind(template, load_tokenizer(model, trust_remote_code, lambda s: typer.echo(s, err=True)))
    rows = [(e, chat.encode(e, train_on)) for e in examples[:limit]]
    if as_json:
        typer.echo(
            json.dumps([{"id": e.id, "source": e.source, "ids": r.ids, "loss_mask": r.loss_mask} for e, r in rows])
        )
        return
    for example, row in rows:
        typer.echo(
            f"{example.source}  {len(row.ids)} tokens, {row.trained_tokens} trained, stop token {chat.stop_token}"
        )
        typer.echo(_token_lines(chat, row) if ids else _marked(chat, row))
        typer.echo("")


def _marked(chat: Chat, row: TokenExample) -> str:
    """The text of a row, runs of trained tokens marked."""
    import sys

    colour = sys.stdout.isatty()
    out, start = [], 0
    for t in range(1, len(row.ids) + 1):
        if t == len(row.ids) or row.loss_mask[t] != row.loss_mask[start]:
            text = chat.tokenizer.decode(list(row.ids[start:t]))
            if row.loss_mask[start]:
                text = typer.style(text, fg="green", bold=True) if colour else f"[[{text}]]"
            out.append(text)
            start = t
    return "".join(out)


def _token_lines(chat: Chat, row: TokenExample) -> str:
    lines = []
    for token, trained in zip(row.ids, row.loss_mask, strict=True):
        lines.append(f"{token:>8}  {'trained' if trained else '   -   '}  {chat.tokenizer.decode([token])!r}")
    return "\n".join(lines)
