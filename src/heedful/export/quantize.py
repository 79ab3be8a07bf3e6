"""Smaller GGUF files, made from the one in 16 bits by llama.cpp's own llama-quantize.

https://github.com/ggml-org/llama.cpp/tree/master/tools/quantize
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

from heedful.errors import HeedfulError, RequestError

PROGRAM = "llama-quantize"
# Names of llama-quantize in lower case; those that want a matrix of importances are left out, since none is made here.
BY_PROGRAM = ("q6_k", "q5_k_m", "q5_k_s", "q4_k_m", "q4_k_s", "q4_0", "q3_k_m")
GET = (
    "it comes with llama.cpp (`brew install llama.cpp`, or build it: `cmake -B build && cmake --build build "
    "--target llama-quantize`); put it on PATH, or name it with --llama-quantize"
)


def find_program(named: str | None, quant: str) -> Path:
    """llama-quantize by its name or on PATH; RequestError where there is none."""
    found = shutil.which(named or PROGRAM)
    if found is None and named:
        raise RequestError(f"--llama-quantize {named}: no such program; name the file, one that may be run")
    if found is None:
        raise RequestError(f"--quant {quant}: is made by llama.cpp's {PROGRAM}, which is not here: {GET}")
    return Path(found).absolute()


def quantize(program: Path, source: Path, target: Path, quant: str, threads: int) -> str:
    """Make `target` from a file in 16 bits. The sentence says of which types its weights are."""
    words = [str(program), str(source), str(target), quant.upper(), str(threads)]
    try:
        made = subprocess.run(words, capture_output=True, text=True, errors="replace")
    except OSError as e:
        raise HeedfulError(f"{program}: does not run ({e.strerror}); name another with --llama-quantize") from None
    if made.returncode or not target.is_file():
        lines = [line.strip() for line in (made.stderr + made.stdout).splitlines() if line.strip()]
        said = next((line for line in reversed(lines) if "error" in line.lower() or "failed" in line.lower()), "")
        said = said or (lines[-1] if lines else "it said nothing")
        raise HeedfulError(f"{program} made no {quant} file (status {made.returncode}): {said[:200]}")
    return f"{PROGRAM} made it from the 16-bit file: {_types(target)}"


def _types(path: Path) -> str:
    """How many matrices there are of each type, the most first."""
    import gguf

    count = Counter(t.tensor_type.name for t in gguf.GGUFReader(path).tensors if len(t.shape) > 1)
    return ", ".join(f"{n} matrices in {name}" for name, n in count.most_common())
