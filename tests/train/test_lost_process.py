"""Two processes or hosts, of which one is lost: the run ends soon, says so once, and goes on to the same losses."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from heedful.models.checkpoints import list_checkpoints, read_checkpoint
from heedful.store import RunFolder, read_jsonl, read_metrics

pytestmark = pytest.mark.slow
TRAIN = """
import sys
sys.argv = ["heedful", *(arguments or sys.argv[1:])]
from heedful.cli.main import main
main()
"""
# Steps long enough that a signal meets one.
SLOWLY = f"""
import time
from heedful.train import loop
step = loop._train_step
def slowly(t, rows):
    step(t, rows)
    time.sleep(0.3)
loop._train_step = slowly
{TRAIN}
"""


def words(tiny: Any, folder: Path, out: str = "run", *more: str) -> list[str]:
    rows = folder / "rows.json"
    rows.write_text(json.dumps(tiny.rows(41)))
    (folder / "slowly.py").write_text(f"arguments = ()\n{SLOWLY}")
    text = f"""train --model {tiny("llama")} --data {rows} --template alpaca --epochs 2
        --split order:train=27,val=7,test=7 --set precision=fp32 --set learning_rate=1e-3
        --set micro_batch_size=3 --set eval_every=2 --set patience=0 --set test_questions=0
        --set samples=0 --set lora_rank=4 --out {folder / out}"""
    return [*text.split(), *more]


def wait_for_step(run: RunFolder, step: int, ended: Callable[[], list[str]]) -> None:
    """`ended` tells what processes said that have ended already."""
    end = time.monotonic() + 600
    while max((line["step"] for line in read_jsonl(run.metrics)), default=-1) < step:
        assert ended() == [], "none has reached the step"
        assert time.monotonic() < end, "no step in ten minutes"
        time.sleep(0.02)


def losses(run: RunFolder) -> dict[tuple[int, str], float]:
    return {(m["step"], k): m[k] for m in read_metrics(run.metrics) for k in ("train_loss", "val_loss") if k in m}


@pytest.fixture(scope="module")
def expected(tiny, tmp_path_factory, heedful_command) -> dict[tuple[int, str], float]:
    """The losses of one process."""
    folder = tmp_path_factory.mktemp("one")
    command = heedful_command(*words(tiny, folder, "one"))
    assert command.wait() == 0, command.text[-2000:]
    return losses(RunFolder(folder / "one"))


@pytest.mark.parametrize(
    ("lost", "number", "patience", "bound"),
    [
        pytest.param(1, signal.SIGKILL, "300", 100, id="the other is killed"),
        pytest.param(0, signal.SIGKILL, "300", 100, id="the first is killed"),
        pytest.param(1, signal.SIGSTOP, "10", 100, id="the other falls silent, as a host without power"),
    ],
)
def test_a_lost_process_ends_the_run_in_one_sentence_and_it_goes_on(
    tiny, tmp_path, ranks, expected, lost, number, patience, bound
):
    """Both processes without a launcher, which would end the other one by itself."""
    run = RunFolder(tmp_path / "run")
    both = ranks(SLOWLY, *words(tiny, tmp_path), cwd=tmp_path, HEEDFUL_LOST_AFTER=patience)
    try:
        wait_for_step(run, 3, lambda: [p.text for p in both if not p.process.is_alive()])
        both[lost].send(number)
        began = time.monotonic()
        status = both[1 - lost].wait(200)
        seconds = time.monotonic() - began
    finally:
        for command in both:
            command.process.kill()
            command.process.join()
    text = both[1 - lost].text
    assert status == 1, text
    assert seconds < bound, f"it took {seconds:.0f} s"
    told = [line for line in text.splitlines() if line.startswith("heedful: error: ")]
    assert len(told) == 1, text
    assert "of 2 was lost" in told[0]
    assert f"--resume --out {run.path}" in told[0]
    assert "Traceback" not in text
    newest = list_checkpoints(run.checkpoints, "step")[0]
    assert read_checkpoint(newest).step >= 2
    for command in ranks(TRAIN, "train", "--resume", "--out", run.path, cwd=tmp_path):
        assert command.wait(600) == 0, command.text[-2000:]
    got = losses(run)
    assert got.keys() == expected.keys()
    assert got == {k: pytest.approx(v, abs=1e-5) for k, v in expected.items()}


# ---- two hosts ----------------------------------------------------------------------------------------------------

HOSTS = ("heedful-a", "heedful-b")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@pytest.fixture
def hosts() -> Iterator[None]:
    """Two network namespaces, each with an address of its own, joined by a virtual cable."""
    try:
        ip("netns", "list")
    except FileNotFoundError:
        pytest.skip("two hosts need the `ip` command (iproute2)")
    try:
        for name in HOSTS:
            ip("netns", "add", name)
        ip("link", "add", "heedful0", "netns", HOSTS[0], "type", "veth", "peer", "heedful1", "netns", HOSTS[1])
        for number, name in enumerate(HOSTS):
            ip("-n", name, "address", "add", f"10.77.0.{number + 1}/24", "dev", f"heedful{number}")
            ip("-n", name, "link", "set", f"heedful{number}", "up")
            ip("-n", name, "link", "set", "lo", "up")
    except subprocess.CalledProcessError as e:
        remove_hosts()
        pytest.skip(f"two hosts need network namespaces, which are not permitted here ({e.stderr.strip()})")
    yield
    remove_hosts()


def remove_hosts() -> None:
    for name in HOSTS:
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


class Host:
    """`torchrun` in a network namespace, as one of two nodes; what it says goes to a file."""

    def __init__(self, number: int, arguments: list[str], cwd: Path, port: int):
        launcher = f"""{sys.executable} -m torch.distributed.run --nnodes 2 --node_rank {number} --nproc_per_node 1
            --master_addr 10.77.0.1 --master_port {port} slowly.py""".split()
        env = {**os.environ, "GLOO_SOCKET_IFNAME": f"heedful{number}", "HEEDFUL_LOST_AFTER": "10"}
        self.number = number
        self.output = cwd / f"host{number}-{port}.txt"
        with self.output.open("w") as f:
            command = ["ip", "netns", "exec", HOSTS[number], *launcher, *arguments]
            self.process = subprocess.Popen(command, cwd=cwd, env=env, stderr=f, start_new_session=True)

    def told(self) -> list[str]:
        return [line for line in self.output.read_text().splitlines() if line.startswith("heedful: error: ")]

    def kill(self) -> None:
        """The launcher and what it started: torchrun itself may wait for minutes for the other host."""
        pids = subprocess.run(["ip", "netns", "pids", HOSTS[self.number]], capture_output=True, text=True, check=False)
        for pid in pids.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        self.process.wait()


def test_two_hosts_give_the_losses_of_one_and_a_cut_cable_ends_the_run(tiny, tmp_path, expected, hosts):
    run = RunFolder(tmp_path / "run")
    both = [Host(n, words(tiny, tmp_path), tmp_path, 29411) for n in range(2)]
    try:
        wait_for_step(run, 8, lambda: [h.output.read_text() for h in both if h.process.poll() is not None])
        ip("-n", HOSTS[1], "link", "set", "heedful1", "down")
        end = time.monotonic() + 300
        while not all(h.told() for h in both) and time.monotonic() < end:
            time.sleep(0.1)
    finally:
        for host in both:
            host.kill()
    for host in both:  # each side of the cut finds the other lost, and cannot know what that one says
        assert len(host.told()) == 1, host.output.read_text()
        assert "of 2 was lost" in host.told()[0]
    ip("-n", HOSTS[1], "link", "set", "heedful1", "up")
    again = [Host(n, ["train", "--resume", "--out", str(run.path)], tmp_path, 29412) for n in range(2)]
    try:
        for host in again:
            assert host.process.wait(600) == 0, host.output.read_text()[-2000:]
    finally:
        for host in again:
            host.kill()
    got = losses(run)
    assert got.keys() == expected.keys()
    assert got == {k: pytest.approx(v, abs=1e-5) for k, v in expected.items()}
