"""What this machine is and which precision it computes faster in."""

from __future__ import annotations

import functools
import os
import platform
import time
from pathlib import Path
from typing import Any

import torch

from heedful.errors import RequestError, did_you_mean


def choose_device(name: str) -> torch.device:
    """``auto`` is a GPU where there is one; RequestError where a device was named that is not there."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind = name.partition(":")[0]
    try:
        device = torch.device(name)
        if kind == "meta":  # torch's own for shapes without numbers
            raise RuntimeError
    except RuntimeError:
        near = did_you_mean(kind, ("auto", "cpu", "cuda", "mps"))
        raise RequestError(f"device '{name}': no such device{near}; name auto, cpu, cuda, cuda:1 or mps") from None
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as e:
        why = f" ({str(e).splitlines()[0]})" if kind == "cuda" else ""
        raise RequestError(f"device '{name}': there is none here that torch can use{why}; use device: auto") from None
    return device


def choose_precision(name: str, device: torch.device, width: int = 640) -> str:
    """``fp32`` or ``bf16``: as asked, or on ``auto`` bf16 on GPUs that have it and, on a CPU, what a measurement shows.

    CPUs without bf16 matrix units compute bf16 slower than fp32, so the products of a layer of `width` are timed in
    both (once a process; 0.1 s, or 0.5 s where bf16 is slow); bf16 must be half as fast again, since it costs accuracy.
    """
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    return _measured_precision(width) if device.type == "cpu" else "fp32"


@functools.cache
def _measured_precision(width: int) -> str:
    plain = _seconds(torch.float32, width, 7, warm_up=3)
    # Without matrix units a bf16 product takes several times as long, and more of them would tell no more.
    if all(_seconds(torch.bfloat16, width, 1) > 2 * plain for _ in range(2)):
        return "fp32"
    return "bf16" if _seconds(torch.bfloat16, width, 7, warm_up=3) * 1.5 < plain else "fp32"


def _seconds(dtype: torch.dtype, width: int, times: int, warm_up: int = 0) -> float:
    """The median of so many products."""
    a, b = torch.randn(512, width, dtype=dtype), torch.randn(4 * width, width, dtype=dtype)
    taken = []
    for _ in range(warm_up + times):
        begin = time.perf_counter()
        torch.mm(a, b.T)
        taken.append(time.perf_counter() - begin)
    return sorted(taken[warm_up:])[times // 2]


def describe_machine(device: torch.device, precision: str) -> dict[str, Any]:
    """The machine as the manifest records it."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "memory_gib": round(_memory_bytes() / 2**30, 1),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else device.type,
        "precision": precision,
        "system": platform.platform(),
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def resident_mb() -> float:
    """Memory that this process holds now, in MB; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, ValueError):
        return 0.0
