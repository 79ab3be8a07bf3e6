"""Imports point one way, and nothing that needs no tensors imports torch."""

from __future__ import annotations

import ast
import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "heedful"

# What stands in a layer may import what stands in the layers before it, and its own.
LAYERS = (
    ("errors",),
    ("records",),
    ("templates",),
    ("control_tokens", "seams"),
    ("agreement", "chat", "sandbox", "stats", "store"),
    ("data",),
    ("batches", "ratings"),
    ("models", "scorers"),
    ("tasks",),
    ("backends",),
    ("conversation", "responses", "train"),
    ("judge", "compare", "bench", "convert"),
    ("report",),
    ("view",),
    ("workflow",),
    ("evals", "export", "helm"),
    ("web",),
    ("review", "arena", "serve"),
    ("cli",),
)
PLACE = {name: number for number, layer in enumerate(LAYERS) for name in layer}
# Only these may import torch and its like when they are themselves imported.
TENSORS = (
    "batches",
    "models.adapters",
    "models.layers",
    "models.checkpoints",
    "models.loading",
    "models.machine",
    "models.save",
    "models.quiet",
    "models.packaged",
    "backends.load",
    "backends.generation",
    "backends.scoring",
    "backends.transformers",
    "backends.worker",
    "train",
    "workflow",
)
HEAVY = ("torch", "transformers", "peft", "accelerate", "tokenizers", "safetensors")


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path, top_only: bool = False) -> set[str]:
    """The modules that a file imports, those for type checking left out."""
    found: set[str] = set()
    left: list[ast.AST] = [tree_of(path)]
    while left:
        node = left.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports in full"
            found.add(node.module or "")
            if node.module == "heedful":
                found |= {f"heedful.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            left.extend(node.orelse)
        elif top_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        elif not isinstance(node, ast.expr):
            left.extend(ast.iter_child_nodes(node))
    return found


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(p): p for p in sorted(SOURCE.rglob("*.py"))}


def test_imports_point_one_way():
    faults = []
    for module, path in MODULES.items():
        own = module.split(".")[0]
        if own not in PLACE:
            faults += [f"{own} has no layer: give it one in this test and in docs/architecture.md"] if own else []
            continue
        for name in imports(path):
            if not name.startswith("heedful."):
                continue
            other = name.split(".")[1]
            if other not in PLACE:
                faults.append(f"{module} imports {name}, which has no layer")
            elif other != own and PLACE[other] >= PLACE[own]:
                faults.append(f"{module} imports {name}, which stands above or beside it")
    assert faults == []


def test_no_tensors_where_none_are_needed():
    without = [m for m in MODULES if not any(f"{m}.".startswith(f"{t}.") for t in TENSORS)]
    heavy = {m: {n for n in imports(MODULES[m], top_only=True) if n.split(".")[0] in HEAVY} for m in without}
    assert len(heavy) > 100
    assert {m: names for m, names in heavy.items() if names} == {}


COMMANDS = {
    "--help": "--help",
    "--version": "--version",
    "train --help": "train --help",
    "train --print-recipe": "train --print-recipe",
    "data check": "data check DATA",
    "data split": "data split DATA --split 80/10/10 --out OUT",
    "report": "report RUN",
    "compare": "compare run:RUN@base RUN",
    "arena": "arena --import VOTES --votes OUT/arena.sqlite",
    "rate": "rate VOTES",
    "review": "review RUN --offline OUT/page.html --marks OUT/marks.sqlite",
    "respond": "respond scripted:SCRIPT --data DATA --out OUT/answers.jsonl",
    "bench --list": "bench --list",
    "bench": "bench scripted:SCRIPT --task TASK --out OUT/bench",
    "helm --list": "helm --list",
    "helm": "helm scripted:SCRIPT --scenario TASK --out OUT/helm",
    "chat": "chat scripted:SCRIPT --json",
    "serve --help": "serve --help",
}
# Each command in a fork of one process that has imported what all of them begin with, and what is large and allowed.
ALLOWED = ("numpy", "pydantic", "jinja2", "yaml", "starlette.applications", "scipy.stats", "sacrebleu")
ALLOWED += ("rouge_score.rouge_scorer",)
STARTER = """
import contextlib, importlib, io, json, os, sys
import heedful
def heavy():
    return [m for m in HEAVY if m in sys.modules]
found = {"import": [0, heavy(), ""]}
from heedful.cli.main import main
for name in ALLOWED:
    importlib.import_module(name)
assert not heavy(), f"{ALLOWED} bring {heavy()}"
for name, words in COMMANDS.items():
    ours, theirs = os.pipe()
    if os.fork() == 0:
        sys.argv, status, said = ["heedful", *words], 0, io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            try:
                main()
            except SystemExit as e:
                status = e.code or 0
            except BaseException as e:
                status = repr(e)
        os.write(theirs, json.dumps([status, heavy(), said.getvalue()[-2000:]]).encode())
        os._exit(0)
    os.wait()
    found[name] = json.loads(os.read(ours, 60_000))
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def started(tiny, tiny_run, tmp_path_factory) -> dict[str, list]:
    """Of each command its exit status, which heavy modules it had imported when it ended, and what it said."""
    folder = tmp_path_factory.mktemp("started")
    known = {"question": tiny.rows(2)[1]["instruction"], "answer": "Yes."}
    (folder / "script.jsonl").write_text(json.dumps(known) + "\n")
    (folder / "votes.csv").write_text("model_a,model_b,winner\na,b,model_a\nb,a,model_a\n")
    names = {"DATA": str(tiny.data), "RUN": str(tiny_run), "SCRIPT": str(folder / "script.jsonl")}
    names["VOTES"] = str(folder / "votes.csv")
    (folder / "mine.py").write_text(
        "from heedful.tasks import Generation, Item, Mark, Prompt, Source, Task\n"
        f"items = lambda places, plan: [Item('1', Prompt({known['question']!r}))]\n"
        "mark = lambda outcome: Mark(None, {'said': float(outcome.error is None)})\n"
        "source = Source('', '', '', 'test', None, '', '')\n"
        "TASKS = (Task('mine', 'own', '', source, 0, items, mark, generation=Generation()),)\n"
    )
    names["TASK"] = str(folder / "mine.py")
    commands = {}
    for number, (command, line) in enumerate(COMMANDS.items()):
        words = line.split(" ")
        for name, value in (names | {"OUT": str(folder / f"out-{number}")}).items():
            words = [word.replace(name, value) for word in words]
        commands[command] = words
    code = f"HEAVY = {HEAVY!r}\nALLOWED = {ALLOWED!r}\nCOMMANDS = {commands!r}\n{STARTER}"
    done = subprocess.run([sys.executable, "-c", code], input="", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("command", ["import", *COMMANDS])
def test_start_up_without_torch(started, command):
    status, heavy, said = started[command]
    assert status == 0, said
    assert heavy == []
