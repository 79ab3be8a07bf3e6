"""Tiny models, data and processes that all tests share.

Models have two layers of width 32 and random weights; each comes with a byte-level tokenizer of some 400 tokens that
is trained here. They are made once a session, on disk in the hub's layout.
"""

from __future__ import annotations

import functools
import gc
import json
import multiprocessing
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["TQDM_DISABLE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"  # tiny products: a second thread would only wait for the first

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

# The same examples on every machine, whatever else the process has imported, and no complaint about the time that they
# take on a busy one. Other examples at each run, and such as stand in the sources: HEEDFUL_EXPLORE=1.
settings.register_profile(
    "heedful",
    derandomize=not os.environ.get("HEEDFUL_EXPLORE"),
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("heedful")
if not os.environ.get("HEEDFUL_EXPLORE") and hasattr(providers, "_local_constants"):  # its own affair: it may go
    # Hypothesis reads all that is imported for numbers and texts to try: ten seconds a process in a fresh clone, and
    # what it tries then depends on which tests ran before.
    providers._get_local_constants = functools.partial(getattr, providers, "_local_constants")

ARCHITECTURES = ("llama", "gpt2", "qwen3", "gemma3", "gemma2")
WORDS = ("red", "blue", "green", "cat", "dog", "bird", "seven", "eight")
WORDS += ("nine", "tall", "short", "warm", "cold", "river", "stone", "apple")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A property tries a quarter of the examples that it names; with `-m slow` it is run again, and tries them all.

    A quarter, and five at least; where it is asked of eight things or more an eighth, and two at least.
    """
    reduced = set()
    asked = Counter(getattr(item, "obj", None) for item in items)
    for item in items:
        function = getattr(item, "obj", None)
        if not getattr(function, "is_hypothesis_test", False) or item.get_closest_marker("slow"):
            continue
        if config.option.markexpr == "slow":
            item.add_marker("slow")
        elif function not in reduced:
            reduced.add(function)
            named = function._hypothesis_internal_use_settings
            fewest, share = (5, 4) if asked[function] < 8 else (2, 8)
            examples = max(fewest, named.max_examples // share)
            function._hypothesis_internal_use_settings = settings(named, max_examples=examples)


def pytest_collection_finish() -> None:
    """What was imported stays: the collector of garbage need not walk over it again and again."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """What fsync is for, the failure of power, befalls no test: a kill leaves what was written to the system."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_command_line() -> Iterator[None]:
    """typer makes the objects of all commands anew at each call: a process makes one call, these tests hundreds."""
    import typer.main
    import typer.testing

    made = functools.cache(typer.main.get_command)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", made)
        patch.setattr(typer.testing, "_get_command", made)
        yield


def rows(count: int, start: int = 0) -> list[dict[str, str]]:
    """Rows in Alpaca form, of unequal length, no two with the same question."""
    out = []
    for k in range(start, start + count):
        a, b, c = WORDS[k % 16], WORDS[(k * 7 + 3) % 16], WORDS[(k * 5 + k // 16) % 16]
        out.append(
            {
                "instruction": f"Say {a} and {b} in line {k}." + " Be brief." * (k % 3),
                "input": c if k % 4 == 0 else "",
                "output": " ".join([a, b, c][: 1 + k % 3]) + ".",
            }
        )
    return out


def make_tokenizer(eos: str = "<|end|>", pad: str | None = "<|pad|>", bos: str | None = None) -> Any:
    """A byte-level BPE tokenizer trained on the rows above."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = [t for t in dict.fromkeys([eos, pad, bos, "<|im_start|>", "<|im_end|>"]) if t]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = ["\n".join(r.values()) for r in rows(100)]
    texts.append(
        "Below is an instruction that describes a task. Write a response that appropriately completes the request."
        "\n\n### Instruction:\n### Input:\n### Response:\n"
    )
    made.train_from_iterator(texts, trainer)
    if bos:
        made.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, made.token_to_id(bos))]
        )
    names = {"eos_token": eos, **({"pad_token": pad} if pad else {}), **({"bos_token": bos} if bos else {})}
    return PreTrainedTokenizerFast(tokenizer_object=made, **names)


def make_config(architecture: str, vocab: int, **changes: Any) -> Any:
    """The configuration of a tiny model."""
    import transformers as t

    if architecture == "gpt2":
        values = {"vocab_size": vocab, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 256}
        values |= {"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0, "bos_token_id": None, "eos_token_id": 0}
        return t.GPT2Config(**(values | changes))
    classes = {"llama": t.LlamaConfig, "qwen3": t.Qwen3Config, "gemma3": t.Gemma3TextConfig, "gemma2": t.Gemma2Config}
    values = {
        "vocab_size": vocab,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "max_position_embeddings": 512,
        "tie_word_embeddings": architecture != "llama",
        "bos_token_id": None,
        "eos_token_id": 0,
        "pad_token_id": None,
    }
    if architecture == "gemma2":
        values |= {"final_logit_softcapping": 30.0, "query_pre_attn_scalar": 16}
    if architecture == "gemma3":
        values |= {"query_pre_attn_scalar": 16, "sliding_window": 64}
    return classes[architecture](**(values | changes))


def make_model(folder: Path, architecture: str = "llama", tokenizer: Any = None, seed: int = 0, **changes: Any) -> Path:
    """Write a tiny random model and its tokenizer into a folder."""
    import torch
    from transformers import AutoModelForCausalLM

    from heedful.models.quiet import quiet_transformers

    tokenizer = tokenizer or make_tokenizer()
    with torch.random.fork_rng(), quiet_transformers():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(make_config(architecture, len(tokenizer), **changes))
        model.generation_config.pad_token_id = tokenizer.pad_token_id
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


class Tiny:
    """Tiny models and files by name: `tiny("gpt2")` is a folder, `tiny.data` a JSON file of 40 rows."""

    rows = staticmethod(rows)
    tokenizer = staticmethod(make_tokenizer)
    config = staticmethod(make_config)
    make = staticmethod(make_model)
    architectures = ARCHITECTURES

    def __init__(self, folder: Path):
        self.folder = folder
        self.data = folder / "rows.json"
        self.data.write_text(json.dumps(rows(40)))

    def __call__(self, architecture: str = "llama") -> Path:
        folder = self.folder / architecture
        if not (folder / "config.json").is_file():
            make_model(folder, architecture)
        return folder

    def settings(self, **changes: Any) -> dict[str, Any]:
        """A recipe for seconds: 24 training, 8 validation and 8 test rows, 12 steps."""
        values: dict[str, Any] = {
            "model": str(self(changes.pop("architecture", "llama"))),
            "data": [str(self.data)],
            "split": "order:train=24,val=8,test=8",
            "template": "alpaca",
            "epochs": 2,
            "batch_size": 4,
            "learning_rate": 1e-3,
            "warmup_steps": 2,
            "eval_every": 3,
            "patience": 0,
            "precision": "fp32",
            "device": "cpu",
            "samples": 1,
            "sample_tokens": 4,
            "test_questions": 3,
            "max_new_tokens": 6,
            "response_batch_size": 2,
            "lora_rank": 4,
        }
        return values | changes


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return Tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_run(tiny: Tiny) -> Path:
    """A finished LoRA run of the tiny Llama with all its checkpoints. Copy it before changing it."""
    from heedful.train.recipe import make_recipe
    from heedful.workflow import start_run

    folder = tiny.folder / "run"
    start_run(make_recipe(tiny.settings(keep_checkpoints=9)), folder)
    return folder


@pytest.fixture
def heedful(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`heedful(ARGUMENTS)`: exit status, stdout and stderr of a command that is run in this process."""
    from heedful.cli.main import main

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["heedful", *(str(a) for a in arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


# What a run of a tiny Llama imports, some of it only where it is used.
PRELOADED = ["heedful.cli.main", "heedful.cli.live", "heedful.workflow", "heedful.report.page", "peft", "transformers"]
PRELOADED += ["transformers.models.llama.modeling_llama", "sacrebleu", "rouge_score.rouge_scorer"]


# What a forked process does, as text: this file cannot be imported there.
BEGIN = """
import os, sys
os.setsid()
os.environ.update(environment)
os.chdir(folder)
handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
os.dup2(handle, 1)
os.dup2(handle, 2)
"""
MAIN = """
sys.argv = ["heedful", *arguments]
from heedful.cli.main import main
main()
"""


class Command:
    """A `heedful` command in a process of its own."""

    def __init__(self, process: Any, output: Path):
        self.process = process
        self.output = output

    @property
    def text(self) -> str:
        return self.output.read_text() if self.output.exists() else ""

    def send(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def wait(self, timeout: float = 600) -> int:
        """The exit status; minus the signal's number where one ended the process."""
        self.process.join(timeout)
        assert self.process.exitcode is not None, f"still running after {timeout} s:\n{self.text}"
        return self.process.exitcode

    def send_when(self, condition: Callable[[], object], number: int = signal.SIGKILL, timeout: float = 600) -> bool:
        """Send a signal as soon as a condition holds; whether it did before the process ended by itself."""
        end = time.monotonic() + timeout
        while time.monotonic() < end and self.process.is_alive():
            if condition():
                self.send(number)
                return True
            time.sleep(0.0005)
        return False


@pytest.fixture(scope="session")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Command]]:
    """Start code in a second process, forked from a server that has imported the libraries already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    folder = tmp_path_factory.mktemp("commands")
    started: list[Command] = []

    def start(code: str, *arguments: object, cwd: object = ".", **environment: str) -> Command:
        output = folder / f"{len(started)}.txt"
        names = {"arguments": [str(a) for a in arguments], "output": str(output)}
        names |= {"folder": str(cwd), "environment": environment}
        process = context.Process(target=exec, args=(BEGIN + code, names))
        process.start()
        started.append(Command(process, output))
        return started[-1]

    yield start
    for command in started:
        if command.process.is_alive():
            command.process.kill()
        command.process.join()


@pytest.fixture(scope="session")
def heedful_command(forked: Callable[..., Command]) -> Callable[..., Command]:
    """Start `heedful ARGUMENTS` in a second process."""
    return lambda *arguments: forked(MAIN, *arguments)


@pytest.fixture(scope="session")
def ranks(forked: Callable[..., Command]) -> Callable[..., list[Command]]:
    """Start code in two processes that train as one: as by torchrun, which would import everything three times."""

    def start(code: str, *arguments: object, cwd: Path, **environment: str) -> list[Command]:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            names = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(s.getsockname()[1]), **environment}
        names |= {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
        return [forked(code, *arguments, cwd=cwd, **names, RANK=n, LOCAL_RANK=n) for n in ("0", "1")]

    return start
