"""The last step before a program runs, taken inside the sandbox by the process that will run it: limits, no new
privileges, and the filter of system calls. None of it can be taken back."""

from __future__ import annotations

import ctypes
import os
import resource

from heedful.sandbox.inside.seccomp import assembled

TYPE_CHECKING = False  # as type checkers know it; the import of typing would cost each program its time
if TYPE_CHECKING:
    from typing import Any

_SET_DUMPABLE, _SET_SECCOMP, _SET_NO_NEW_PRIVS = 4, 22, 38  # of prctl(2)
_FILTER = 2  # SECCOMP_MODE_FILTER
# Threads and the processes of the sandbox itself, above the processes that are asked for.
THREADS = 40


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _control(*arguments: Any) -> None:
    """prctl(2). Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    longs = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments[1:]]
    longs += [ctypes.c_ulong(0)] * (4 - len(longs))
    if library.prctl(ctypes.c_int(arguments[0]), *longs) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {arguments[0]}: {os.strerror(ctypes.get_errno())}")


def seal(memory: int, processes: int) -> None:
    """Give up what the program is not to have.

    `memory`: bytes of address space of each process. `processes`: how many there may be at once, this one counted.
    """
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CORE: 1,  # 1 and not 0: the kernel takes 1 alone as "none" where cores go to a program
        resource.RLIMIT_FSIZE: 0,  # nothing can be written to a file, memory that poses as a file included
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_NPROC: THREADS + processes,
        resource.RLIMIT_SIGPENDING: 256,
    }
    for what, most in limits.items():
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))
    _control(_SET_DUMPABLE, 0)
    refuse_calls(one_process=processes == 1)


def refuse_calls(one_process: bool) -> None:
    """From now on the system calls of seccomp.py are refused, to this process and all that it starts."""
    _control(_SET_NO_NEW_PRIVS, 1)
    code = assembled(os.uname().machine, one_process)
    program = _Program(len(code) // 8, code)
    _control(_SET_SECCOMP, _FILTER, ctypes.byref(program))
