"""`heedful chat`: by a pipe in this process, and in a real terminal in a process of its own."""

from __future__ import annotations

import io
import json
import os
import signal
import time

import pytest

LINES = [
    {"question": "One?", "answer": "First."},
    {"question": "Two?", "answer": "Second.\nAnd more."},
    {"question": "/odd?", "answer": "Even \x1b[31mso."},
    {"question": "a\nb", "answer": "Two lines."},
]


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return f"scripted:{path}"


@pytest.fixture
def piped(heedful, monkeypatch):
    """`piped(LINES, ARGUMENTS)`: the command with lines on its stdin."""

    def run(text, *arguments):
        given = text if isinstance(text, bytes) else text.encode()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))
        return heedful("chat", *arguments)

    return run


def test_a_question_a_line(piped, script):
    assert piped("One?\n\nTwo?\n", script) == (0, "First.\nSecond.\nAnd more.\n", "")


def test_what_a_terminal_would_obey_is_written_as_its_code(piped, script):
    assert piped("//odd?\na\\\nb\n", script) == (0, "Even \\x1b[31mso.\nTwo lines.\n", "")


def test_one_document(piped, script):
    status, out, _ = piped("One?\nWhat?\nTwo?\n/undo\n", script, "--json", "--system", "Be brief.")
    made = json.loads(out)
    assert status == 0
    assert made["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "First."},
    ]
    assert [(t["question"], t["answer"]) for t in made["turns"]] == [
        ("One?", "First."), ("What?", None), ("Two?", "Second.\nAnd more."),
    ]  # fmt: skip
    assert made["failed"] == 1


def test_commands(piped, script, tmp_path):
    file = tmp_path / "talk.json"
    lines = ["One?", "/retry", f"/save {file}", "/reset", f"/load {file}", "Two?", f"/save {file}", "/set top_k=3",
             "/system Short.", "/compare", "/help", "/quit", "One?"]  # fmt: skip
    status, out, err = piped("\n".join(lines), script, "--against", script)
    assert status == 0
    assert out.splitlines() == [
        "First.", "First.", "Second.", "And more.",
        f"--- {script}", "Second.", "And more.", f"--- {script}", "Second.", "And more.",
    ]  # fmt: skip
    assert "top_k=3" in err
    assert "(system prompt: Short.)" in err
    assert "/compare [on|off]" in err
    assert [m["content"] for m in json.loads(file.read_text())[0]["messages"]] == [
        "One?", "First.", "Two?", "Second.\nAnd more.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("One?\n/comparr", "stdin:2: there is no command '/comparr' (did you mean '/compare'?)"),
        ("/compare", "stdin:1: /compare: there is nothing to compare with; start with --against MODEL"),
        ("/retry", "nothing has been asked yet"),
        ("/undo", "nothing has been asked yet"),
        ("/set warmth=1", "/set warmth: no such setting"),
        ("/set temperature=hot", "/set temperature=hot: name a number"),
        ("/set top_p=0", "/set top_p=0: name a number above 0 to 1"),
        ("/set seed", "write seed=VALUE"),
        ("/save", "/save: name a file"),
        ("/load nowhere.json", "nowhere.json: no such file"),
        (b"One?\n\xff\n", "stdin: is not UTF-8"),
    ],
)
def test_mistakes_in_lines(piped, script, lines, said):
    status, _, err = piped(lines, script)
    assert status == 2
    assert said in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--temperature", "-1"), "--temperature -1: name a number from 0 to 100"),
        (("--top-p", "nan"), "--top-p nan: name a number above 0"),
        (("--max-new-tokens", "0"), "--max-new-tokens 0: name a number from 1"),
        (("--seed", "-1"), "--seed -1"),
        (("--stop", ""), "--stop ''"),
        (("--precision", "fp3"), "did you mean 'fp32'?"),
        (("--api-key-env", "X"), "is for models behind a server"),
        (("--load", "x.json", "--system", "y"), "--system: the conversation of --load has its own"),
        (("--load", "x.json"), "x.json: no such file"),
        (("--against", "ggfu:x"), "did you mean 'gguf'?"),
    ],
)
def test_mistakes_in_arguments(piped, script, arguments, said):
    status, out, err = piped("One?\n", script, *arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_where_nothing_can_be_answered(piped, script):
    status, _, err = piped("What?\nWho?\n", script)
    assert status == 1
    assert "stdin:2: not answered: the script has no answer" in err
    assert "no question could be answered (2 failed)" in err


@pytest.fixture(scope="module")
def lively(tiny, tmp_path_factory):
    """A tiny model whose answers depend on what was said before; it has room for 512 tokens."""
    import torch
    from transformers import AutoModelForCausalLM

    folder = tiny.make(tmp_path_factory.mktemp("chat") / "lively", "llama", tiny.tokenizer(eos="<|im_end|>"))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(6)
    model.save_pretrained(folder)
    return folder


HERE = ("--precision", "fp32", "--device", "cpu", "--template", "chatml")


def test_the_answers_are_those_of_the_whole_conversation(piped, lively):
    from heedful.backends.base import GenerationSettings
    from heedful.backends.by_name import open_backend
    from heedful.records import Message

    backend = open_backend(str(lively), template="chatml", precision="fp32", device="cpu")()
    talk = [Message("system", "Be brief.")]
    for question in ("Say red.", "Say stone and cat."):
        talk.append(Message("user", question))
        (answer,) = backend.answer([talk], GenerationSettings(max_new_tokens=12))
        talk.append(Message("assistant", answer.text))
    status, out, _ = piped("Say red.\nSay stone and cat.\n", lively, "--json", "--system", "Be brief.",
                           "--max-new-tokens", "12", *HERE)  # fmt: skip
    assert status == 0
    made = json.loads(out)
    assert [m["content"] for m in made["messages"]] == [m.content for m in talk]
    assert made["turns"][1]["prompt_tokens"] > made["turns"][0]["prompt_tokens"]


def test_a_long_conversation_loses_its_beginning_and_says_so(piped, lively):
    lines = "".join(f"Say {'red ' * 120}{k}.\n" for k in range(4)) + "Say " + "red " * 600 + "\nSay cat.\n"
    status, out, err = piped(lines, lively, "--max-new-tokens", "4", "--json", *HERE)
    assert status == 0
    made = json.loads(out)
    assert "the model has room for 512 tokens: it no longer sees the first 2 messages" in err
    assert "stdin:5: the question has" in err
    assert made["failed"] == 1
    assert [t["answer"] is None for t in made["turns"]] == [False, False, False, False, True, False]
    assert all(t["prompt_tokens"] + 4 <= 512 for t in made["turns"] if t["answer"] is not None)
    assert len(made["messages"]) == 10, "what was said is kept, though the model no longer sees it"


def test_a_runs_model_against_its_base(piped, tiny_run):
    """And by the names of its checkpoints."""
    lines = "/compare on\nSay red.\n"
    status, out, err = piped(lines, f"run:{tiny_run}", "--max-new-tokens", "4", "--json", "--precision", "fp32")
    assert status == 0, err
    (turn,) = json.loads(out)["turns"]
    assert turn["compared"]["model"] == f"run:{tiny_run}@base"
    latest = piped("Say red.\n", f"run:{tiny_run}@latest", "--max-new-tokens", "4", "--json", "--precision", "fp32")
    step = piped("Say red.\n", f"run:{tiny_run}@step=12", "--max-new-tokens", "4", "--json", "--precision", "fp32")
    assert "the newest checkpoint of" in latest[2]
    assert "is of step 12" in latest[2]
    assert json.loads(latest[1])["turns"][0]["answer"] == json.loads(step[1])["turns"][0]["answer"]


TERMINAL = """
import pty
pid, master = pty.fork()
if pid == 0:
    import signal
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where the tests run in the background
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")
    sys.argv = ["heedful", "chat", *arguments]
    from heedful.cli.main import main
    main()
def note(data):
    os.write(1, data)
import select
fifo = os.open(output + ".in", os.O_RDONLY | os.O_NONBLOCK)
open(output + ".pid", "w").write(str(pid))
while True:
    ready, _, _ = select.select([master, fifo], [], [], 60)
    if fifo in ready:
        typed = os.read(fifo, 4096)
        if typed:
            os.write(master, typed)
        else:
            import time
            time.sleep(0.01)
    if master in ready:
        try:
            data = os.read(master, 4096)
        except OSError:
            break
        if not data:
            break
        note(data)
_, status = os.waitpid(pid, 0)
os._exit(os.waitstatus_to_exitcode(status))
"""


class Terminal:
    """What a person types and sees."""

    def __init__(self, command, fifo):
        self.command = command
        end = time.monotonic() + 120
        while True:
            try:
                self.keys = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError:
                assert time.monotonic() < end, command.text
                time.sleep(0.01)

    def type(self, text):
        os.write(self.keys, text.encode())

    def until(self, text, count=1):
        end = time.monotonic() + 180
        while self.command.text.count(text) < count:
            assert time.monotonic() < end, self.command.text
            assert self.command.process.is_alive() or self.command.text.count(text) >= count, self.command.text
            time.sleep(0.01)


@pytest.mark.slow
def test_in_a_terminal(forked, lively, tmp_path, monkeypatch):
    """A mistake, Ctrl-C at the prompt, an answer, a file, Ctrl-D; and the lines are remembered."""
    monkeypatch.setenv("HEEDFUL_CACHE", str(tmp_path))
    command = forked(
        f"os.environ['HEEDFUL_CACHE'] = {str(tmp_path)!r}\nos.mkfifo(output + '.in')\n" + TERMINAL,
        lively, "--max-new-tokens", "400", *HERE,
    )  # fmt: skip
    terminal = Terminal(command, f"{command.output}.in")
    terminal.until("/help lists the commands")
    terminal.type("/hepl\n")
    terminal.until("there is no command '/hepl' (did you mean '/help'?)")
    terminal.type("\x03")
    terminal.until("(Ctrl-D or /quit ends)")
    file = tmp_path / "talk.json"
    terminal.type(f"Say red.\n/save {file}\n")
    terminal.until("(written: ")
    asked, answered = json.loads(file.read_text())[0]["messages"]
    assert asked["content"] == "Say red."
    assert answered["content"]
    terminal.type("\x04")
    assert command.wait() == 0
    assert "Say red." in (tmp_path / "chat_history").read_text()
    os.close(terminal.keys)


def test_ctrl_c_keeps_what_came(lively):
    """The key comes after the third piece, wherever the model is then."""
    from heedful.backends.base import GenerationSettings
    from heedful.backends.by_name import open_backend
    from heedful.backends.speaking import speaker_of
    from heedful.cli.chat_session import Session

    backend = open_backend(str(lively), template="chatml", precision="fp32", device="cpu")()
    backend.stop_ids = set()  # it must not end by itself
    speaker = speaker_of(backend)
    pieces, said = [], []

    def write(text):
        pieces.append(text)
        if len(pieces) == 3:
            signal.raise_signal(signal.SIGINT)

    session = Session(speaker, GenerationSettings(300), write, said.append, lambda: speaker)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    try:
        session.line("Say red and stone.")
        assert "(stopped; what came is kept" in said[0]
        kept = session.conversation.answer
        assert kept
        assert session.turns[-1]["finish_reason"] == "stopped"
        session.write = pieces.append
        session.line("/retry")
        assert (session.conversation.answer or "").startswith(kept)
        assert len(session.conversation.answer or "") > len(kept)
    finally:
        signal.signal(signal.SIGINT, before)
        speaker.close()
