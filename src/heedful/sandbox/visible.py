"""What of this machine's files a program in the sandbox can see: Python, its packages, and the libraries both need."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from heedful.errors import HeedfulError

_LIBRARIES = ("lib", "lib64", "lib32")
MODULES = "/sandbox"  # where the code that runs inside is found there


@dataclass(frozen=True)
class Visible:
    """Paths, all absolute.

    `binds`: files and folders, at their own places. `aliases`: symbolic links, and the binds to which they lead.
    `interpreter`: the Python to run. `packages`: folders of installed packages, in their order. `modules`: the folder
    of our own code, and where it is seen.
    """

    binds: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...]
    interpreter: str
    packages: tuple[str, ...]
    modules: tuple[str, str]


@cache
def visible() -> Visible:
    """What this Python needs. HeedfulError where that would show the user's home.

    Whole prefixes are not shown: in many containers the user's own files lie under /usr/src or /usr/local.
    """
    interpreter = Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()
    packages = [Path(p) for p in sys.path if Path(p).name in ("site-packages", "dist-packages") and Path(p).is_dir()]
    prefixes = ["/", "/usr", "/usr/local", sys.base_prefix, sys.base_exec_prefix, interpreter.parent.parent]
    wanted = [Path(prefix) / name for prefix in prefixes for name in _LIBRARIES]
    wanted += [interpreter, *packages, Path("/etc/ld.so.cache")]
    if interpreter.is_relative_to("/nix/store"):
        wanted.append(Path("/nix/store"))
    wanted = [p for p in wanted if p.exists()]
    real = dict.fromkeys(p.resolve() for p in wanted)
    binds = [p for p in real if not any(other in p.parents for other in real)]
    aliases = {p: p.resolve() for p in wanted if p.is_symlink() and not any(b in p.parents for b in binds)}
    home = Path.home().resolve()
    if home != Path("/") and any(b == home or b in home.parents for b in binds):
        raise HeedfulError(f"the home folder {home} lies among Python's libraries, where the sandbox would show it")
    return Visible(
        binds=tuple(map(str, binds)),
        aliases=tuple((str(a), str(target)) for a, target in aliases.items()),
        interpreter=str(interpreter),
        packages=tuple(str(p.resolve()) for p in packages),
        modules=(str(Path(__file__).parent / "inside"), f"{MODULES}/heedful/sandbox/inside"),
    )
