"""The table of `heedful bench`, 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from heedful.bench import BenchFolder
from heedful.cli.live import duration
from heedful.errors import printable

WIDTH = 80
PARTS_SHOWN = 12
_FACTS = ("profile", "main")


def bench_lines(results: Mapping[str, Any], keys: Sequence[str], folder: BenchFolder) -> Iterator[str]:
    """The figures of the tasks that were asked for now, what a reader must know of them, and where everything is."""
    shown = [(key, *row) for key in keys for row in _rows(results, key)]
    names = [printable(name) for _, name, _, _ in shown]
    metrics = [metric for _, _, metric, _ in shown]
    wide = min(max(map(len, [*names, "task"])), 32)
    metric_wide = min(max(map(len, [*metrics, "metric"])), WIDTH - wide - 43)
    yield f"model  {printable(str(results['model']))}"
    yield ""
    numbers = f"{'value':>7} {'± error':>8} {'n':>7} {'unscored':>8} {'guess':>5}"
    yield f"{'task':<{wide}}  {'metric':<{metric_wide}}  {numbers}"
    for name, (_, _, metric, entry) in zip(names, shown, strict=True):
        yield _row(_cut(name, wide), _cut(metric, metric_wide), wide, metric_wide, entry)
        if "clean" in entry:
            yield _row(_cut("  clean", wide), "", wide, metric_wide, entry["clean"])
    yield ""
    for key in keys:
        for sentence in _notes(key, results["tasks"][key]):
            yield from textwrap.wrap(printable(sentence), WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    yield f"written: {printable(str(folder.results))}, samples beside it"


def _rows(results: Mapping[str, Any], key: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every metric of a task as a whole, and the main one of its parts where they are few."""
    whole = results["results"][key]
    for metric in (m for m in whole if m not in _FACTS):
        yield key, metric, whole[metric]
    parts = results["tasks"][key]["parts"]
    for part in parts if len(parts) <= PARTS_SHOWN else ():
        entry = results["results"][f"{key}:{part}"]
        metrics = [m for m in entry if m not in _FACTS]
        metric = whole.get("main") if whole.get("main") in metrics else metrics[0]
        yield f"  {part}", str(metric), entry[metric]


def _row(name: str, metric: str, wide: int, metric_wide: int, entry: Mapping[str, Any]) -> str:
    numbers = f"{_number(entry['value']):>7} {_number(entry['stderr']):>8} {entry['n']:>7,}"
    unscored = f"{entry['unscored']:>8,}" if "unscored" in entry else " " * 8
    guess = f"{entry['guess']:>5.2f}" if "guess" in entry else ""
    return f"{name:<{wide}}  {metric:<{metric_wide}}  {numbers} {unscored} {guess}".rstrip()


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}" if abs(value) < 100 else f"{value:.1f}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _notes(key: str, task: Mapping[str, Any]) -> Iterator[str]:
    """What a reader must know of a task's figures."""
    template = task["template"]
    how = "plain text" if template["name"] == "none" else f"template {template['name']}"
    how += ", examples as turns" if template.get("multiturn") else ""
    shots = f"{task['shots']} shot{'s' * (task['shots'] != 1)}"
    speed = f", {task['items_per_second']:,.1f} items a second" if task["items_per_second"] else ""
    reused = f", {task['reused']:,} of them known before" if task["reused"] else ""
    yield (
        f"{key}: profile {task['profile']}, {shots}, {how}; {task['requests']:,} requests{reused}, "
        f"{duration(task['seconds'])}{speed}"
    )
    if "forward pass" in (task.get("scored_by") or ""):
        yield f"  {key}: scored row by row by {task['scored_by']}, which is slower than the scoring engine"
    if len(task["parts"]) > PARTS_SHOWN:
        yield f"  {key}: {len(task['parts'])} parts are in results.json"
    if task["limit"] is not None:
        yield f"  {key}: only the first {task['limit']:,} of each part (--limit): no figure of the benchmark"
    if task["failed"]:
        yield f"  {key}: {task['failed']:,} unscored, the first: {task['first_error']}"
    if task["truncated"]:
        yield f"  {key}: {task['truncated']:,} prompts were too long and lost their beginning"
    if task["trained_on"]:
        stand = "1 item stands" if task["trained_on"] == 1 else f"{task['trained_on']:,} items stand"
        yield f"  {key}: {stand} in the training rows; the lines 'clean' are without"
