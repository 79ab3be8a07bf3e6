"""The public names: each resolves, is documented, and costs nothing until it is used."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import heedful

API = (Path(__file__).parents[1] / "docs" / "api.md").read_text(encoding="utf-8")


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("name", heedful.__all__)
def test_each_public_name_resolves_and_is_documented(name):
    value = getattr(heedful, name)
    assert name in dir(heedful)
    assert f"`{name}`" in API or f"### {name}" in API
    if not isinstance(value, str):
        assert (inspect.getdoc(value) or "").strip(), f"{name} has no docstring"
        assert "heedful" in (getattr(value, "__module__", None) or value.__name__)


def test_all_is_what_the_lazy_table_and_the_editor_see():
    source = inspect.getsource(heedful)
    seen_by_editors = set(re.findall(r"\w+", " ".join(re.findall(r"import (\([^)]*\)|[^\n(]+)", source))))
    assert {"__version__", *heedful._HOMES} == set(heedful.__all__)
    assert set(heedful._HOMES) <= seen_by_editors


def test_each_name_is_the_same_object_as_in_its_module():
    for name, home in heedful._HOMES.items():
        value = getattr(importlib.import_module(f"heedful.{home}"), name)
        assert getattr(heedful, name) is value


def test_import_pulls_in_nothing_heavy():
    heavy = ["torch", "transformers", "pydantic", "numpy", "pyarrow", "scipy", "peft", "accelerate", "typer", "yaml"]
    code = f"import heedful, sys; print([m for m in {heavy} if m in sys.modules])"
    assert run(code) == "[]"


def test_the_data_functions_need_no_torch():
    assert run("import sys; from heedful import load_split, parse_split; print('torch' in sys.modules)") == "False"


@pytest.mark.slow
@pytest.mark.parametrize("first", ["import heedful.responses", "import heedful.workflow", "import heedful"])
def test_respond_is_the_function_whichever_import_came_first(forked, first):
    """In a process that has imported what heedful needs, and nothing of heedful itself."""
    code = f"""
for name in [m for m in sys.modules if m.partition(".")[0] == "heedful"]:
    del sys.modules[name]
{first}
from heedful import respond
print(type(respond).__name__)
"""
    done = forked(code)
    assert done.wait() == 0, done.text
    assert done.text == "function\n"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        heedful.nothing  # noqa: B018
