"""Records what the package `evals` (3.0.1.post1, MIT) makes of evals_inputs.py, in tests/oracles/evals.json.

    python3.11 -m venv /tmp/oracles/evals
    P=/tmp/oracles/evals/bin/pip
    $P install --no-deps evals==3.0.1.post1
    $P install --no-deps numpy openai pyyaml pydantic pydantic-core typing_extensions annotated-types \
        typing-inspection httpx2 httpcore2 truststore h11 anyio sniffio idna certifi distro jiter tqdm blobfile lz4 \
        zstandard requests urllib3 charset-normalizer filelock lxml pycryptodomex sacrebleu portalocker regex tabulate \
        colorama backoff mock beartype tiktoken
    /tmp/oracles/evals/bin/python tests/oracles/evals_record.py

With arguments it runs evals of any registry, for the slow test: REGISTRY JOB.json OUT.jsonl, where the job has `keys`,
`max_samples` and a table of `answers`; a line of OUT for each eval. The owner's command (`oaieval.run`) does all the
work; only the model is ours, and `random` is seeded before, since the owner's bootstrap is not.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
os.environ |= {"OPENAI_API_KEY": "none", "EVALS_SEQUENTIAL": "1", "EVALS_SHOW_EVAL_PROGRESS": ""}

import evals_inputs as inputs  # noqa: E402

SEED = 20220722
HUB: dict[str, Any] = {"folder": None}


def _load_dataset(path: str, name: str = "", split: str = "") -> list[Any]:
    """In place of the package `datasets`, which needs the network: rows that we made."""
    file = HUB["folder"] / path / name / f"{split}.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


sys.modules["datasets"] = types.SimpleNamespace(load_dataset=_load_dataset)  # type: ignore[assignment]

import evals.cli.oaieval as oaieval  # noqa: E402
from evals.prompt.base import CompletionPrompt  # noqa: E402
from evals.record import record_sampling  # noqa: E402
from evals.registry import Registry  # noqa: E402


class Said:
    def __init__(self, text: str):
        self.text = text

    def get_completions(self) -> list[str]:
        return [self.text]


def run(
    registry: Any, key: str, answer: Any, max_samples: int | None, record: Path, through: str = ""
) -> dict[str, Any]:
    """The events and the final report of an eval, or why the owner's command stops. `through`: a completion function,
    which the owner's code makes; the model that it asks is ours."""

    def model(prompt: Any, **_: Any) -> Said:
        text = CompletionPrompt(raw_prompt=prompt).to_formatted_prompt()
        said = answer(text)
        record_sampling(prompt=text, sampled=[said], model="scripted")
        return Said(said)

    kept: list[Any] = []
    build = oaieval.build_recorder
    make = type(registry).make_completion_fn.__get__(registry)
    registry.__dict__["api_model_ids"] = []  # asked of a server otherwise
    registry.make_completion_fn = lambda name, **_: make(name) if name in registry._completion_fns else model
    oaieval.build_recorder = lambda *a: kept.append(build(*a)) or kept[-1]
    limit = [] if max_samples is None else ["--max_samples", str(max_samples)]
    args = oaieval.get_parser().parse_args([through or "scripted", key, "--record_path", str(record), *limit])
    random.seed(SEED)
    try:
        oaieval.run(args, registry)
        kept[-1].flush_events()
    except (Exception, SystemExit) as e:  # whatever stops the owner's command
        return {"key": key, "error": f"{type(e).__name__}: {e}"[:300]}
    finally:
        oaieval.build_recorder = build
    lines = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    report = next(line["final_report"] for line in lines if "final_report" in line)
    events = [[e["sample_id"], e["type"], e["data"]] for e in lines if "type" in e]
    name = next(line["spec"]["eval_name"] for line in lines if "spec" in line)
    return {"key": name, "report": report, "events": events}


def record_ours() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        inputs.write_registry(folder)
        HUB["folder"] = folder / "hub"
        registry = Registry([folder])
        found = [run(registry, key, inputs.answer, None, folder / "log.jsonl") for key in inputs.EVALS]
        most, thought = inputs.THROUGH_SAMPLES, []
        for key, fn in inputs.THROUGH:
            made = run(registry, key, inputs.answer, most, folder / "log.jsonl", fn)
            thought.append(made | {"events": [json.dumps(e, ensure_ascii=False) for e in made["events"]]})
        sets = {n: [s.key for s in registry.get_evals(registry.get_eval_set(n).evals)] for n in registry._eval_sets}
    (HERE / "evals.json").write_text(
        json.dumps(
            {"evals": "3.0.1.post1", "sets": sets, "found": found, "through": thought}, ensure_ascii=False, indent=1
        )
        + "\n",
        encoding="utf-8",
    )


def run_registry(folder: str, job: str, out: str) -> None:
    told = json.loads(Path(job).read_text(encoding="utf-8"))
    registry = Registry([folder])
    with tempfile.TemporaryDirectory() as temporary, Path(out).open("w", encoding="utf-8") as f:
        for key in told["keys"]:
            answers = told["answers"].get(key, {})
            made = run(
                registry,
                key,
                lambda text, a=answers: inputs.table_answer(text, a),
                told["max_samples"],
                Path(temporary) / "log.jsonl",
            )
            f.write(json.dumps(made, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run_registry(*sys.argv[1:])
    else:
        record_ours()
