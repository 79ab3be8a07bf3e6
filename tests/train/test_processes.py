"""Several processes train as one: the same losses, one writer, whole state out of a sharded model and back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from heedful.models.checkpoints import list_checkpoints
from heedful.store import RunFolder, read_json, read_metrics

pytestmark = pytest.mark.slow

LOSSES = ("train_loss", "val_loss")
SHARDED = """
import torch, torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard
from heedful.train.processes import gathered_moments, gathered_weights, hand_out

dist.init_process_group("gloo")
rank = dist.get_rank()

class Holder(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 3))
    def forward(self, x):
        return self.model(x)

def trained(steps, sharded):
    torch.manual_seed(0)
    holder = Holder()
    if sharded:
        for layer in holder.model:
            fully_shard(layer)
        fully_shard(holder)
    optimizer = torch.optim.AdamW(holder.parameters(), lr=0.1)
    x = torch.arange(12.0).view(2, 6) / 10
    for _ in range(steps):
        holder(x).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    return holder, optimizer

holder, optimizer = trained(3, sharded=True)
weights, moments = gathered_weights(holder), gathered_moments(holder, optimizer)
plain, plain_optimizer = trained(3, sharded=False)
if rank == 0:
    named = dict(plain.model.named_parameters())
    assert weights.keys() == named.keys(), weights.keys()
    for name, tensor in weights.items():
        torch.testing.assert_close(tensor, named[name].detach())
        torch.testing.assert_close(moments[name + "/exp_avg"], plain_optimizer.state[named[name]]["exp_avg"])
        assert float(moments[name + "/step"]) == 3

fresh, fresh_optimizer = trained(1, sharded=True)
hand_out(fresh, fresh_optimizer, weights, moments)
x = torch.ones(2, 6)
for model, opt in ((fresh, fresh_optimizer), (holder, optimizer)):
    model(x).square().sum().backward()
    opt.step()
again, expected = gathered_weights(fresh), gathered_weights(holder)
for name in again:
    torch.testing.assert_close(again[name], expected[name])
print("ok", rank)
dist.destroy_process_group()
"""

# accelerate spreads a model over GPUs only; this lets it do the same over processes on a CPU, and says what it spread.
FSDP = """
import sys
import torch.distributed.fsdp as fsdp
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedType

begin, spread = AcceleratorState.__init__, fsdp.fully_shard

def sharded(self, *arguments, **options):
    begin(self, *arguments, **options)
    if options.get("fsdp_plugin") and self.distributed_type == DistributedType.MULTI_CPU:
        self.fsdp_plugin = options["fsdp_plugin"]
        self.distributed_type = PartialState._shared_state["distributed_type"] = DistributedType.FSDP

def told(module, **options):
    print("spread:", type(module).__name__, file=sys.stderr)
    return spread(module, **options)

AcceleratorState.__init__, fsdp.fully_shard = sharded, told
sys.argv = ["heedful", *arguments]
from heedful.cli.main import main
main()
"""
TRAIN = """
sys.argv = ["heedful", *arguments]
from heedful.cli.main import main
main()
"""
BY_ACCELERATE = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP"}


@pytest.fixture
def both(ranks):
    """`both(CODE, FOLDER, ARGUMENTS)`: the exit statuses of two processes that do it, and what each said."""

    def run(code: str, folder: Path, *words: str, **environment: str) -> tuple[list[int], list[str]]:
        started = ranks(code, *words, cwd=folder, **environment)
        return [p.wait(900) for p in started], [p.text for p in started]

    return run


@pytest.fixture
def train(heedful, both, monkeypatch):
    """`train(processes, FOLDER, ARGUMENTS)`: a command in two processes, or, where it is one process, in this one."""

    def run(processes: int, folder: Path, *words: str) -> None:
        monkeypatch.chdir(folder)
        if processes == 1:
            status, _, said = heedful("train", *words)
            assert status == 0, said[-2000:]
        else:
            statuses, said = both(TRAIN, folder, "train", *words)
            assert statuses == [0, 0], "\n".join(text[-2000:] for text in said)

    return run


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_two_processes_give_the_losses_of_one(tiny, tmp_path: Path, tuning: str, train) -> None:
    (tmp_path / "rows.json").write_text(json.dumps(tiny.rows(41)))
    words = f"""--model {tiny("llama")} --data rows.json --template alpaca --epochs 1
        --split order:train=27,val=7,test=7 --tuning {tuning} --set learning_rate=1e-3 --set micro_batch_size=3
        --set max_new_tokens=4 --set samples=1 --set sample_tokens=4 --set precision=fp32 --out""".split()
    for processes in (1, 2):
        train(processes, tmp_path, *words, f"run{processes}")
    one, two = (read_metrics(tmp_path / f"run{n}" / "metrics.jsonl") for n in (1, 2))
    assert [m["step"] for m in one] == [m["step"] for m in two]
    for a, b in zip(one, two, strict=True):
        for key in ("train_loss", "val_loss"):
            assert a.get(key) == pytest.approx(b.get(key), abs=1e-5)
        assert (a["tokens"], a["trained_tokens"]) == (b["tokens"], b["trained_tokens"])
    first, second = (read_json(tmp_path / f"run{n}" / "manifest.json") for n in (1, 2))
    assert first["outcome"]["test_loss_after"] == pytest.approx(second["outcome"]["test_loss_after"], abs=1e-5)
    assert second["machine"]["processes"] == 2
    assert (tmp_path / "run2" / "report.html").is_file()


def launch(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=900, check=False)


def test_a_finished_run_of_two_processes_resumes_at_once(tiny, tmp_path: Path) -> None:
    """Started by torchrun, as in the documentation; in the other tests the two processes are forked."""
    (tmp_path / "rows.json").write_text(json.dumps(tiny.rows(30)))
    words = f"""-m heedful.cli.main train --model {tiny("gpt2")} --data rows.json --template alpaca --epochs 1
        --set max_new_tokens=4 --set samples=0 --out run""".split()
    assert launch(*words, cwd=tmp_path).returncode == 0
    again = launch(*["-m", "heedful.cli.main", "train", "--resume", "--out", "run"], cwd=tmp_path)
    assert again.returncode == 0, again.stderr[-2000:]


MORE = ["--resume", "--out", "run", "--set", "max_steps=7"]


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2)])
def test_another_number_of_processes_goes_on_to_the_same_losses(
    tiny, tmp_path: Path, before: int, after: int, train
) -> None:
    """Unequal rows in micro-batches, which are dealt out otherwise: the gradients of a step are the same."""
    (tmp_path / "rows.json").write_text(json.dumps(tiny.rows(41)))
    words = f"""--model {tiny("llama")} --data rows.json --template alpaca --epochs 2
        --split order:train=27,val=7,test=7 --set learning_rate=1e-3 --set micro_batch_size=3 --set samples=0
        --set test_questions=0 --set precision=fp32 --set schedule=constant --set warmup_steps=1 --set eval_every=2
        --set""".split()
    for out, steps, processes in (("whole", 7, 1), ("run", 3, before)):
        train(processes, tmp_path, *words, f"max_steps={steps}", "--out", out)
    train(after, tmp_path, *MORE)
    got, expected = (
        {(m["step"], k): m[k] for m in read_metrics(tmp_path / name / "metrics.jsonl") for k in LOSSES if k in m}
        for name in ("run", "whole")
    )
    assert {k: v for k, v in got.items() if k[1] == "train_loss"}.keys() == {(s, "train_loss") for s in range(1, 8)}
    for key in expected:
        assert got[key] == pytest.approx(expected[key], abs=1e-5), key


def test_with_dropout_another_number_of_processes_is_refused(tiny, tmp_path: Path, train, both) -> None:
    (tmp_path / "rows.json").write_text(json.dumps(tiny.rows(30)))
    words = f"""--model {tiny("llama")} --data rows.json --template alpaca --epochs 1
        --set samples=0 --set test_questions=0 --set lora_dropout=0.1 --set max_steps=2 --out run""".split()
    train(1, tmp_path, *words)
    statuses, said = both(TRAIN, tmp_path, "train", *MORE)
    assert 0 not in statuses
    assert "has dropout and was trained by 1 process" in "".join(said), said


def test_whole_state_comes_out_of_a_sharded_model_and_goes_back(tmp_path: Path, both) -> None:
    statuses, said = both(SHARDED, tmp_path)
    assert statuses == [0, 0], said
    assert ["ok 0" in said[0], "ok 1" in said[1]] == [True, True], said


@pytest.mark.parametrize(("architecture", "tuning"), [("llama", "full"), ("qwen3", "lora")])  # qwen3's head is tied
def test_a_run_under_fsdp_gives_the_losses_of_one_process_and_goes_on(
    tiny, tmp_path: Path, architecture: str, tuning: str, train, both
) -> None:
    """From data to saved model through accelerate, broken off after three steps of six and gone on with."""
    (tmp_path / "rows.json").write_text(json.dumps(tiny.rows(41)))
    words = f"""train --model {tiny(architecture)} --data rows.json --template alpaca --epochs 2
        --split order:train=27,val=7,test=7 --tuning {tuning} --set learning_rate=1e-3 --set micro_batch_size=3
        --set samples=0 --set test_questions=2 --set max_new_tokens=4 --set precision=fp32 --set schedule=constant
        --set warmup_steps=1 --set eval_every=2 --set""".split()
    train(1, tmp_path, *words[1:], "max_steps=6", "--out", "whole")
    more = ["train", "--resume", "--out", "run", "--set", "max_steps=6"]
    for part in ([*words, "max_steps=3", "--out", "run"], more):
        statuses, said = both(FSDP, tmp_path, *part, **BY_ACCELERATE)
        assert statuses == [0, 0], "\n".join(text[-3000:] for text in said)
        for text in said:  # each of two layers, in each of two processes, is gathered by itself
            layers = [line for line in text.splitlines() if line.startswith("spread: ") and "DecoderLayer" in line]
            assert len(layers) == 2, text
    got, expected = (
        {(m["step"], k): m[k] for m in read_metrics(tmp_path / name / "metrics.jsonl") for k in LOSSES if k in m}
        for name in ("run", "whole")
    )
    assert {k for k in got if k[1] == "train_loss"} == {(step, "train_loss") for step in range(1, 7)}
    assert {k: got[k] for k in expected} == {k: pytest.approx(v, abs=1e-5) for k, v in expected.items()}
    outcomes = [read_json(tmp_path / name / "manifest.json")["outcome"] for name in ("run", "whole")]
    assert outcomes[0]["test_loss_after"] == pytest.approx(outcomes[1]["test_loss_after"], abs=1e-5)
    names = [set(load_file(newest(tmp_path / name) / "weights.safetensors")) for name in ("run", "whole")]
    assert names[0] == names[1]


def newest(run: Path) -> Path:
    return list_checkpoints(RunFolder(run).checkpoints, "step")[0]
