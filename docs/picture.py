"""The second half of docs/architecture.svg: the layers, from the table in tests/test_layers.py that enforces them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEGIN = '  <text x="20" y="418" class="head">'
TOP, STEP, WIDTH, LINE = 438, 33, 820, 125  # a row's place and height; characters that a row has room for
WORDS = {
    "cli": "one file for each command",
    "review": "marks by hand",
    "arena": "votes on two answers",
    "serve": "an OpenAI-compatible server",
    "web": "local pages, guarded",
    "helm": "scenarios by metrics",
    "evals": "OpenAI Evals",
    "export": "folders, GGUF",
    "workflow": "the phases of a run",
    "view": "who shows how it goes",
    "report": "the page",
    "judge": "a model reads answers",
    "compare": "better, worse, inconclusive",
    "bench": "tasks asked and scored",
    "convert": "recipes",
    "train": "recipe, loop, verdict",
    "responses": "what is still to be asked",
    "conversation": "turns",
    "backends": "in this process, behind a server, scripted; generation and scoring",
    "tasks": "a file for each benchmark",
    "models": "loading, adapters",
    "scorers": "metrics",
    "batches": "padding, the shift",
    "ratings": "Bradley-Terry, Elo",
    "data": "formats, splits, ledger",
    "chat": "templates, masks",
    "store": "a run's folder",
}


def layers() -> tuple[tuple[str, ...], ...]:
    """The table of tests/test_layers.py, the lowest layer first."""
    tree = ast.parse((ROOT / "tests" / "test_layers.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "LAYERS" for t in node.targets):
            return ast.literal_eval(node.value)
    raise SystemExit("tests/test_layers.py has no table LAYERS; the picture is drawn from it")


def fresh_picture(text: str) -> str:
    """The picture with its layers as they are now; the flow above them is drawn by hand."""
    begun = text[: text.index(BEGIN)]
    rows = [_row(names, TOP + STEP * number) for number, names in enumerate(reversed(_joined(layers())))]
    height = TOP + STEP * len(rows) + 16
    begun = re.sub(r'viewBox="0 0 860 \d+"', f'viewBox="0 0 860 {height}"', begun, count=1)
    return "\n".join([f"{begun}{BEGIN}The layers: imports point down only</text>", *rows, "</svg>"]) + "\n"


def _joined(table: tuple[tuple[str, ...], ...]) -> list[tuple[str, ...]]:
    """The layers, the lowest ones, of one name each, as one row: what all others may use."""
    lowest = next(number for number, names in enumerate(table) if len(names) > 1)
    return [tuple(name for names in table[:lowest] for name in names), *table[lowest:]]


def _row(names: tuple[str, ...], y: int) -> str:
    named = [_named(name) for name in names]
    if sum(len(n) + len(WORDS.get(n, "")) + 4 for n in names) > LINE:  # no room for words
        named = list(names)
    mark = ' class="mark"' if "errors" in names else ""
    return (
        f'  <rect x="20" y="{y}" width="{WIDTH}" height="28"{mark}/>'
        f'<text x="{20 + WIDTH // 2}" y="{y + 19}">{" · ".join(named).replace("_", " ")}</text>'
    )


def _named(name: str) -> str:
    return f'{name} <tspan class="soft">{WORDS[name]}</tspan>' if name in WORDS else name
