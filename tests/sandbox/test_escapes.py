"""Attempts to get out of the sandbox, as real processes: files, network, other processes, the kernel, too much."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from heedful.sandbox import Limits, run

PATIENT = Limits(seconds=60.0)

# Each attempt must raise OSError or ValueError, or give what stands for nothing: -1 of a C function, an empty list.
ATTEMPTS = """
import asyncio, ctypes, json, os, resource, signal, socket, subprocess, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
page = ctypes.create_string_buffer(4096)
def call(number, *arguments):
    return libc.syscall(number, *(ctypes.c_long(a) for a in arguments))
def write(path):
    with open(path, "w") as f:
        f.write("x")
    return path
def seen(path):
    return [p for p in (path,) if os.path.exists(p)]
def below(path):  # what is seen in the folder of a user, besides the way to Python itself
    try:
        return [n for n in os.listdir(path) if not any(s.startswith(os.path.join(path, n)) for s in SHOWN)]
    except FileNotFoundError:
        return []
def descriptors():
    return [n for n in range(3, 1024) if not fails(lambda: os.fstat(n))]
def fails(do):
    try:
        do()
    except OSError:
        return True
    return False
ATTEMPTS = {
    "internet": lambda: socket.create_connection(("127.0.0.1", PORT), 5),
    "internet 6": lambda: socket.socket(socket.AF_INET6),
    "datagrams": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "unix sockets": lambda: socket.socket(socket.AF_UNIX),
    "the host of the virtual machine": lambda: socket.socket(40, socket.SOCK_STREAM),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "packets": lambda: socket.socket(17, socket.SOCK_RAW),
    "names": lambda: socket.getaddrinfo("localhost", 80, socket.AF_INET),
    "the user's file": lambda: open(CANARY),
    "the user's file is there": lambda: seen(CANARY),
    "home": lambda: below(HOME),
    "working folder": lambda: below(CWD),
    "environment": lambda: [n for n in os.environ if n not in ("LC_CTYPE", "PWD") and not n.endswith("_NUM_THREADS")],
    "proc": lambda: seen("/proc/self"),
    "sys": lambda: seen("/sys/kernel"),
    "devices": lambda: seen("/dev/null"),
    "accounts": lambda: open("/etc/passwd"),
    "shells": lambda: os.execv("/bin/sh", ["sh"]),
    "descriptors": descriptors,
    "write the root": lambda: write("/x"),
    "write tmp": lambda: write("/tmp/x"),
    "write libraries": lambda: write("/usr/lib/x"),
    "write packages": lambda: write(sys.path[-1] + "/x.py"),
    "write the sandbox's own code": lambda: write("/sandbox/heedful/sandbox/inside/plain.py"),
    "write the interpreter": lambda: open(sys.executable, "r+b"),
    "folders": lambda: os.mkdir("/home2"),
    "symbolic links": lambda: os.symlink("/", "/outside"),
    "links": lambda: os.link(sys.executable, "/python"),
    "renames": lambda: os.rename("/sandbox", "/other"),
    "rights of files": lambda: os.chmod(sys.executable, 0o777),
    "files in memory": lambda: os.memfd_create("x"),
    "fork": os.fork,
    "spawn": lambda: os.posix_spawn(sys.executable, [sys.executable], {}),
    "subprocess": lambda: subprocess.run([sys.executable, "-c", ""]),
    "vfork": lambda: call(58) if os.uname().machine == "x86_64" else -1,
    "clone3": lambda: call(435, 0, 0),
    "root": lambda: os.setuid(0),
    "root's group": lambda: os.setgroups([0]),
    "mount": lambda: libc.mount(b"tmpfs", b"/usr", b"tmpfs", 0, None),
    "unmount": lambda: libc.umount2(b"/usr/lib", 2),
    "writable again": lambda: libc.mount(None, b"/", None, 32, None),
    "new user namespace": lambda: libc.unshare(0x10000000),
    "chroot": lambda: os.chroot("/usr"),
    "ptrace": lambda: libc.ptrace(16, 1, None, None),
    "ptrace me": lambda: libc.ptrace(0, 0, None, None),
    "memory of others": lambda: libc.process_vm_readv(1, page, 1, page, 1, 0),
    "keys": lambda: libc.syscall(KEYCTL, 0, -3, 0),
    "bpf": lambda: libc.syscall(BPF, 0, page, 72),
    "io_uring": lambda: libc.syscall(425, 8, page),
    "perf": lambda: libc.syscall(PERF, page, 0, -1, -1, 0),
    "shared memory": lambda: libc.shmget(0, 4096, 0o1600),
    "addresses": lambda: libc.personality(0x40000),
    "privileges again": lambda: libc.prctl(38, 0, 0, 0, 0),
    "more memory": lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40)),
    "more files": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096)),
    "name of the machine": lambda: [] if os.uname().nodename == "sandbox" else os.uname().nodename,
    "processes": lambda: [p for p in range(1, 3000) if p not in (1, os.getpid()) and not fails(lambda: os.kill(p, 0))],
}
for s in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
    ATTEMPTS[f"signal {s} to the parent"] = lambda s=s: os.kill(os.getppid(), s)
found = {}
for name, attempt in ATTEMPTS.items():
    try:
        found[name] = repr(attempt())
    except (OSError, ValueError) as e:
        found[name] = "shut"
threads = []
try:
    for _ in range(1000):
        threads.append(threading.Thread(target=threading.Event().wait, daemon=True))
        threads[-1].start()
except RuntimeError:
    pass
async def three():
    return 3
print(json.dumps({"found": found, "threads": len(threads), "asyncio": asyncio.run(three())}), flush=True)
os._exit(7)
"""
# The first process of a PID namespace takes no signal from inside: sending one does nothing.
NOTHING = {"shut", "-1", "[]"}


@pytest.fixture(scope="module")
def attempts(means, tmp_path_factory):
    import socket

    canary = tmp_path_factory.mktemp("outside") / "canary.txt"
    canary.write_text("the user's")
    os.environ["HEEDFUL_SECRET"] = "the user's"
    arm = os.uname().machine == "aarch64"
    numbers = {"KEYCTL": 219 if arm else 250, "BPF": 280 if arm else 321, "PERF": 241 if arm else 298}
    from heedful.sandbox.visible import visible

    with socket.create_server(("127.0.0.1", 0)) as server:
        names = {"CANARY": str(canary), "HOME": str(Path.home()), "CWD": str(Path.cwd()), **numbers}
        names |= {"PORT": server.getsockname()[1], "SHOWN": visible().binds}
        source = "".join(f"{k} = {v!r}\n" for k, v in names.items()) + ATTEMPTS
        outcome = run(source, PATIENT, means)
    del os.environ["HEEDFUL_SECRET"]
    assert outcome.status == 7, outcome
    return json.loads(outcome.output)


def test_every_attempt_is_shut(attempts):
    open_ones = {k: v for k, v in attempts["found"].items() if v not in NOTHING and not k.startswith("signal")}
    assert not open_ones
    assert {v for k, v in attempts["found"].items() if k.startswith("signal")} <= {"None", "shut"}


def test_threads_are_limited_and_asyncio_runs(attempts):
    assert 8 <= attempts["threads"] <= 45
    assert attempts["asyncio"] == 3


def test_endless_loop_ends(means):
    outcome = run("import sys\nprint('begun', flush=True)\nwhile True: pass", Limits(seconds=0.5), means)
    assert (outcome.end, outcome.status) == ("timed out", None)


@pytest.mark.slow
def test_endless_output_ends(means):
    outcome = run("while True: print('x' * 10_000)", Limits(seconds=60.0, output=100_000), means)
    assert (outcome.end, len(outcome.output)) == ("too much output", 100_000)


@pytest.mark.slow
def test_memory_ends(means):
    source = "try:\n    x = [bytearray(1 << 24) for _ in range(100)]\nexcept MemoryError:\n    print('no more')"
    assert run(source, Limits(seconds=60.0, memory=1 << 28), means).output == "no more\n"


@pytest.mark.slow
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the second set of system calls is x86_64's")
def test_the_second_set_of_system_calls_kills(means):
    source = "import ctypes\nctypes.CDLL(None).syscall(0x40000000 | 41, 2, 1, 0)\nprint('alive')"
    outcome = run(source, PATIENT, means)
    assert outcome.status == 128 + signal.SIGSYS
    assert not outcome.output


@pytest.mark.slow
@pytest.mark.parametrize("deed", ["os.abort()", "ctypes.string_at(0)", "os.kill(os.getpid(), 9)"])
def test_a_crash_is_an_end_like_another(means, deed):
    outcome = run(f"import ctypes, os\n{deed}\nprint('alive')", PATIENT, means)
    assert outcome.end == "ended"
    assert outcome.status not in (0, None)
    assert "alive" not in outcome.output


def alive(name: str) -> list[str]:
    """Processes of this machine that gave themselves this name."""
    found = []
    for comm in Path("/proc").glob("[0-9]*/comm"):
        try:
            if comm.read_text().strip() == name:
                found.append(str(comm))
        except OSError:
            continue
    return found


def named(name: str) -> str:
    return f"import ctypes, os, signal, time\nctypes.CDLL(None).prctl(15, {name!r}.encode(), 0, 0, 0)\n"


DAEMON = """
for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(s, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("daemon", os.getppid() > 0, flush=True)
        os.close(0); os.close(1); os.close(2)
        time.sleep(1000)
    os._exit(0)
os.wait()
time.sleep(0.2)
"""
BOMB = """
while True:
    try:
        os.fork()
    except OSError:
        pass
"""


@pytest.mark.slow
@pytest.mark.parametrize(("source", "end"), [(DAEMON, "ended"), (BOMB, "timed out")], ids=["daemon", "fork bomb"])
def test_nothing_is_left_behind(means, source, end):
    """With processes allowed, since otherwise none could be started."""
    name = f"hf{os.getpid() % 10_000}{end[:5]}{means.means[:3]}".replace(" ", "")[:15]
    outcome = run(named(name) + source, Limits(seconds=1.0 if source is BOMB else 60.0, processes=20), means)
    assert outcome.end == end
    if source is DAEMON:
        assert "daemon True" in outcome.output
    assert alive(name) == []


@pytest.mark.slow
def test_killed_heedful_takes_its_programs_along(means):
    name = f"hk{os.getpid() % 10_000}{means.means[:3]}"
    source = named(name) + "print('begun', flush=True)\nwhile True: time.sleep(1)"
    code = "import sys; from heedful.sandbox import *\nrun(sys.argv[1], Limits(seconds=600.0), isolation(sys.argv[2]))"
    with subprocess.Popen([sys.executable, "-c", code, source, means.means]) as started:
        until = time.monotonic() + 120
        while not alive(name) and time.monotonic() < until:
            time.sleep(0.05)
        assert alive(name)
        started.kill()
    while alive(name) and time.monotonic() < until:
        time.sleep(0.05)
    assert alive(name) == []


REFUSING = """
from heedful.sandbox.inside import seccomp
from heedful.sandbox.inside.seal import refuse_calls
from heedful.sandbox import isolation
from heedful.errors import HeedfulError
for name in set(seccomp.REFUSED) - {"unshare"}:
    del seccomp.REFUSED[name]
refuse_calls(one_process=False)  # clone() with new namespaces among them
try:
    print(isolation())
except HeedfulError as e:
    print("refused:", e)
"""


@pytest.mark.slow
def test_a_machine_without_isolation_is_told_so():
    """In a process that itself may make no namespaces, as in a container."""
    done = subprocess.run([sys.executable, "-c", REFUSING], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("refused: this machine gives no isolation"), done
    assert "install bubblewrap" in done.stdout
    assert done.stdout.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="not root, so the other tests are what this one would run")
def test_the_same_as_an_ordinary_user():
    """Where root runs the tests, which leaves bubblewrap aside: those with it as somebody else, and some without."""
    ordinary = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    if shutil.which("unshare") is None or subprocess.run([*ordinary, "true"], check=False).returncode != 0:
        pytest.skip("unshare gives no other user here")
    here = str(Path(__file__).parent)
    command = [*ordinary, sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", here]
    command += [
        "-m",
        "not slow or slow",
        "-k",
        "bubblewrap or attempt",
        "-o",
        "addopts=--import-mode=importlib --strict-markers",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stdout[-3000:]
