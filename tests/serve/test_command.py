"""`heedful serve` and `heedful chat` as commands: mistakes, a real server and its end, a run that is still training."""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.request

import pytest

SMALL = ("--precision", "fp32", "--device", "cpu")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", "0.0.0.0"), "others can reach this address, so a key is needed; set HEEDFUL_API_KEY"),
        (("--api-key", "short"), "--api-key: a key has 16 to 200 characters"),
        (("--allow-origin", "*"), "--allow-origin '*': write an origin such as https://app.example"),
        (("--allow-origin", "https://app.example/path"), "without a path"),
        (("--precision", "fp3"), "did you mean 'fp32'?"),
        (("--backend", "vlm"), "did you mean 'vllm'?"),
        (("--temperature", "inf"), "--temperature inf: name a number"),
        (("--timeout", "0"), "--timeout 0: name a number of seconds above 0"),
        (("--grace", "-1"), "--grace -1"),
        (("--host", "nowhere.invalid"), "a key is needed"),
        (("--template", "alpacca"), "alpaca"),
        (("--backend", "transformers", "--precision", "fp32"), "--precision: is for Heedful's own server"),
        (("--backend", "vllm", "--temperature", "0"), "--temperature: is for Heedful's own server"),
    ],
)
def test_mistakes(heedful, tiny, monkeypatch, arguments, said):
    monkeypatch.delenv("HEEDFUL_API_KEY", raising=False)
    status, out, err = heedful("serve", tiny("llama"), "--port", "0", *arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_models_that_are_not_served(heedful, tmp_path):
    script = tmp_path / "script.jsonl"
    script.write_text("")
    assert "is no model; serve one with hf:" in heedful("serve", f"scripted:{script}")[2]
    assert "is served already" in heedful("serve", "openai:m@http://localhost:1/v1")[2]


def test_a_dry_run_checks_and_serves_nothing(heedful, tiny):
    status, out, _ = heedful("serve", tiny("llama"), "--port", "0", "--dry-run")
    assert status == 0
    assert "would be served at http://127.0.0.1:" in out


def _url(command):
    found = re.search(r'"url": "(http://[^"]+)"', command.text)
    return found[1] if found else None


def _wait(command, condition, seconds=240):
    import time

    end = time.monotonic() + seconds
    while not (made := condition()):
        assert command.process.is_alive(), command.text
        assert time.monotonic() < end, command.text
        time.sleep(0.02)
    return made


@pytest.mark.slow
def test_a_server_in_a_process_of_its_own(heedful_command, heedful, tiny_run, tmp_path, monkeypatch):
    """OpenAI's client, `heedful respond` and `heedful chat` ask it; SIGTERM ends it cleanly."""
    import openai

    monkeypatch.setenv("HEEDFUL_CACHE", str(tmp_path / "cache"))
    command = heedful_command("serve", f"run:{tiny_run}", "--name", "mine", "--port", "0", "--json", *SMALL)
    url = _wait(command, lambda: _url(command))
    assert "answers by the engine" in command.text
    questions = tmp_path / "questions.jsonl"
    questions.write_text("".join(json.dumps({"question": f"Say red in line {k}."}) + "\n" for k in range(5)))
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        made = client.chat.completions.create(
            model="mine", messages=[{"role": "user", "content": "Say red."}], max_tokens=4, temperature=0
        )
    assert made.usage.completion_tokens <= 4
    there, here = tmp_path / "there.jsonl", tmp_path / "here.jsonl"
    asked = ("--data", questions, "--max-new-tokens", "6")
    status, _, err = heedful("respond", f"openai:mine@{url}", *asked, "--out", there, "--no-cache")
    assert status == 0, err
    assert heedful("respond", f"run:{tiny_run}", *asked, "--out", here, *SMALL)[0] == 0
    texts = [
        sorted((r["example_id"], r["text"], r["finish_reason"], r["prompt_tokens"], r["tokens"]) for r in rows)
        for rows in ([json.loads(line) for line in file.read_text().splitlines()] for file in (there, here))
    ]
    assert texts[0] == texts[1]
    command.send(signal.SIGTERM)
    assert command.wait() == 0
    assert "6 requests answered" in command.text
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{url}/models", timeout=5)


@pytest.mark.slow
def test_talking_to_a_run_that_is_still_training(heedful_command, heedful, tiny, tmp_path, monkeypatch):
    """Its newest checkpoint, while training goes on and after it was killed; the run is not touched."""
    import io

    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(json.dumps(tiny.settings(epochs=1000, max_steps=5000, eval_every=2, keep_checkpoints=2)))
    run = tmp_path / "run"
    command = heedful_command("train", recipe, "--out", run)
    _wait(command, lambda: len(list((run / "checkpoints").glob("step-*"))) >= 2)

    def talk(name):
        monkeypatch.setattr("sys.stdin", io.StringIO("Say red.\n"))
        return heedful("chat", name, "--max-new-tokens", "4", "--json", *SMALL)

    for _ in range(3):
        status, out, err = talk(f"run:{run}@latest")
        assert status == 0, err
        assert re.search(r"the newest checkpoint of \S+ is of step [\d,]+", err)
        assert json.loads(out)["turns"][0]["tokens"] >= 1
        assert command.process.is_alive(), command.text
    status, _, err = talk(f"run:{run}")
    assert status == 2
    assert f"take its newest checkpoint, run:{run}@latest" in err
    os.killpg(command.process.pid, signal.SIGKILL)
    command.wait()
    before = sorted((p.name, p.stat().st_mtime_ns) for p in run.rglob("*"))
    assert talk(f"run:{run}@latest")[0] == 0
    assert sorted((p.name, p.stat().st_mtime_ns) for p in run.rglob("*")) == before
