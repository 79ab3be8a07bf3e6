"""The command line as a process: a mistake in an argument is one sentence, and torch's threads are told to sleep."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from heedful.cli.main import main


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "heedful.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "--modle", "x"], "no such option: --modle (did you mean --model?); see heedful train --help"),
        (["trian"], "no such command 'trian' (did you mean 'train'?); see heedful --help"),
        (
            ["train", "--epochs", "two"],
            "invalid value for '--epochs': it must be a whole number; see heedful train --help",
        ),
        (["data", "show"], "missing argument 'files'; see heedful data show --help"),
        (["data", "check", "x", "--limit", "0"], "invalid value for '--limit': it must be 1 or more"),
        (["train", "--model"], "option '--model' requires an argument"),
        (["respond", "m", "--data", "d", "--out", "o", "--top-p", "2"], "'--top-p': it must be 1 or less"),
    ],
)
def test_a_mistake_is_one_sentence(heedful, arguments: list[str], said: str):
    status, out, err = heedful(*arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("heedful: error: ")
    assert said in err


def test_a_mistake_is_one_sentence_of_a_process_too():
    done = process("trian")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "heedful: error: no such command 'trian' (did you mean 'train'?); see heedful --help\n"


@pytest.fixture
def said(monkeypatch, capsys):
    """Run a command here and give the one sentence with which it is refused; nothing may be on stdout."""

    def run(*arguments: object, status: int = 2) -> str:
        monkeypatch.setattr(sys, "argv", ["heedful", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert ended.value.code == status, err
        *before, last = err.splitlines()
        assert last.startswith("heedful: error: "), err
        assert not [line for line in before if "rror" in line]
        assert out == "" or status == 1
        return last.removeprefix("heedful: error: ")

    return run


HUGE = "123456789012345678901234567890"


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--seed", HUGE], f"--seed: {HUGE} must be 9223372036854775807 or less"),
        (["--seed", "-1"], "--seed: -1 must be 0 or more"),
        (["--epochs", "0"], "--epochs: 0 must be 1 or more"),
        (["--set", "epoch=3"], "--set epoch: unknown key 'epoch' (did you mean 'epochs'?)"),
        (
            ["--set", "lora_targets=q_proj,k_prj"],
            "'k_prj': no such linear layer in LlamaForCausalLM (did you mean 'k_p",
        ),
        (["--set", "lora_targets=norm"], "lora_targets 'norm': no such linear layer"),
        (
            ["--set", "attention=flash_attention_2"],
            "attention 'flash_attention_2': its package is not usable here; set",
        ),
        (["--set", "device=cud"], "device 'cud': no such device (did you mean 'cuda'?); name auto, cpu"),
        (["--model", "openai:x@http://localhost"], "a model behind a server has no weights here"),
        (["--model", "scripted:x"], "a file of answers has no weights here"),
        (["--out", ""], "--out '': the name is empty; name a folder for the run"),
        (["--out", "file"], "file: is a file; choose another --out"),
        (["--out", "file/run"], "cannot be written (not a directory); choose another path"),
        (["--out", "/proc/none/run"], "cannot be written (no such file or directory); choose another path"),
        (["--out", "x" * 300], "cannot be written (file name too long); choose another path"),
    ],
)
def test_a_refused_run_leaves_nothing(said, tiny, tmp_path, monkeypatch, option, sentence):
    """Also where the model had to be loaded first: the mended command must find the folder free."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(tiny.settings()))
    out = [] if "--out" in option else ["--out", "run"]
    assert sentence in said("train", "r.yaml", *out, *option)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "r.yaml"]


def test_a_plan_is_refused_what_the_run_would_be(said, tiny, tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text(yaml.safe_dump(tiny.settings()))
    assert "exists and is not empty; choose another --out" in said("train", recipe, "--plan", "--out", tmp_path)


@pytest.mark.parametrize(
    ("option", "named"),
    [
        (["--plan"], "--plan"), (["--dry-run"], "--plan"), (["--print-recipe"], "--print-recipe"),
        (["--seed", "0"], "--seed"), (["--limit", "0"], "--limit"), (["--allow-overlap"], "--allow-overlap"),
        (["r.yaml"], "the recipe r.yaml"), (["--set", "seed=1"], "seed"),
    ],
)  # fmt: skip
def test_resume_ignores_no_option(said, tiny_run, option, named):
    """A plan that trained, or a seed that was passed over in silence, would be worse than a refusal."""
    sentence = said("train", "--resume", "--out", tiny_run, *option)
    assert f"--resume goes on with the run's own recipe, so leave {named} away" in sentence


def test_no_epochs_for_a_run_are_refused(said, tiny_run):
    assert "epochs is 2 and can only grow; 0 is not more" in said("train", "--resume", "--out", tiny_run, "--epochs", 0)


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--seed", "-1"], "--seed -1: name a whole number from 0 to"),
        (["--seed", HUGE], f"--seed {HUGE}: name a whole number from 0 to"),
        (["--temperature", "inf"], "--temperature inf: name a number"),
        (["--precision", "fp23"], "--precision 'fp23' (did you mean 'fp32'?): choose auto, fp32 or bf16"),
        (["--out", ""], "--out '': the name is empty"),
        (["--out", "DATA"], "exists; add --resume"),
        (["--out", "DATA", "--resume"], "is not a file of answers, so nothing is appended to it"),
        (["--template", "alpacka", "--dry-run"], "unknown template 'alpacka' (did you mean 'alpaca'?)"),
        (["--device", "warp", "--dry-run"], "device 'warp': no such device; name auto, cpu, cuda, cuda:1 or mps"),
        (["--model", "none", "--dry-run"], "there is no such folder here"),
    ],
)
def test_respond_is_refused_before_anything_is_loaded(said, tiny, tmp_path, monkeypatch, option, sentence):
    def load(*_: object) -> None:
        raise AssertionError("the weights were loaded")

    monkeypatch.setattr("heedful.backends.load.load_model", load)
    data = tmp_path / "rows.json"
    data.write_bytes(tiny.data.read_bytes())
    option = [str(data) if o == "DATA" else o for o in option]
    model = "none" if "--model" in option else tiny("llama")
    option = [o for o in option if o not in ("--model", "none")]
    out = [] if "--out" in option else ["--out", tmp_path / "a.jsonl"]
    assert sentence in said("respond", model, "--data", data, *out, *option)
    assert data.read_bytes() == tiny.data.read_bytes()
    assert list(tmp_path.iterdir()) == [data]


def test_not_one_answer_is_a_failure(said, tiny, tmp_path):
    (tmp_path / "script.jsonl").write_text("")
    out = tmp_path / "a.jsonl"
    sentence = said("respond", f"scripted:{tmp_path}/script.jsonl", "--data", tiny.data, "--out", out, status=1)
    assert "no question could be answered (the first, " in sentence
    assert sentence.endswith("the script has no answer to this question); mend that and add --resume")


@pytest.mark.parametrize("command", ["demo", "respond"])
def test_a_dry_run_in_json(command, tiny, tmp_path, monkeypatch, capsys):
    options = ["--model", str(tiny("llama"))] if command == "demo" else [str(tiny("llama")), "--data", str(tiny.data)]
    monkeypatch.setattr(
        sys, "argv", ["heedful", command, *options, "--out", str(tmp_path / "x"), "--dry-run", "--json"]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    told = json.loads(capsys.readouterr().out)
    assert told["model"] == str(tiny("llama"))
    assert told["out"] == str(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--seed", HUGE], "name a whole number from 0 to"),
        (["--out", ""], "--out '': the name is empty"),
        (["--model", "none"], "there is no such folder here"),
        (["--model", "scripted:x"], "a file of answers has no weights here"),
        (["--model", "pip:gemma"], "no such packaged model (did you mean 'gemma3-270m'?)"),
    ],
)
def test_a_demo_is_refused_in_its_dry_run_too(said, option, sentence):
    assert sentence in said("demo", "--dry-run", *option)


def test_no_arguments_show_the_help():
    done = process()
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "train" in done.stderr


def test_the_version(heedful):
    status, out, err = heedful("--version")
    assert (status, err) == (0, "")
    assert out.startswith("heedful ")
