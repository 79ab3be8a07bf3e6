"""heedful train --plan: everything that can be checked and told without loading the weights."""

from __future__ import annotations

import json
import math
from typing import Any

import typer


def show_plan(recipe: Any, out: str | None, as_json: bool) -> None:
    """Read the data, bind the template, count tokens and steps; print what a run would do. Nothing is written.

    What a run into `out` would be refused for is refused here.
    """
    from heedful.chat import Chat
    from heedful.data import ledger_lines
    from heedful.models.loading import load_tokenizer
    from heedful.store import RunFolder
    from heedful.train.prepare import prepare_data
    from heedful.train.training import need_trackers

    need_trackers(recipe)
    if out is not None:
        RunFolder(out).check_new()
    tokenizer = load_tokenizer(recipe.model, recipe.trust_remote_code, lambda s: typer.echo(s, err=True))
    chat = Chat.bind(recipe.template, tokenizer)
    data = prepare_data(recipe, chat)
    rows = data.tokens["train"]
    needs, why_not = _estimate(recipe, data)
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
        "memory_gb": needs.memory_gb if needs else None,
        "seconds_per_step": needs.seconds_per_step if needs else None,
        "minutes": needs.minutes if needs else None,
        "estimate": needs.to_json() if needs else {"unknown": why_not},
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
        f"{plan['test_questions']:,} test question{'s' * (plan['test_questions'] != 1)} answered before and after, "
        f"at most {recipe.max_new_tokens} new tokens each\n" + _needs_line(needs, why_not)
    )


def _estimate(recipe: Any, data: Any) -> tuple[Any, str]:
    """What training will need here, else None and why that is not known."""
    from heedful.models.machine import choose_device, choose_precision
    from heedful.train.probe import estimate, source_of

    source = source_of(recipe.model)
    if source is None:
        return None, f"{recipe.model} brings no config.json that could be read without the weights"
    precision = choose_precision(recipe.precision, choose_device(recipe.device))
    return estimate(recipe, source, data.tokens["train"], data.tokens["val"], precision), ""


def _needs_line(needs: Any, why_not: str) -> str:
    from heedful.cli.live import duration

    if needs is None:
        return f"memory and time are not known before it is loaded: {why_not}"
    how = {
        "measured": "tried on two layers of random weights here",
        "arithmetic": "by operations alone: its layers are too large to be tried here",
    }[needs.basis]
    return (
        f"about {needs.memory_gb:.1f} GB of memory, {_seconds(needs.seconds_per_step)} s a step, "
        f"{duration(60 * needs.minutes)} of training in {needs.precision} ({how})"
    )


def _seconds(value: float) -> str:
    """
    >>> _seconds(0.0123), _seconds(4.26), _seconds(286.2)
    ('0.012', '4.3', '286')
    """
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"
