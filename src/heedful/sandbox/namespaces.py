"""Starts a command in namespaces of its own: a script, for where there is no bubblewrap.

It needs Linux 5.12 and the right to make user namespaces, and nothing besides Python. The order is bubblewrap's:

    this process    new user, mount, PID, network, IPC, UTS and cgroup namespaces; a root of its own in memory, into
                    which what the command needs is bound, read-only; the old root is let go; it waits, and says the
                    PID of
      the first     process of the PID namespace: gives up all capabilities, waits, and takes all with it when it ends
        the second  is the command

Root is handled, too: the command runs as "nobody", who is nobody outside as well, and not as root under another name.
The one argument is a JSON object; see `Isolation.command`. A mishap is one line on stderr and exit status 125.
"""

# pathlib would be much of this script's time, which every program pays twice.
# ruff: noqa: PTH102, PTH103, PTH112, PTH120, PTH123, PTH211

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys

TYPE_CHECKING = False  # as type checkers know it; the import of typing would cost each program its time
if TYPE_CHECKING:
    from typing import Any

NOBODY = 65534
# CLONE_NEWUSER, NEWNS, NEWPID, NEWNET, NEWIPC, NEWUTS, NEWCGROUP of unshare(2)
_NEW = 0x10000000 | 0x00020000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000 | 0x02000000
_NOSUID, _NODEV, _BIND, _REC, _PRIVATE = 2, 4, 0x1000, 0x4000, 0x40000  # of mount(2)
_DETACH = 2  # MNT_DETACH
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_MOUNT_SETATTR = 442
_READ_ONLY = 1 | 2 | 4  # MOUNT_ATTR_RDONLY, _NOSUID, _NODEV
_SET_DEATH_SIGNAL, _DROP_BOUND, _NO_NEW_PRIVS, _AMBIENT, _AMBIENT_CLEAR = 1, 24, 38, 47, 4  # of prctl(2)
_CAPABILITY_VERSION = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


class _MountAttributes(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user_namespace"))


def _call(name: str, *arguments: Any) -> None:
    """A function of the C library. Raises OSError with its name."""
    passed = [ctypes.c_ulong(a) if isinstance(a, int) and a >= 0 else a for a in arguments]
    passed = [os.fsencode(a) if isinstance(a, str) else a for a in passed]
    if getattr(_libc, name)(*passed) == -1:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def _pivot_root(new: str, old: str) -> None:
    _call("syscall", _PIVOT_ROOT[os.uname().machine], new, old)


def _read_only(path: str, flags: int) -> None:
    wanted = _MountAttributes(set=_READ_ONLY)
    size = ctypes.sizeof(wanted)
    _call("syscall", _MOUNT_SETATTR, ctypes.c_long(_AT_FDCWD), path, flags, ctypes.byref(wanted), size)


def _maps(pid: int) -> None:
    """Say who the new user namespace's users are outside: for root itself and nobody, for others themselves."""
    uid, gid = os.getuid(), os.getgid()
    if uid == 0 and _is_mapped(NOBODY):
        users, groups = f"0 0 1\n{NOBODY} {NOBODY} 1\n", f"0 {gid} 1\n{NOBODY} {NOBODY} 1\n"
    else:
        users, groups = f"{NOBODY} {uid} 1\n", f"{NOBODY} {gid} 1\n"
        _write(f"/proc/{pid}/setgroups", "deny")
    _write(f"/proc/{pid}/uid_map", users)
    _write(f"/proc/{pid}/gid_map", groups)


def _is_mapped(user: int) -> bool:
    """Whether there is such a user where we are: in a rootless container there may be root alone."""
    with open("/proc/self/uid_map", encoding="ascii") as lines:
        ranges = [[int(n) for n in line.split()] for line in lines]
    return any(first <= user < first + count for first, _, count in ranges)


def _write(path: str, text: str) -> None:
    handle = os.open(path, os.O_WRONLY)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def _unshare() -> None:
    """New namespaces; a child that stays outside writes the maps, which only those outside may write for others."""
    me = os.getpid()
    wait, go = os.pipe()
    helper = os.fork()
    if helper == 0:
        os.close(go)
        status = 1
        try:
            if os.read(wait, 1):
                _maps(me)
                status = 0
        except OSError as e:
            _say(f"the users of a user namespace: {e.strerror}")
        finally:
            os._exit(status)
    os.close(wait)
    _call("unshare", _NEW)
    os.write(go, b"x")
    os.close(go)
    if os.waitpid(helper, 0)[1] != 0:
        os._exit(125)


def _new_root(binds: list[str], aliases: dict[str, str], modules: list[str]) -> None:
    """A root with nothing but `binds`, read-only. `aliases`: symbolic links. `modules`: a path outside, one inside."""
    _call("mount", None, "/", None, _REC | _PRIVATE, None)
    _call("mount", "tmpfs", "/tmp", "tmpfs", _NOSUID | _NODEV, "mode=755,size=1m")
    for name in ("/tmp/old", "/tmp/new"):
        os.mkdir(name)
    _call("mount", "/tmp/new", "/tmp/new", None, _BIND, None)
    _pivot_root("/tmp", "/tmp/old")
    os.chdir("/")
    for outside, inside in [*((b, b) for b in binds), (modules[0], modules[1])]:
        source, place = "/old" + outside, "/new" + inside
        if os.path.isdir(source):
            os.makedirs(place, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o644))
        _call("mount", source, place, None, _BIND | _REC, None)
        _read_only(place, _AT_RECURSIVE)
    for path, target in aliases.items():
        os.makedirs(os.path.dirname("/new" + path), exist_ok=True)
        os.symlink(target, "/new" + path)
    _call("umount2", "/old", _DETACH)
    _read_only("/new", 0)
    os.chdir("/new")
    _pivot_root(".", ".")
    _call("umount2", ".", _DETACH)
    os.chdir("/")


def _give_up_rights() -> None:
    """No capability, and root no more."""
    _call("prctl", _AMBIENT, _AMBIENT_CLEAR, 0, 0, 0)
    for capability in range(64):
        try:
            _call("prctl", _DROP_BOUND, capability, 0, 0, 0)
        except OSError:
            break  # the kernel knows no more of them
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)())
    _call("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)


def _first(command: list[str], go: int, keep: list[int]) -> None:
    """The first process of the PID namespace: it starts the command, buries orphans, and ends when the command has."""
    _give_up_rights()
    _call("prctl", _SET_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
    if not os.read(go, 1):  # the parent ended before it could have taken this process with it
        os._exit(125)
    child = os.fork()
    if child == 0:
        _close_all_but({0, 1, 2, *keep})
        try:
            os.execve(command[0], command, {})
        except OSError as e:
            _say(f"{command[0]}: {e.strerror}")
        os._exit(125)
    _close_all_but(set())
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def _close_all_but(kept: set[int]) -> None:
    last = -1
    for handle in [*sorted(kept), 1 << 16]:
        if last + 1 < handle:  # closerange(0, 0) closes everything in Python 3.11
            os.closerange(last + 1, handle)
        last = handle


def _say(text: str) -> None:
    os.write(2, f"{text}\n".encode())


def main() -> None:
    """Read what to do from the one argument and do it."""
    told = json.loads(sys.argv[1])
    _call("prctl", _SET_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != told["parent"]:
        os._exit(125)
    try:
        _unshare()
        _new_root(told["binds"], told["aliases"], told["modules"])
        _call("sethostname", "sandbox", 7)
        wait, go = os.pipe()
        first = os.fork()
        if first == 0:
            os.close(go)
            _first(told["command"], wait, told["keep"])
        os.write(told["info"], json.dumps({"child-pid": first}).encode())
        os.write(go, b"x")
    except OSError as e:
        _say(f"{e.strerror or e}{f' ({e.filename})' if e.filename else ''}")
        os._exit(125)
    _close_all_but(set())
    os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) & 0xFF)


if __name__ == "__main__":
    main()
