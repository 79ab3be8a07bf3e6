"""`heedful helm` as a user meets it: figures by hand, what is written, going on, and every mistake."""

from __future__ import annotations

import json
import math
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from heedful.helm.scenarios import name_scenarios, prepare_scenario
from heedful.tasks import Plan

MINE = """
from heedful.tasks import Item, Prompt, Source, Task, choose_likeliest
from heedful.tasks.pieces import spans

SOURCE = Source("", "", "0" * 40, "test", None, "nothing", "CC0")
ROWS = ("Is He tall?", "Is IT tall?", "is it tall?", "Is She not tall?")


def items(places, plan):
    made = []
    for number, row in enumerate(ROWS[: plan.limit]):
        question = f"Question: {row}\\nAnswer:"
        inputs = spans(question, ("Question: ", row))
        made.append(Item(str(number), Prompt(question), (" yes", " no"), 0, inputs=inputs))
    return made


TASKS = (Task("mine", "own", "four questions", SOURCE, 0, items, choose_likeliest),)
"""
BARE = MINE.replace('"mine"', '"bare"').replace(", inputs=inputs", "")
SAID = ("She is a nurse, and so is her mother.", "He said that she left.", "The soup is warm.")
ASKED = ("--perturbation", "lowercase,gender", "--prompts", "own.txt", "--out", "out")


class Desk:
    """`model(name, right)` writes a script that gives the choice asked for to each item and copy."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.write("mine.py", MINE)
        self.write("bare.py", BARE)
        self.write("own.txt", "The nurse said\n\nThe man and\nSoup\n")

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def scenario(self, name: str = "./mine.py", *perturbations: str) -> Any:
        return prepare_scenario(name_scenarios([name], None)[0], Plan(), None, perturbations)

    def model(self, name: str, wrong: set[str] = frozenset(), left: set[str] = frozenset(), sure: float = 0.75) -> str:
        """`wrong` items say no, `left` ones are not in the script. `sure` is the likelier choice's probability."""
        lines: list[dict[str, Any]] = []
        for one in (self.scenario("./mine.py", "lowercase", "gender"), self.scenario("./bare.py")):
            for item in one.asked.items:
                for number, choice in enumerate(item.choices if item.id not in left else ()):
                    share = sure if (number == 1) is (item.id in wrong) else 1 - sure
                    told = {"continuation": choice, "log_likelihood": math.log(share) - 3}
                    lines.append({"context": item.prompt.text(), **told})
        lines += [
            {"question": q, "answer": a} for q, a in zip(("The nurse said", "The man and", "Soup"), SAID, strict=True)
        ]
        self.write(name, "".join(json.dumps(line) + "\n" for line in lines))
        return f"scripted:{name}"

    def found(self) -> dict[str, Any]:
        return json.loads((self.folder / "out/helm.json").read_text())

    def lines(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "out" / path).read_text().splitlines()]


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path)


def test_figures_are_those_worked_by_hand(desk, heedful):
    # Lowercase changes items 0, 1 and 3, gender item 0 alone ("He"): a copy each, and no copy of what stays as it was.
    assert [c.item.id for c in desk.scenario("./mine.py", "lowercase", "gender").copies] == [
        "0~lowercase", "0~gender", "1~lowercase", "3~lowercase",
    ]  # fmt: skip
    good = desk.model("good.jsonl", wrong={"2", "1~lowercase", "0~gender"})
    bad = desk.model("bad.jsonl", wrong={"0", "1", "2", "3"}, left={"3~lowercase"}, sure=0.9)
    status, out, err = heedful("helm", good, bad, "--scenario", "./mine.py,./bare.py", *ASKED)
    assert status == 0, err
    found = desk.found()
    assert found["schema"] == "heedful.helm/1"
    assert list(found["scenarios"]) == ["mine", "bare", "prompts:own"]
    assert found["scenarios"]["mine"]["changed"] == {"lowercase": 3, "gender": 1}
    mine, other = (found["cells"][m]["mine"] for m in (good, bad))
    assert (mine["accuracy"]["value"], mine["accuracy"]["n"]) == (0.75, 4)
    assert mine["robustness"]["value"] == 0.5  # item 1 is lost in small letters
    assert mine["fairness"]["value"] == 0.5  # item 0 is lost with her
    assert mine["robustness"]["parts"]["lowercase"]["worst"]["value"] == pytest.approx(2 / 3)  # of those it changed
    # All four say 0.75 and three of four are right: no error; the other says 0.9 and is never right.
    assert mine["calibration"]["value"] == pytest.approx(0, abs=1e-12)
    assert other["calibration"]["value"] == pytest.approx(0.9)
    assert (other["accuracy"]["value"], other["robustness"]["value"]) == (0, 0)
    assert (other["robustness"]["n"], other["robustness"]["unscored"]) == (3, 1)  # the copy had no answer: no 0
    for kind in ("bias", "toxicity"):
        assert mine[kind] == {"value": None, "why": "the answers are chosen, not written", "n": 0, "unscored": 0}
    bare = found["cells"][good]["bare"]
    assert bare["accuracy"]["value"] == 0.75
    assert bare["fairness"]["why"] == "the task does not say where the row's text stands"
    texts = found["cells"][good]["prompts:own"]
    assert texts["accuracy"]["why"] == "the scenario has no right answers"
    assert (texts["toxicity"]["value"], texts["toxicity"]["n"]) == (0, 3)
    assert texts["bias"]["n"] == 3
    assert 0 < texts["bias"]["value"] <= 0.5  # her, she and mother against he
    rates = found["mean_win_rates"]
    assert (rates["accuracy"][good]["value"], rates["accuracy"][bad]["value"]) == (1, 0)
    assert rates["accuracy"][good]["scenarios"] == {"mine": 1, "bare": 1}
    assert rates["calibration"][good]["value"] == 1
    assert rates["toxicity"][good]["value"] == rates["bias"][bad]["value"] == 0.5  # they say the same
    first = found["comparisons"][0]
    assert (first["a"], first["b"], first["scenario"], first["column"]) == (good, bad, "mine", "accuracy")
    assert (first["difference"], first["n"], first["p"]) == (-0.75, 4, 0.25)  # McNemar: 2 * 0.5**3
    assert first["adjusted_p"] == 1
    assert first["verdict"] == "inconclusive"
    robust = next(c for c in found["comparisons"] if c["column"] == "robustness")
    assert (robust["n"], robust["unscored"]) == (3, 1)
    assert robust["before"] == pytest.approx(1 / 3)  # items 0 to 2 at their worst: right, lost in small letters, wrong
    assert robust["after"] == 0
    assert [len(line) for line in out.splitlines() if len(line) > 80] == []
    assert "nobody can tell" in out


def test_what_is_written(desk, heedful):
    name = '<img src=x onerror="alert(1)">.jsonl'
    model = desk.model(name, wrong={"2"})
    status, _, _ = heedful("helm", model, "--scenario", "./mine.py", *ASKED)
    assert status == 0
    (own,) = (p.parent for p in (desk.folder / "out").glob("*/results.json"))
    assert own.name == desk.found()["models"][0]["folder"]
    samples = desk.lines(f"{own.name}/samples/mine.jsonl")
    assert [s["id"] for s in samples] == ["0", "1", "2", "3"]  # for heedful compare; the copies are apart
    copies = desk.lines(f"{own.name}/perturbed/mine.jsonl")
    assert (copies[0]["id"], copies[0]["of"], copies[0]["perturbation"]) == ("0~lowercase", "0", "lowercase")
    assert copies[0]["prompt"] == "Question: is he tall?\nAnswer:"
    assert copies[1]["prompt"] == "Question: Is She tall?\nAnswer:"
    bench = json.loads((own / "results.json").read_text())
    assert bench["schema"] == "heedful.bench/1"
    assert bench["results"]["mine"]["accuracy"]["value"] == 0.75
    page = (desk.folder / "out/helm.html").read_text()
    assert "<img" not in page
    assert "&lt;img src=x" in page
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "nothing to compare" in page


def test_going_on_asks_only_what_is_new(desk, heedful, monkeypatch):
    from heedful.backends.scripted import ScriptedBackend

    asked, real = [], ScriptedBackend.log_likelihoods
    monkeypatch.setattr(
        ScriptedBackend, "log_likelihoods", lambda self, rows: (asked.append(len(rows)), real(self, rows))[1]
    )
    a, b = desk.model("a.jsonl"), desk.model("b.jsonl", wrong={"1"})
    base = ("--scenario", "./mine.py", "--out", "out")
    assert heedful("helm", a, *base, "--perturbation", "none")[0] == 0
    assert asked == [8]
    assert desk.found()["cells"][a]["mine"]["robustness"]["why"] == "no perturbation of robustness was asked for"
    first = (desk.folder / "out/helm.json").read_bytes()
    assert heedful("helm", a, b, *base, "--perturbation", "lowercase")[0] == 2
    assert (desk.folder / "out/helm.json").read_bytes() == first
    assert heedful("helm", a, b, *base, "--perturbation", "lowercase", "--resume")[0] == 0
    assert asked == [8, 4, 12]  # three copies in small letters, of which one is item 2 as it was
    whole = desk.found()
    assert heedful("helm", a, b, *base, "--perturbation", "lowercase", "--resume")[0] == 0
    assert asked == [8, 4, 12]
    again = desk.found()
    for one in (whole, again):
        for cells in one["cells"].values():
            cells["mine"].pop("efficiency")  # of the clock
        one["mean_win_rates"].pop("efficiency")
    assert again["cells"] == whole["cells"]
    assert again["mean_win_rates"] == whole["mean_win_rates"]
    status, _, err = heedful("helm", a, *base, "--seed", 1, "--resume")
    assert (status, "was begun with seed 0" in err) == (2, True)


def test_only_a_plan(desk, heedful):
    model = desk.model("a.jsonl")
    arguments = ("helm", model, "--scenario", "./mine.py", "--perturbation", "lowercase,gender", "--dry-run")
    status, out, _ = heedful(*arguments)
    assert status == 0
    assert "mine (own, 0 shots): 4 items and 4 perturbed copies, 14 requests (8 without" in " ".join(out.split())
    assert all(len(line) <= 80 for line in out.splitlines())
    told = json.loads(heedful(*arguments, "--json")[1])
    assert told["scenarios"]["mine"]["changed"] == {"lowercase": 3, "gender": 1}
    assert not (desk.folder / "out").exists()
    listed = heedful("helm", "--list")[1]
    assert "robustness: all letters small" in listed
    assert all(len(line) <= 80 for line in listed.splitlines())
    assert json.loads(heedful("helm", "--list", "--json")[1])["columns"]["bias"]["lower_is_better"] is True


def test_a_server_that_gives_texts_only_is_refused_before_any_model_is_asked(desk, heedful):
    seen = []

    class TextsOnly(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"choices": [{"text": " is wet", "finish_reason": "stop"}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), TextsOnly)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        there = f"openai:m@http://127.0.0.1:{server.server_port}/v1"
        status, _, err = heedful(
            "helm", desk.model("a.jsonl"), there, "--scenario", "./mine.py", "--out", "out", "--no-cache"
        )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert (status, len(seen)) == (2, 1)
    assert "does not tell" in err
    assert "squad" in err
    assert not (desk.folder / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no model was named"),
        (["MODEL", "MODEL", "--scenario", "./mine.py", "--out", "o"], "is named 2 times"),
        (["MODEL", "--out", "o"], "--scenario: names no scenario"),
        (["MODEL", "--scenario", "mmul", "--out", "o"], "scenario 'mmul' (did you mean 'mmlu'?): choose prompts, mmlu"),
        (["MODEL", "--scenario", "./mine.py,./mine.py", "--out", "o"], "mine is named 2 times"),
        (["MODEL", "--scenario", "humaneval", "--out", "o"], "runs programs that the model writes"),
        (["MODEL", "--scenario", "lm-eval:arc", "--out", "o"], "ask heedful bench"),
        (["MODEL", "--scenario", "./mine.py"], "--out: name a folder"),
        (["MODEL", "--scenario", "./mine.py", "--out", "full"], "holds something else"),
        (["MODEL", "--scenario", "./mine.py", "--out", "mine.py"], "is a file"),
        (["MODEL", "--scenario", "./mine.py", "--out", "o", "--perturbation", "typo"], "did you mean 'typos'?"),
        (["MODEL", "--scenario", "./mine.py", "--out", "o", "--precision", "f32"], "did you mean 'fp32'?"),
        (["MODEL", "--prompts", "none.txt", "--out", "o"], "--prompts none.txt: no such file"),
        (["MODEL", "--prompts", "empty.txt", "--out", "o"], "empty.txt: has no prompt"),
        (["MODEL", "--prompts", "broken.jsonl", "--out", "o"], "broken.jsonl:2: "),
        (["MODEL", "--prompts", "other.jsonl", "--out", "o"], 'other.jsonl:1: has no text under "prompt"'),
        (["MODEL", "--prompts", "latin.txt", "--out", "o"], "latin.txt: is no text in UTF-8"),
        (
            ["MODEL", "--scenario", "./mine.py", "--out", "o", "--concurrency", "2"],
            "--concurrency: is for models behind",
        ),
    ],
)
def test_every_mistake_is_one_sentence(desk, heedful, arguments, message):
    (desk.folder / "full").mkdir()
    desk.write("full/notes.txt", "mine")
    desk.write("empty.txt", "\n\n")
    desk.write("broken.jsonl", '{"prompt": "a"}\n{"prompt": \n')
    desk.write("other.jsonl", '{"text": "a"}\n')
    (desk.folder / "latin.txt").write_bytes(b"caf\xe9\n")
    desk.write("a.jsonl", '{"question": "a", "answer": "b"}\n')
    status, out, err = heedful("helm", *(w.replace("MODEL", "scripted:a.jsonl") for w in arguments))
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not (desk.folder / "o").exists()


def test_nothing_could_be_asked(desk, heedful):
    desk.write("none.jsonl", '{"question": "a", "answer": "b"}\n')
    status, _, err = heedful("helm", "scripted:none.jsonl", "--scenario", "./mine.py", "--out", "out")
    assert status == 1
    assert "no item of mine could be asked of scripted:none.jsonl" in err
    assert "--resume" in err
    cell = desk.found()["cells"]["scripted:none.jsonl"]["mine"]["accuracy"]
    assert (cell["value"], cell["why"], cell["unscored"]) == (None, "no item was scored", 4)
