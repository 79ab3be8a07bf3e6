"""The whole way from a file to a report, on tiny models."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from heedful.chat import Chat
from heedful.errors import HeedfulError, Interrupted, RequestError, RunError, TrainingError
from heedful.models.loading import load_model
from heedful.models.quiet import quiet_transformers
from heedful.records import Message
from heedful.store import RunFolder, read_json, read_jsonl, read_metrics
from heedful.train.recipe import make_recipe, read_recipe
from heedful.workflow import Silent, resume_run, start_run

FIELDS = {
    "schema", "heedful", "created", "command", "seed", "recipe", "timings", "outcome", "data", "template", "versions",
    "machine", "model",
}  # fmt: skip
OUTCOME = {
    "status", "reason", "test_loss_before", "test_loss_after", "ended", "steps", "epochs", "examples", "tokens",
    "trained_tokens", "tokens_per_s", "best_step", "best_val_loss", "first_val_loss", "last_val_loss", "verdict",
    "head_at_trained_positions",
}  # fmt: skip
LONG = {"epochs": 3, "eval_every": 9}
BRIEF = {"max_steps": 2, "samples": 0, "test_questions": 0}


@pytest.fixture(scope="module")
def go(tiny, tmp_path_factory):
    """Do a recipe that differs from the usual tiny one; the same one is done once."""
    done: dict[str, RunFolder] = {}

    def start(again: int = 0, **changes) -> RunFolder:
        key = f"{again} {sorted(changes.items())}"
        if key not in done:
            folder = tmp_path_factory.mktemp("runs") / "run"
            done[key] = start_run(make_recipe(tiny.settings(**changes)), folder, command="heedful train")
        return done[key]

    return start


def weights(folder: Path) -> dict[str, bytes]:
    return {k: v.numpy().tobytes() for k, v in load_file(folder / "model.safetensors").items()}


@pytest.mark.parametrize(
    ("architecture", "tuning"),
    [
        *((a, "lora") for a in ("llama", "gpt2", "qwen3")),
        ("qwen3", "full"),
        *(pytest.param(a, "full", marks=pytest.mark.slow) for a in ("llama", "gpt2")),
    ],
)
def test_from_data_to_report(go, tiny, architecture, tuning):
    run = go(architecture=architecture, tuning=tuning, **LONG)
    manifest = run.read_manifest()
    assert manifest.keys() >= FIELDS
    outcome = manifest["outcome"]
    assert outcome.keys() >= OUTCOME
    assert outcome["status"] == "finished"
    assert outcome["reason"] is None
    assert outcome["best_val_loss"] < outcome["first_val_loss"]
    assert outcome["test_loss_after"] < outcome["test_loss_before"]
    assert outcome["head_at_trained_positions"] is True
    assert set(manifest["timings"]) == {"data", "load", "before", "train", "save", "after", "report"}
    assert {part: s["rows"] for part, s in manifest["data"]["splits"].items()} == {"train": 24, "val": 8, "test": 8}
    for path in (run.report("html"), run.report("md"), run.report("json"), run.ledger, run.samples, run.recipe):
        assert path.stat().st_size
    assert run.adapter.is_dir() == (tuning == "lora")
    assert len(read_jsonl(run.responses("base"))) == len(read_jsonl(run.responses("tuned"))) == 3
    assert len(read_jsonl(run.scores("tuned"))) > 0
    assert [p.name for p in run.path.rglob(".*")] == []
    samples = read_jsonl(run.samples)
    evaluated = [line["step"] for line in read_metrics(run.metrics) if "val_loss" in line]
    assert [s["step"] for s in samples] == evaluated
    assert len({s["example_id"] for s in samples}) == 1
    assert read_recipe(run.recipe) == make_recipe(manifest["recipe"])


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen3"])
def test_the_model_stands_on_its_own(go, tiny, architecture):
    """In plain transformers: the prompt's ids as trained, and an end where an end was trained."""
    run = go(architecture=architecture, tuning="lora", **LONG)
    tokenizer = AutoTokenizer.from_pretrained(run.model)
    model = AutoModelForCausalLM.from_pretrained(run.model)
    base = AutoTokenizer.from_pretrained(tiny(architecture))
    chat = Chat.bind("alpaca", base)
    asked = [{"role": "user", "content": "Say red."}]
    ids = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=False)
    assert list(ids) == chat.prompt_ids([Message("user", "Say red.")])
    stops = model.generation_config.eos_token_id
    assert chat.stop_id in (stops if isinstance(stops, list) else [stops])
    with torch.no_grad():  # a model that wants to stop at once
        model.get_output_embeddings().weight.zero_()
    with quiet_transformers():
        out = model.generate(torch.tensor([list(ids)]), max_new_tokens=5, do_sample=False)
    assert out.shape[1] == len(ids) + 1
    assert out[0, -1] == chat.stop_id == 0


def test_the_adapter_loads_with_peft(go, tiny):
    from peft import PeftModel

    run = go(architecture="gpt2", tuning="lora", **LONG)
    base = AutoModelForCausalLM.from_pretrained(tiny("gpt2"), dtype=torch.float32)
    ids = torch.arange(1, 9)[None]
    plain = base(ids).logits
    with quiet_transformers():
        adapted = PeftModel.from_pretrained(base, run.adapter).eval()(ids).logits
    merged = AutoModelForCausalLM.from_pretrained(run.model, dtype=torch.float32).eval()(ids).logits
    assert not torch.allclose(adapted, plain, atol=1e-4)
    torch.testing.assert_close(adapted, merged, rtol=1e-4, atol=1e-5)


def test_full_tuning_keeps_float32_and_all_weights_move(go, tiny):
    run = go(architecture="qwen3", tuning="full", **LONG)
    before, after = (load_file(f / "model.safetensors") for f in (tiny("qwen3"), run.model))
    assert before.keys() == after.keys()
    assert all(v.dtype == torch.float32 for v in after.values())
    assert all(not torch.equal(before[k], after[k]) for k in before)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_and_another_does_not(go):
    one, two, other = go(lora_dropout=0.1), go(again=1, lora_dropout=0.1), go(lora_dropout=0.1, seed=1)
    assert weights(one.model) == weights(two.model)
    assert weights(one.model) != weights(other.model)
    keys = ("step", "train_loss", "val_loss")
    lines = [[{k: v.get(k) for k in keys} for v in read_jsonl(r.metrics)] for r in (one, two)]
    assert lines[0] == lines[1]


@pytest.mark.slow
def test_gradient_checkpointing_and_accumulation_train_the_same(go):
    plain, saved = go(), go(gradient_checkpointing=True, micro_batch_size=1)
    losses = [[v["val_loss"] for v in read_jsonl(r.metrics) if "val_loss" in v] for r in (plain, saved)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.slow
def test_bf16(go):
    run = go(precision="bf16")
    assert {v.dtype for v in load_file(run.model / "model.safetensors").values()} == {torch.bfloat16}
    assert run.read_manifest()["machine"]["precision"] == "bf16"
    exact = go().read_manifest()["outcome"]["best_val_loss"]
    assert run.read_manifest()["outcome"]["best_val_loss"] == pytest.approx(exact, rel=0.02)


def test_padding_that_is_the_end_of_text(tiny, tmp_path):
    folder = tiny.make(tmp_path / "model", "llama", tokenizer=tiny.tokenizer(pad=None))
    changes = {"tuning": "full", "epochs": 8, "learning_rate": 1e-2, "eval_every": 48, "samples": 0}
    run = start_run(make_recipe(tiny.settings(model=str(folder), **changes)), tmp_path / "run")
    finished = [r["finish_reason"] for r in read_jsonl(run.responses("tuned"))]
    assert finished == ["stop"] * 3, "the stop token was trained though padding is the same token"


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"split": "order:train=30,val=10"},
        {"test_questions": 0},
        {"samples": 0},
        {"max_steps": 2},
        {"batch_size": 64},
        {"split": "order:train=37,val=1,test=2"},
        {"test_questions": 0, "samples": 0, "split": "order:train=39,val=1", "eval_every": "auto", "epochs": 1},
        {"patience": 1, "learning_rate": 0.9, "tuning": "full", "epochs": 9},
        {"sample_tokens": 1, "max_new_tokens": 1, "response_batch_size": 1},
    ],
    ids=lambda c: ",".join(c),
)
def test_odd_sizes(go, changes):
    run = go(**changes)
    outcome = run.read_manifest()["outcome"]
    assert outcome["status"] in ("finished", "stopped early")
    assert run.report("html").is_file()
    questions = 0 if "test" not in changes.get("split", "test") else changes.get("test_questions", 3)
    assert len(read_jsonl(run.responses("tuned"))) == min(questions, 2 if "test=2" in changes.get("split", "") else 9)
    if "max_steps" in changes:
        assert outcome["steps"] == 2
    if "patience" in changes:
        assert outcome["status"] == "stopped early"
        assert outcome["steps"] < 54
    resume_run(run.path)
    assert run.read_manifest()["outcome"]["status"] == outcome["status"]


class Stops(Silent):
    """Presses Ctrl-C, or fails, when a phase begins."""

    def __init__(self, where: str, error: BaseException):
        self.where, self.error = where, error

    def phase(self, name: str, title: str) -> None:
        if name == self.where:
            raise self.error


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["data", "load", "before", "train", "save", "after", "report"])
def test_ctrl_c_in_each_phase_and_on(tiny, tiny_run, tmp_path, phase):
    folder = tmp_path / "run"
    with pytest.raises(Interrupted, match="go on with `heedful train --resume --out"):
        start_run(make_recipe(tiny.settings()), folder, Stops(phase, KeyboardInterrupt()))
    assert read_json(folder / "manifest.json")["outcome"]["status"] == "interrupted"
    run = resume_run(folder)
    assert weights(run.model) == weights(RunFolder(tiny_run).model)
    assert run.report("html").is_file()
    assert run.read_manifest()["outcome"]["status"] == "finished"
    assert run.read_manifest()["outcome"]["reason"] is None


def test_a_model_with_infinite_weights_is_one_sentence(tiny, tmp_path):
    folder = Path(shutil.copytree(tiny("llama"), tmp_path / "model"))
    state = load_file(folder / "model.safetensors")
    state["lm_head.weight"][5, 5] = math.inf
    from safetensors.torch import save_file

    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    for split in ("order:train=24,val=8,test=8", "order:train=30,val=10"):
        with pytest.raises(TrainingError, match="is not a number; the model is broken") as error:
            start_run(make_recipe(tiny.settings(model=str(folder), split=split)), tmp_path / split[-1])
        assert "\n" not in str(error.value)
        assert read_json(tmp_path / split[-1] / "manifest.json")["outcome"]["status"] == "failed"


@pytest.mark.parametrize("message", ["DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"])
def test_too_little_memory_is_one_sentence(tiny, tmp_path, message):
    with pytest.raises(HeedfulError, match=r"out of memory; .*micro_batch_size") as error:
        start_run(make_recipe(tiny.settings(**BRIEF)), tmp_path / "run", Stops("train", RuntimeError(message)))
    assert "\n" not in str(error.value)
    assert read_json(tmp_path / "run" / "manifest.json")["outcome"]["status"] == "failed"
    with pytest.raises(RuntimeError, match="other"):
        start_run(make_recipe(tiny.settings(**BRIEF)), tmp_path / "other", Stops("train", RuntimeError("other")))


def test_a_row_longer_than_the_model_is_told_before_training(tiny, tmp_path):
    """GPT-2 has no positions beyond its last: transformers would fail with an index error in the middle of a step."""
    folder = tiny.make(tmp_path / "model", "gpt2", n_positions=60)
    with pytest.raises(RequestError, match="60") as error:
        start_run(make_recipe(tiny.settings(model=str(folder))), tmp_path / "run")
    assert "max_length" in str(error.value)


def test_a_changed_base_is_noticed(tiny, tmp_path):
    folder = Path(shutil.copytree(tiny("llama"), tmp_path / "model"))
    recipe = make_recipe(tiny.settings(model=str(folder)))
    with pytest.raises(Interrupted):
        start_run(recipe, tmp_path / "run", Stops("train", KeyboardInterrupt()))
    shutil.rmtree(folder)
    tiny.make(folder, "llama", seed=5)
    with pytest.raises(RunError, match="not those that the run began with"):
        resume_run(tmp_path / "run")


def test_two_processes_do_not_work_on_one_run(tiny, tmp_path):
    class Second(Silent):
        said = ""

        def phase(self, name: str, title: str) -> None:
            if name == "train":
                with pytest.raises(RunError) as error:
                    resume_run(tmp_path / "run")
                Second.said = str(error.value)

    start_run(make_recipe(tiny.settings(**BRIEF)), tmp_path / "run", Second())
    assert "another process" in Second.said


def test_a_run_can_be_moved(tiny_run, tiny, tmp_path):
    """Its answers were written under the old name; it goes on under the new one."""
    shutil.copytree(tiny_run, tmp_path / "moved")
    run = RunFolder(tmp_path / "moved")
    lines = run.responses("tuned").read_text().splitlines(keepends=True)
    run.responses("tuned").write_text("".join(lines[:1]))
    resume_run(run.path)
    assert len(read_jsonl(run.responses("tuned"))) == 3
    assert len({r["model"] for r in read_jsonl(run.responses("tuned"))}) == 1


def test_tuning_a_tuned_model(go, tiny, tmp_path):
    first = go()
    second = tiny.settings(model=f"run:{first.path}", template="auto", **BRIEF)
    run = start_run(make_recipe(second), tmp_path / "second")
    manifest = run.read_manifest()
    assert manifest["template"]["name"] == "model"
    best = first.read_manifest()["outcome"]["best_val_loss"]
    # Merged, the sums are rounded otherwise.
    assert manifest["outcome"]["first_val_loss"] == pytest.approx(best, rel=1e-4)
    again = load_model(f"run:{run.path}")
    assert again.tokenizer.chat_template == AutoTokenizer.from_pretrained(first.model).chat_template
    assert json.loads((run.model / "generation_config.json").read_text())["eos_token_id"]
