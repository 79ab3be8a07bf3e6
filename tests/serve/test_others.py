"""vLLM's and transformers' own servers: what they are started with, what they answer, and that nothing stays behind."""

from __future__ import annotations

import json
import signal
import socket
import stat
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from heedful.errors import RequestError
from heedful.serve.others import command_for, served_folder

SAME = (None, "127.0.0.1", 8001, None, None)


def test_commands(tiny, tiny_run, monkeypatch):
    folder = str(tiny("llama"))
    transformers = command_for("transformers", folder, folder, *SAME)
    assert transformers.words[3:] == ("serve", folder, "--host", "127.0.0.1", "--port", "8001")
    with pytest.raises(RequestError, match="knows no key"):
        command_for("transformers", folder, folder, None, "0.0.0.0", 8001, "k" * 16, None)
    with pytest.raises(RequestError, match="--name: transformers' server has no such option"):
        command_for("transformers", folder, folder, "x", "127.0.0.1", 8001, None, None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(RequestError, match="vllm is not installed here"):
        command_for("vllm", folder, folder, *SAME)
    monkeypatch.setattr("shutil.which", lambda name: f"/opt/{name}")
    made = command_for("vllm", "run:mine", folder, None, "0.0.0.0", 8001, "k" * 16, 2048)
    assert made.words == (
        "/opt/vllm", "serve", folder, "--host", "0.0.0.0", "--port", "8001", "--served-model-name", "run:mine",
        "--max-model-len", "2048",
    )  # fmt: skip
    assert made.environment == (("VLLM_API_KEY", "k" * 16),), "a command line can be read by everybody"


def test_a_checkpoint_is_a_folder_for_as_long_as_it_is_served(tiny_run):
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    from heedful.models.loading import load_model

    with served_folder(f"run:{tiny_run}", print) as folder:
        assert folder == str(tiny_run / "model")
    with served_folder(f"run:{tiny_run}@step=6", print, dry_run=True) as folder:
        assert folder == f"a copy of run:{tiny_run}@step=6, made at the start"
    with served_folder(f"run:{tiny_run}@step=6", print) as folder:
        ours = load_model(f"run:{tiny_run}@step=6").model.state_dict()
        theirs = AutoModelForCausalLM.from_pretrained(folder).state_dict()
        assert all((ours[name] == value).all() for name, value in theirs.items())
        tokenizer = AutoTokenizer.from_pretrained(folder)
        assert "### Response:" in tokenizer.chat_template
        stops = GenerationConfig.from_pretrained(folder).eos_token_id
        assert tokenizer.eos_token_id in (stops if isinstance(stops, list) else [stops])
    assert not Path(folder).exists()


MAIN = """
import os, sys
os.environ["PATH"] = f"{arguments[0]}:{os.environ['PATH']}"
sys.argv = ["heedful", *arguments[1:]]
from heedful.cli.main import main
main()
"""
STAND_IN = """#!{python}
import json, os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
def end(number, frame):
    json.dump({{"signal": number}}, open({ended!r}, "w"))
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
told = {{"words": sys.argv[1:], "key": os.environ.get("VLLM_API_KEY"), "child": child.pid,
        "files": sorted(os.listdir(sys.argv[2]))}}
json.dump(told, open({told!r} + ".part", "w"))
os.rename({told!r} + ".part", {told!r})
while True:
    time.sleep(600)
"""


def _gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[-1].split()[0] == "Z"
    except OSError:
        return True


def _until(condition, command, seconds=240):
    end = time.monotonic() + seconds
    while not condition():
        assert command.process.is_alive(), command.text
        assert time.monotonic() < end, command.text
        time.sleep(0.02)


@pytest.mark.slow
def test_vllm_gets_its_options_and_ends_with_what_it_started(forked, tiny_run, tmp_path):
    """A program that is called vllm and writes down what it is given."""
    told, ended = tmp_path / "told.json", tmp_path / "ended.json"
    program = tmp_path / "vllm"
    program.write_text(STAND_IN.format(python=sys.executable, told=str(told), ended=str(ended)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    command = forked(
        MAIN, tmp_path, "serve", f"run:{tiny_run}@step=6", "--backend", "vllm", "--name", "mine", "--port", "8123",
        "--context", "256", "--api-key", "k" * 20,
    )  # fmt: skip
    _until(told.is_file, command)
    said = json.loads(told.read_text())
    folder = said["words"][1]
    assert said["words"] == [
        "serve", folder, "--host", "127.0.0.1", "--port", "8123", "--served-model-name", "mine",
        "--max-model-len", "256",
    ]  # fmt: skip
    assert said["key"] == "k" * 20
    assert "k" * 20 not in command.text
    assert {"config.json", "model.safetensors", "chat_template.jinja", "generation_config.json"} <= set(said["files"])
    command.send(signal.SIGTERM)
    assert command.wait() == 0, command.text
    assert json.loads(ended.read_text()) == {"signal": signal.SIGTERM}
    assert _gone(said["child"])
    assert not Path(folder).exists()


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.mark.slow
def test_transformers_own_server_answers_as_ours_does(heedful_command, heedful, tiny_run, tmp_path):
    """The same question, greedily: its answer is that of `heedful respond`; after SIGTERM nobody listens."""
    import openai

    port, model = _free_port(), str(tiny_run / "model")
    url = f"http://127.0.0.1:{port}"
    command = heedful_command("serve", f"run:{tiny_run}", "--backend", "transformers", "--port", str(port))

    def healthy():
        try:
            return urllib.request.urlopen(f"{url}/health", timeout=5).status == 200
        except OSError:
            return False

    _until(healthy, command)
    questions, there = tmp_path / "q.jsonl", tmp_path / "a.jsonl"
    questions.write_text(json.dumps({"question": "Say red in line 3."}) + "\n")
    asked = ("--data", questions, "--max-new-tokens", "8", "--out", there, "--precision", "fp32", "--device", "cpu")
    status, _, err = heedful("respond", f"run:{tiny_run}", *asked)
    assert status == 0, err
    ours = json.loads(there.read_text().splitlines()[0])
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        made = client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "Say red in line 3."}], max_tokens=8, temperature=0
        )
    assert made.choices[0].message.content.strip() == ours["text"].strip()
    assert made.choices[0].finish_reason == ours["finish_reason"]
    command.send(signal.SIGTERM)
    assert command.wait() == 0, command.text
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{url}/health", timeout=5)
