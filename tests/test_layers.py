"""Imports point one way, and nothing that needs no tensors imports torch."""

from __future__ import annotations

import ast
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
    ("control_tokens",),
    ("agreement", "chat", "ratings", "sandbox", "stats", "store"),
    ("data",),
    ("batches",),
    ("models", "scorers"),
    ("tasks",),
    ("backends",),
    ("responses", "train"),
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
    "backends.transformers",
    "train",
    "workflow",
)
HEAVY = ("torch", "transformers", "peft", "accelerate", "tokenizers", "safetensors")


def imports(path: Path, top_only: bool = False) -> set[str]:
    """The modules that a file imports, those for type checking left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            skipped.update(n for part in node.body for n in ast.walk(part))
        if top_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            skipped.update(n for part in node.body for n in ast.walk(part))
    found = set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports in full"
            found.add(node.module or "")
            if node.module == "heedful":
                found |= {f"heedful.{alias.name}" for alias in node.names}
    return found


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(p): p for p in sorted(SOURCE.rglob("*.py"))}


@pytest.mark.parametrize("module", [m for m in MODULES if m])
def test_imports_point_one_way(module):
    own = module.split(".")[0]
    assert own in PLACE, f"{own} has no layer: give it one in this test and in docs/architecture.md"
    for name in imports(MODULES[module]):
        if not name.startswith("heedful."):
            continue
        other = name.split(".")[1]
        assert other in PLACE, f"{module} imports {name}, which has no layer"
        assert other == own or PLACE[other] < PLACE[own], f"{module} imports {name}, which stands above or beside it"


@pytest.mark.parametrize("module", [m for m in MODULES if not any(f"{m}.".startswith(f"{t}.") for t in TENSORS)])
def test_no_tensors_where_none_are_needed(module):
    heavy = {name for name in imports(MODULES[module], top_only=True) if name.split(".")[0] in HEAVY}
    assert not heavy


@pytest.mark.parametrize(
    "arguments",
    [
        None,
        ["--help"],
        ["--version"],
        ["train", "--help"],
        ["train", "--print-recipe"],
        ["data", "check", "DATA"],
        ["data", "split", "DATA", "--split", "80/10/10", "--out", "OUT"],
        ["report", "RUN"],
        ["compare", "run:RUN@base", "RUN"],
        ["review", "RUN", "--offline", "OUT/page.html", "--marks", "OUT/marks.sqlite"],
        ["respond", "scripted:SCRIPT", "--data", "DATA", "--out", "OUT/answers.jsonl"],
    ],
    ids=lambda a: "import" if a is None else " ".join(a[:2]),
)
def test_start_up_without_torch(arguments, tiny, tiny_run, tmp_path):
    """In a process of its own: what has been imported when the command has ended."""
    known = {"question": tiny.rows(2)[1]["instruction"], "answer": "Yes."}
    (tmp_path / "script.jsonl").write_text(json.dumps(known) + "\n")
    names = {"DATA": str(tiny.data), "RUN": str(tiny_run), "SCRIPT": str(tmp_path / "script.jsonl")}
    given = [] if arguments is None else arguments
    for name, value in (names | {"OUT": str(tmp_path / "out")}).items():
        given = [a.replace(name, value) for a in given]
    run = "import heedful" if arguments is None else "from heedful.cli.main import main; main()"
    code = f"""
import sys
sys.argv = ["heedful", *{given!r}]
try:
    {run}
except SystemExit as e:
    assert not e.code, e.code
print("IMPORTED", *(m for m in {HEAVY!r} if m in sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.rstrip().endswith("IMPORTED"), done.stderr
