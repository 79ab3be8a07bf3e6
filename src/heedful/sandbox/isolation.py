"""By which means a program can be shut in on this machine: found once, by a real run that tries to get out."""

from __future__ import annotations

import functools
import json
import os
import shutil
import sys
import tempfile

from heedful.errors import HeedfulError
from heedful.sandbox.inside.seccomp import MACHINES
from heedful.sandbox.means import MEANS, NOBODY, Isolation, Means
from heedful.sandbox.process import Limits, Outcome, run_in

# What a program tries; all must come out as `_SHUT`. It prints one line of JSON.
_TRIES = """
import ctypes, json, os, socket
def fails(do):
    try:
        do()
    except OSError:
        return True
    return False
print(json.dumps({
    "user": os.getuid() == os.geteuid() == NOBODY,
    "processes": os.getpid() == 2,
    "files": not os.path.exists(CANARY) and not os.path.exists("/proc/self") and not os.path.exists("/etc/passwd"),
    "environment": "HOME" not in os.environ and len(os.environ) <= 5,
    "writing": fails(lambda: open("/canary", "w")) and fails(lambda: open("/tmp/canary", "w")),
    "network": fails(lambda: socket.socket()) and fails(lambda: socket.socket(socket.AF_UNIX)),
    "forking": fails(os.fork),
    "filter": ctypes.CDLL(None).prctl(21, 0, 0, 0, 0) == 2,
    "privileges": ctypes.CDLL(None).prctl(39, 0, 0, 0, 0) == 1,
}))
"""


@functools.cache
def isolation(only: Means | None = None) -> Isolation:
    """The first of `MEANS` that holds here (or `only` that one), tried once a process. HeedfulError where none does."""
    reasons = []
    for means in MEANS if only is None else (only,):
        try:
            return _tried(means)
        except HeedfulError as e:
            reasons.append(f"{means}: {e}")
    raise HeedfulError(
        f"this machine gives no isolation for code that a model wrote ({'; '.join(reasons)}), so none is run; install "
        "bubblewrap (bwrap), or allow user namespaces (docs/sandbox.md says how)"
    )


def _tried(means: Means) -> Isolation:
    """That means, after a run in which all tries to get out failed. HeedfulError with the reason otherwise."""
    machine = os.uname().machine if hasattr(os, "uname") else ""
    if sys.platform != "linux" or machine not in MACHINES:
        raise HeedfulError(f"only Linux on {' and '.join(MACHINES)}")
    program = ""
    if means == "bubblewrap":
        program = shutil.which("bwrap") or ""
        if not program:
            raise HeedfulError("bwrap is not installed")
        if os.getuid() == 0:
            raise HeedfulError("started by root, bwrap would leave programs root's rights to root's files")
    found = Isolation(means, program)
    with tempfile.NamedTemporaryFile() as canary:
        source = f"CANARY, NOBODY = {canary.name!r}, {NOBODY}\n{_TRIES}"
        outcome = run_in(found, source, Limits(seconds=60.0))
    try:
        held = json.loads(outcome.output)
    except ValueError:
        raise HeedfulError(f"a trial run failed ({' '.join(outcome.output.split()[-30:])})") from None
    broken = [name for name, holds in held.items() if not holds]
    if broken:
        raise HeedfulError(f"a trial run was not shut in ({', '.join(broken)})")
    return found


def run(source: str, limits: Limits = Limits(), shut_in: Isolation | None = None) -> Outcome:
    """Run a Python program in a sandbox and show what it wrote. HeedfulError where this machine gives none."""
    return run_in(shut_in or isolation(), source, limits)
