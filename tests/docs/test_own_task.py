"""docs/tasks.md: the task that it shows is run as its command says, and its code prints what it shows."""

import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS))

import blocks  # noqa: E402

PAGE = DOCS / "tasks.md"


def test_the_python_prints_what_it_shows():
    shown = [(b, text, printed) for b, text, printed in blocks.run_python(PAGE, {"__name__": "__main__"})]
    assert [text is not None for _, text, _ in shown] == [False, True, True]
    assert all(blocks.differs(text, printed) is None for _, text, printed in shown if text is not None)


def test_the_task_runs(heedful, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code, *_) = [b for b in blocks.blocks(PAGE) if b.kind == "python"]
    (tmp_path / "capitals.py").write_text(code.text)
    (tmp_path / "geography").mkdir()
    (tmp_path / "geography/capitals.csv").write_text("question,right,wrong\nFrance?,Paris,Lyon\nPeru?,Lima,Cusco\n")
    known = [("France?", " Paris", -1), ("France?", " Lyon", -2), ("Peru?", " Lima", -3), ("Peru?", " Cusco", -2)]
    lines = [
        f'{{"context": "Question: {q}\\nAnswer:", "continuation": "{c}", "log_likelihood": {v}}}\n' for q, c, v in known
    ]
    (tmp_path / "s.jsonl").write_text("".join(lines))
    places = ("--task", "./capitals.py", "--data-dir", "geography", "--out", "bench")
    status, out, err = heedful("bench", "scripted:s.jsonl", *places)
    assert (status, "capitals  accuracy        0.5000" in out) == (0, True), err + out
