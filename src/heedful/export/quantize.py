"""Smaller GGUF files, made from the one in 16 bits by llama.cpp itself: by its program llama-quantize, or its library.

https://github.com/ggml-org/llama.cpp/tree/master/tools/quantize
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

from heedful.errors import HeedfulError, RequestError
from heedful.export.llama_runtime import INSTALL, Runtime, quantize_in, threads

PROGRAM = "llama-quantize"
# Names of llama-quantize in lower case; those that want a matrix of importances are left out, since none is made here.
BY_LLAMA_CPP = ("q6_k", "q5_k_m", "q5_k_s", "q4_k_m", "q4_k_s", "q4_0", "q3_k_m")
GET = (
    "get the program with llama.cpp (`brew install llama.cpp`) and put it on PATH or name it with --llama-quantize, "
    f"or the library with llama-cpp-python ({INSTALL})"
)
Quantizer = Path | Runtime


def find_quantizer(named: str | None, quant: str, runtime: Runtime | None) -> Quantizer:
    """llama-quantize by its name or on PATH, else a Python with the library; RequestError where there is neither."""
    found = shutil.which(named or PROGRAM)
    if found is not None:
        return Path(found).absolute()
    if named:
        raise RequestError(f"--llama-quantize {named}: no such program; name the file, one that may be run")
    if runtime is not None:
        return runtime
    raise RequestError(
        f"--quant {quant}: is made by llama.cpp, of which neither {PROGRAM} nor the library is here; {GET}"
    )


def quantize(quantizer: Quantizer, source: Path, target: Path, quant: str) -> str:
    """Make `target` from a file in 16 bits. The sentence says of which types its weights are."""
    if isinstance(quantizer, Runtime):
        quantize_in(quantizer, source, target, quant)
        return f"{quantizer} made it from the 16-bit file: {_types(target)}"
    _run(quantizer, source, target, quant)
    return f"{PROGRAM} made it from the 16-bit file: {_types(target)}"


def _run(program: Path, source: Path, target: Path, quant: str) -> None:
    words = [str(program), str(source), str(target), quant.upper(), str(threads())]
    try:
        made = subprocess.run(words, capture_output=True, text=True, errors="replace")
    except OSError as e:
        raise HeedfulError(f"{program}: does not run ({e.strerror}); name another with --llama-quantize") from None
    if made.returncode or not target.is_file():
        lines = [line.strip() for line in (made.stderr + made.stdout).splitlines() if line.strip()]
        said = next((line for line in reversed(lines) if "error" in line.lower() or "failed" in line.lower()), "")
        said = said or (lines[-1] if lines else "it said nothing")
        raise HeedfulError(f"{program} made no {quant} file (status {made.returncode}): {said[:200]}")


def _types(path: Path) -> str:
    """How many matrices there are of each type, the most first."""
    import gguf

    count = Counter(t.tensor_type.name for t in gguf.GGUFReader(path).tensors if len(t.shape) > 1)
    return ", ".join(f"{n} matrices in {name}" for name, n in count.most_common())
