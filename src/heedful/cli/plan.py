"""heedful train --plan: everything that can be checked and told without loading the weights."""

from __future__ import annotations

import json
import math
from typing import Any

import typer


def show_plan(recipe: Any, as_json: bool) -> None:
    """Read the data, bind the template, count tokens and steps; print what a run would do. Nothing is written."""
    from heedful.chat import Chat
    from heedful.data import ledger_lines
    from heedful.models.loading import load_tokenizer
    from heedful.train.prepare import prepare_data

    tokenizer = load_tokenizer(recipe.model, recipe.trust_remote_code, lambda s: typer.echo(s, err=True))
    chat = Chat.bind(recipe.template, tokenizer)
    data = prepare_data(recipe, chat)
    rows = data.tokens["train"]
    per_epoch = math.ceil(len(rows) / recipe.batch_size)
    steps = min(per_epoch * recipe.epochs, recipe.max_steps or 10**12)
    plan = {
        "model": recipe.model,
        "template": chat.name,
        "stop_token": chat.stop_token,
        "tuning": recipe.tuning,
        "learning_rate": recipe.rate,
        "steps": steps,
        "steps_per_epoch": per_epoch,
        "tokens": sum(len(r.ids) for r in rows) * steps // per_epoch,
        "trained_tokens": sum(r.trained_tokens for r in rows) * steps // per_epoch,
        "test_questions": len(data.examples["test"][: recipe.test_questions]),
        "ledger": data.ledger,
    }
    if as_json:
        typer.echo(json.dumps(plan, ensure_ascii=False, indent=2))
        return
    typer.echo("\n".join(ledger_lines(data.ledger or {}, 80)))
    typer.echo(
        f"\n{recipe.model}, template {chat.name} (stop token {chat.stop_token}), {recipe.tuning} at {recipe.rate:g}\n"
        f"{steps:,} steps of {recipe.batch_size} rows: {plan['tokens']:,} tokens, "
        f"{plan['trained_tokens']:,} of them trained\n"
        f"{plan['test_questions']:,} test questions answered before and after, "
        f"at most {recipe.max_new_tokens} new tokens each"
    )
