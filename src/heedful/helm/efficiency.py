"""Time, tokens and an estimate of the energy that answers took.

    energy (kWh) = seconds x watts / 3,600,000        CO2 (kg) = energy x kg per kWh, which the caller must know

The watts are those of the processor, in this order: what the caller gives; what its energy counters measured
(Intel's RAPL, which AMD has too; Linux: ``energy_uj`` below /sys/class/powercap, since 2020 for root alone, for
CVE-2020-8694); the limit that it is run under (``constraint_0_power_limit_uw``), which is more than it takes; an
assumption, ASSUMED_WATTS. Memory, disks, fans and a GPU are in none of them, and whatever else runs on the machine is
in the measured one. So the estimate serves to compare models that were asked in turn on one machine, and is no bill.

crfm-helm has no such figure for a local model: it looks up an idealised runtime on A100s, and the energy of training,
in tables of the models that its authors measured (`helm.benchmark.metrics.efficiency_metrics`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from heedful.stats import Interval, mean_interval

ASSUMED_WATTS = 65.0  # what makers give for many desktop processors
JOULES_PER_KWH = 3_600_000
POWERCAP = Path("/sys/class/powercap")
WattsFrom = Literal["measured", "limit", "assumed", "given"]


class Took(Protocol):
    """What is read of an answer; a Response has it all."""

    @property
    def seconds(self) -> float: ...
    @property
    def prompt_tokens(self) -> int: ...
    @property
    def tokens(self) -> int: ...
    @property
    def error(self) -> str | None: ...


@dataclass(frozen=True)
class Watts:
    """The power of the processor, and where the figure comes from."""

    watts: float
    source: WattsFrom


@dataclass(frozen=True)
class Efficiency:
    """What answers took.

    `seconds` is the time of the work, `seconds_each` the mean of an answer's own with its interval. `energy_kwh` is
    None, as `watts` is, for a model that ran elsewhere; `co2_kg` is None without a factor. `failed` requests are in
    the seconds and in `answers`, not in `seconds_each`.
    """

    answers: int
    failed: int
    seconds: float
    seconds_each: Interval
    prompt_tokens: int
    tokens: int
    tokens_per_second: float | None
    watts: Watts | None
    energy_kwh: float | None
    co2_kg: float | None


def efficiency(
    answers: Sequence[Took],
    *,
    watts: float | Watts | None = None,
    local: bool = True,
    seconds: float | None = None,
    co2_per_kwh: float | None = None,
) -> Efficiency:
    """The figures of answers.

    `seconds` is the time of the whole work where the caller took it, else the sum of the answers' own (a Response has
    its share of its batch's time). Without `watts`, `processor_watts` says. A model that is not `local` computes where
    nothing can be known of it, and has no energy estimate.
    """
    for name, value in (("watts", watts.watts if isinstance(watts, Watts) else watts), ("co2_per_kwh", co2_per_kwh)):
        if value is not None and not 0 <= value < float("inf"):
            raise ValueError(f"{name} is {value}; it must be 0 or more")
    total = sum(answer.seconds for answer in answers) if seconds is None else seconds
    tokens = sum(answer.tokens for answer in answers)
    power: Watts | None = None
    if local:
        power = Watts(float(watts), "given") if isinstance(watts, float | int) else watts or processor_watts()
    energy = None if power is None else total * power.watts / JOULES_PER_KWH
    return Efficiency(
        answers=len(answers),
        failed=sum(answer.error is not None for answer in answers),
        seconds=total,
        seconds_each=mean_interval([None if answer.error else answer.seconds for answer in answers]),
        prompt_tokens=sum(answer.prompt_tokens for answer in answers),
        tokens=tokens,
        tokens_per_second=tokens / total if total > 0 else None,
        watts=power,
        energy_kwh=energy,
        co2_kg=None if energy is None or co2_per_kwh is None else energy * co2_per_kwh,
    )


class EnergyMeter:
    """What the processor took between two moments, by its counters.

        with EnergyMeter() as meter:
            ...
        meter.joules, meter.watts()      None where the counters cannot be read

    The packages are summed; what is inside a package (``intel-rapl:0:0``) is in it already. A counter that began anew
    in between is put right once, so a meter must be read within its range, an hour or more.
    """

    def __init__(self, folder: Path = POWERCAP):
        self.folder = folder
        self.joules: float | None = None
        self.seconds = 0.0

    def __enter__(self) -> EnergyMeter:
        self._first, self._began = _counters(self.folder), time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        last, self.seconds = _counters(self.folder), time.perf_counter() - self._began
        if not self._first or set(last) != set(self._first):
            return
        spent = 0
        for package, (count, reach) in last.items():
            more = count - self._first[package][0]
            spent += more if more >= 0 else more + reach
        self.joules = spent / 1e6

    def watts(self) -> Watts | None:
        """The mean power, or None where nothing was measured."""
        if self.joules is None or self.seconds <= 0:
            return None
        return Watts(self.joules / self.seconds, "measured")


def processor_watts(folder: Path = POWERCAP, assumed: float = ASSUMED_WATTS) -> Watts:
    """The limits that the processor's packages are run under, summed, where they can be read, else the assumption."""
    limits = [_number(package / "constraint_0_power_limit_uw") for package in _packages(folder)]
    known = [limit for limit in limits if limit]
    return Watts(sum(known) / 1e6, "limit") if known and len(known) == len(limits) else Watts(assumed, "assumed")


def _packages(folder: Path) -> list[Path]:
    """The folders of whole processors: ``intel-rapl:0``. Other names are parts, or the same seen another way."""
    return sorted(p for p in folder.glob("intel-rapl:*") if p.name.count(":") == 1 and _name(p).startswith("package"))


def _counters(folder: Path) -> dict[str, tuple[int, int]]:
    """Of each package its counter and the counter's range, in millionths of a joule; empty where one is hidden."""
    found = {}
    for package in _packages(folder):
        count, reach = _number(package / "energy_uj"), _number(package / "max_energy_range_uj")
        if count is None:
            return {}
        found[package.name] = (count, reach or 0)
    return found


def _name(package: Path) -> str:
    try:
        return (package / "name").read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _number(file: Path) -> int | None:
    """What a file of the kernel says, or None where it is not there or not for us."""
    try:
        return int(file.read_text(encoding="ascii", errors="replace"))
    except (OSError, ValueError):
        return None
