"""A way of shutting a program in: the command that starts it with nothing of the machine in sight."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from heedful.sandbox.visible import visible

Means = Literal["bubblewrap", "namespaces"]
MEANS: tuple[Means, ...] = ("bubblewrap", "namespaces")
NOBODY = "65534"


@dataclass(frozen=True)
class Isolation:
    """A way of shutting in that works here. `program`: bubblewrap's path, "" for namespaces of our own."""

    means: Means
    program: str = ""

    def command(self, inner: list[str], info: int, keep: list[int]) -> list[str]:
        """The command that runs `inner` shut in, with the open files `keep`, and says its PID as JSON on `info`."""
        seen = visible()
        if self.means == "namespaces":
            told = {
                "parent": os.getpid(),
                "info": info,
                "keep": keep,
                "binds": seen.binds,
                "aliases": dict(seen.aliases),
                "modules": seen.modules,
                "command": inner,
            }
            script = str(Path(__file__).with_name("namespaces.py"))
            return [seen.interpreter, "-I", "-S", "-B", script, json.dumps(told)]
        shut = ["user", "pid", "net", "ipc", "uts", "cgroup-try"]
        places = [part for b in seen.binds for part in ("--ro-bind", b, b)]
        places += ["--ro-bind", *seen.modules]
        places += [part for path, target in seen.aliases for part in ("--symlink", target, path)]
        return [
            self.program,
            *(f"--unshare-{name}" for name in shut),
            *("--uid", NOBODY, "--gid", NOBODY, "--hostname", "sandbox", "--cap-drop", "ALL"),
            *("--die-with-parent", "--new-session", "--info-fd", str(info)),
            *places,
            *("--remount-ro", "/", "--chdir", "/", "--", *inner),
        ]
