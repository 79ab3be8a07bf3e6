"""The small world in which the commands of the pages are run: a tiny model, its run, data, answers, votes, a server."""

from __future__ import annotations

import gzip
import importlib
import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RED = '{"instruction": "Name a colour.", "output": "Red."}\n'
QUIZ = "Which planet of our solar system has the shortest day of all"
# What a page shows with `cat` need not be here: it is written from the page.
FILES = {
    "broken.jsonl": RED + '{"instruction": "Add 2 and 3.", "output": "5"\n',
    "odd.jsonl": RED + '{"instruction": "Add 2 and 3.", "output": ""}\n{"instruction": 7, "output": "x"}\n',
    "twice.jsonl": RED + RED.replace("Red", "Blue") + '{"instruction": "Add 2 and 3.", "output": "5"}\n',
    "quiz.csv": f"{QUIZ}?,Jupiter,Mars,Venus\n",
    "leaked.jsonl": f'{RED}{{"instruction": "{QUIZ}, please?", "output": "Jupiter."}}\n',
    "recipe.yaml": "epoch: 3\nlearning_rate: 2\ntuning: lorra\n",
    "questions.txt": "Welcher Monat kommt nach dem Mai?\nUnd davor?\n",
    "script.jsonl": '{"question": "Welcher Monat kommt nach dem Mai?", "answer": "Juni."}\n',
}
EVALS = """
test-match:
  id: test-match.s1.simple-v0
test-match.s1.simple-v0:
  class: evals.elsuite.basic.match:Match
  args: {samples_jsonl: sums.jsonl}
coqa-fact:
  id: coqa-fact.dev.v0
coqa-fact.dev.v0:
  class: evals.elsuite.modelgraded.classify:ModelBasedClassify
  args: {samples_jsonl: sums.jsonl, modelgraded_spec: right, eval_type: classify}
"""
RIGHT = """
right:
  prompt: "{input}{completion} Right?"
  choice_strings: ["Yes", "No"]
  choice_scores: {"Yes": 1.0, "No": 0.0}
  input_outputs: {input: completion}
"""
COT = """
cot: {class: "evals.completion_fns.cot:ChainOfThoughtCompletionFn", args: {cot_completion_fn: gpt-3.5-turbo}}
"""
REGISTRY = {
    "evals/all.yaml": EVALS,
    "modelgraded/right.yaml": RIGHT,
    "eval_sets/exams.yaml": "exams:\n  evals: [test-match]\n",
    "completion_fns/cot.yaml": COT,
    "data/sums.jsonl": '{"input": "1+1=", "ideal": "2"}\n{"input": "1+2=", "ideal": "3"}\n',
}
AXOLOTL = """
base_model: tiny
datasets: [{path: rows.jsonl, type: alpaca}]
adapter: lora
sequence_len: 512
micro_batch_size: 4
num_epochs: 1
learning_rate: 2e-4
output_dir: ./out
"""
LLAMA_FACTORY = (
    "model_name_or_path: tiny\nstage: sft\nfinetuning_type: lora\ndataset: mine\ntemplate: qwen\ncutoff_len: 512\n"
)
TRL = "model_name_or_path: tiny\ndataset_name: rows.jsonl\nuse_peft: true\nmax_length: 256\n"
RECIPE = "model: tiny\ndata: [rows.jsonl]\nsplit: 80/10/10\ntemplate: alpaca\nepochs: 1\nmax_new_tokens: 8\n"
ANNOTATOR = """
annotator:
  prompt_template: annotator/prompt.txt
  fn_completions: openai_completions
  completions_kwargs: {model_name: gpt-4-1106-preview, max_tokens: 1, temperature: 0}
  fn_completion_parser: regex_parser
  completion_parser_kwargs: {outputs_to_match: {1: "A", 2: "B"}}
"""
PROMPT = "<|im_start|>user\n{instruction}\nA: {output_1}\nB: {output_2}\nWhich answer is better?<|im_end|>\n"
MINE = """
from heedful.tasks import Item, Prompt, Source, Task, choose_likeliest

SOURCE = Source("", "", "0" * 40, "test", None, "nothing", "CC0")
ITEMS = [Item("1", Prompt("Is rain wet?"), choices=(" yes", " no"), gold=0)]
TASKS = (Task("mine", "own", "rain", SOURCE, 0, lambda places, plan: ITEMS[: plan.limit], choose_likeliest),)
"""
IFEVAL = {"key": 1, "prompt": "No commas.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
GAMED = "model,preference,index,std_delta_len,instruction_difficulty,not_gamed_baseline\n" + "".join(
    f"{model},0.{n + 1},{n},{n - 1}.5,0.{n},True\n" for model in ("m", "other") for n in range(3)
)
ANSWERS = {"dev1": "a city", "dev2": "Norway", "dev3": "", "dev_0--Ann_Lee.txt": "Lee", "dev_1--Oslo.txt": "Oslo"}
QA = (ROOT / "docs/templates.md").read_text(encoding="utf-8").partition("```jinja\n")[2].partition("```")[0]


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def starter(count: int) -> str:
    rows = (ROOT / "src/heedful/data/starter/rows.jsonl").read_text(encoding="utf-8").splitlines()
    return "\n".join(rows[:count]) + "\n"


def build(folder: Path, tiny: Any, run: Path) -> Path:
    """Everything that the pages name, under the name that they give it."""
    write(folder, {**FILES, "rows.jsonl": starter(60), "qa.jinja": QA})
    lines = [json.loads(line) for line in starter(60).splitlines()]
    write(folder, {"rows.json": json.dumps(lines), "recipe-good.yaml": RECIPE})
    write(folder, {"rasbt-instruction-data.json": json.dumps(tiny.rows(1100))})
    write(folder, {"axolotl.yml": AXOLOTL, "sft.yaml": LLAMA_FACTORY, "old.yaml": TRL})
    write(folder, {f"registry/{name}": text for name, text in REGISTRY.items()})
    write(folder, {"annotator/configs.yaml": ANNOTATOR, "annotator/prompt.txt": PROMPT})
    code = (ROOT / "docs/tasks.md").read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    write(folder, {"mine.py": MINE, "capitals.py": code, "tables/df_gamed.csv": GAMED})
    write(folder, {"geography/capitals.csv": "question,right,wrong\nFrance?,Paris,Lyon\nPeru?,Lima,Cusco\n"})
    model = tiny.make(folder / "tiny", max_position_embeddings=2048)
    for name in ("other", "my-model", "my-judge", "a", "b"):
        (folder / name).symlink_to(model, target_is_directory=True)
    for name in ("my-run", "old-run", "new-run", "run"):
        shutil.copytree(run, folder / name)
    (folder / "benchmarks").symlink_to(ROOT / "benchmarks", target_is_directory=True)
    shutil.copy(ROOT / "src/heedful/judge/rubrics/answers.yaml", folder / "my-rubric.yaml")
    benchmarks(folder)
    answers(folder, run)
    votes(folder)
    return folder


def benchmarks(folder: Path) -> None:
    """The tasks' own rows, in the owners' files; saved outputs for `heedful score`; a script that knows MMLU's."""
    from heedful.tasks import MODULES, Places, Plan, find_task

    for module in dict.fromkeys(MODULES.values()):
        for task in importlib.import_module(f"heedful.tasks.{module}").TASKS:
            write(folder / "data" / task.name, dict(task.sample_rows))
    for part in ("test", "dev"):
        astronomy = folder / f"data/mmlu/{part}/astronomy_{part}.csv"
        shutil.copy(astronomy, astronomy.with_name(f"anatomy_{part}.csv"))
    data = folder / "data"
    for name, place in {"dev-v1.1.json": "squad", "dev-v2.0.json": "squad2", "web-dev.json": "triviaqa/qa"}.items():
        shutil.copy(data / place / name, folder / name)
    humaneval = (data / "humaneval/HumanEval.jsonl").read_text()
    (folder / "HumanEval.jsonl.gz").write_bytes(gzip.compress(humaneval.encode()))
    samples = [{"task_id": json.loads(p)["task_id"], "completion": "    return 1"} for p in humaneval.splitlines()]
    weather = "bigbench-1.0.0/bigbench/benchmark_tasks/emoji_movie/task.json"
    write(folder, {weather: (data / "bigbench/weather/task.json").read_text()})
    task = json.loads((data / "bigbench/weather/task.json").read_text())
    said = [
        {"id": n, "output": "yes", "scores": dict.fromkeys(e.get("target_scores", ()), -1.0)}
        for n, e in enumerate(task["examples"])
    ]
    write(folder, {"outputs.jsonl": "".join(json.dumps(line) + "\n" for line in said)})
    write(folder, {"answers.json": json.dumps(ANSWERS)})
    write(folder, {"input_data.jsonl": json.dumps(IFEVAL) + "\n"})
    write(folder, {"responses.jsonl": json.dumps({"prompt": IFEVAL["prompt"], "response": "May"}) + "\n"})
    items = find_task("mmlu").task.items(Places("mmlu", data), Plan())
    known = [{"context": i.prompt.text(), "continuation": c, "log_likelihood": -1.0} for i in items for c in i.choices]
    (folder / "s.jsonl").write_text("".join(json.dumps(line) + "\n" for line in known))
    (folder / "samples.jsonl").write_text("".join(json.dumps(s) + "\n" for s in samples))


def answers(folder: Path, run: Path) -> None:
    """Answers, marks and annotations."""
    from heedful.records import Score, to_json
    from heedful.responses import read_responses

    base, tuned = (read_responses(run / "responses" / f"{side}.jsonl") for side in ("base", "tuned"))
    for name, side in {"before": "base", "after": "tuned", "answers": "tuned"}.items():
        shutil.copy(run / "responses" / f"{side}.jsonl", folder / f"{name}.jsonl")
    pairs = list(zip(base, tuned, strict=True))
    single = [Score(r.id, r.example_id, (r.id,), "correct", "human:ann", 1.0) for r in (*base, *tuned)]
    both = [Score(b.id, b.example_id, (a.id, b.id), "review", "human:ann", 1.0) for a, b in pairs]
    for name, scores in {"marks-single.jsonl": single, "marks-pairs.jsonl": both}.items():
        (folder / name).write_text("".join(json.dumps(to_json(s)) + "\n" for s in scores))
    outputs, annotations = [], []
    for a, b in pairs:
        question = a.messages[-1].content
        outputs.append([{"instruction": question, "output": r.text or "-", "generator": r.model} for r in (a, b)])
        row = {"instruction": question, "output_1": a.text, "output_2": b.text, "preference": 1.5}
        annotations.append(
            row | {"generator_1": "a", "generator_2": "b", "annotator": "weighted_alpaca_eval_gpt4_turbo"}
        )
    for name, rows in {
        "model_outputs_baseline.json": [o[0] for o in outputs],
        "model_outputs.json": [o[1] for o in outputs],
        "annotations.json": annotations,
        "annotations-alpaca-7b.json": annotations,
    }.items():
        (folder / name).write_text(json.dumps(rows))
    asked = [{"id": r.example_id, "messages": [to_json(m) for m in r.messages]} for r in base]
    (folder / "questions.jsonl").write_text("".join(json.dumps(q) + "\n" for q in asked))


def votes(folder: Path) -> None:
    names = ("my-base-model", "tuned-1", "tuned-2")
    rows = []
    for n in range(24):
        a, b = names[n % 3], names[(n + 1) % 3]
        winner = ("model_a", "model_b", "tie")[n * 7 % 5 % 3]
        talk = [
            [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": f"**{m}** " * (n % 4 + 1)}]
            for m in (a, b)
        ]
        rows.append(
            {
                "question_id": str(n), "model_a": a, "model_b": b, "winner": winner, "judge": "ann", "anony": True,
                "tstamp": 1.0 + n, "language": "German", "conversation_a": talk[0], "conversation_b": talk[1],
            }
        )  # fmt: skip
    plain = [{k: v for k, v in r.items() if not k.startswith("conversation")} for r in rows]
    columns = list(plain[0])
    table = [",".join(columns), *(",".join(str(r[c]) for c in columns) for r in plain)]
    (folder / "votes.csv").write_text("\n".join(table) + "\n")
    (folder / "votes.json").write_text(json.dumps(rows))
    for name in ("votes.jsonl", "theirs.jsonl"):
        (folder / name).write_text("".join(json.dumps(r) + "\n" for r in rows))


def sent_back(page: Path) -> str:
    """The file of marks that a colleague sends back for a page of `heedful review --offline`."""
    text = page.read_text(encoding="utf-8")
    sheet, set_ = (re.search(rf'"{key}": "([^"]+)"', text) for key in ("sheet", "set"))
    assert sheet is not None
    assert set_ is not None
    mark = {"number": 1, "verdict": "left", "tags": [], "note": "", "seconds": 1.0, "key": "k1left"}
    mark |= {"at": "2026-11-25T10:00:00.000Z"}
    value = {"schema": "heedful.marks/1", "mode": "pair", "set": set_[1], "sheet": sheet[1], "reviewer": "Ann"}
    return json.dumps(value | {"marks": [mark]})


class Answering(BaseHTTPRequestHandler):
    """OpenAI's chat completions and completions, just enough: a judge's verdict where one is asked for."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = verdict(body["messages"][-1]["content"]) if "messages" in body else " a red house"
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "logprobs": None}
        choice |= {"message": {"role": "assistant", "content": text}} if "messages" in body else {"text": text}
        usage = {"prompt_tokens": 5, "completion_tokens": 2}
        if body.get("stream"):
            pieces = [{"delta": {"role": "assistant", "content": text}}, {"delta": {}, "finish_reason": "stop"}]
            told = [{"model": "m", "choices": [{"index": 0, **p}]} for p in pieces]
            told.append({"model": "m", "choices": [], "usage": usage})
            lines = [f"data: {json.dumps(p)}\n\n" for p in told]
            return self.reply("".join([*lines, "data: [DONE]\n\n"]), "text/event-stream")
        return self.reply(json.dumps({"model": "m", "choices": [choice], "usage": usage}))

    def do_GET(self) -> None:
        self.reply(json.dumps({"data": [{"id": "m"}]}))

    def reply(self, text: str, kind: str = "application/json") -> None:
        content = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None: ...


def verdict(asked: str) -> str:
    """What a judge is asked for, or a word."""
    if "one JSON object" in asked:
        return json.dumps({c: {"reason": "It is.", "score": 4} for c in ("follows", "correct", "clear")})
    if "whole number from 0" in asked:
        return "70"
    return "A" if "nswer A" in asked or "better?" in asked else "Yes"


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler] = Answering) -> Iterator[Any]:
    """A server on loopback for as long as the context lasts."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.asked, server.files, server.made, server.refuse = [], {}, None, 0
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
