"""How often `heedful compare` says 'better' or 'worse' when nothing changed, and how often it sees a change.

    python benchmarks/false_verdicts.py                      the tables of docs/statistics.md
    python benchmarks/false_verdicts.py --repeats 200        the same in a few minutes
    python benchmarks/false_verdicts.py --bootstrap          how often the bootstrap's interval is too narrow

Nothing changed: A and B are two draws of the same model on the same questions, so each verdict but 'inconclusive' is
false. `cluster effects` adds what really happens with shared passages: B is better on some passages and worse on
others, and equal on the whole. `equal means, skewed` is harder than 'nothing changed': most answers get a little
better, a few get much worse, and only the means are equal. Needs numpy and scipy, no model.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from heedful.stats import (
    Interval,
    PairedComparison,
    compare_means,
    compare_ranks,
    compare_shares,
    correct,
    detectable_difference,
    paired,
    paired_bootstrap,
    sign_flip_interval,
)

SIZES = (20, 50, 100, 200, 500, 1000)
PER_CLUSTER = 10
Draw = tuple[np.ndarray, np.ndarray, "list[int] | None"]
Random = np.random.Generator


def common_share(rng: Random, n: int, gain: float = 0.0) -> Draw:
    """Right or wrong, questions from hopeless to easy, 40% right; `gain` is added to B's share."""
    easy = rng.beta(0.8, 1.2, n)
    lifted = easy + (1 - easy) * gain / 0.6
    return (rng.random(n) < easy) * 1.0, (rng.random(n) < lifted) * 1.0, None


def rare_share(rng: Random, n: int) -> Draw:
    """Right or wrong, 3% right, as exact match of long answers is."""
    easy = rng.beta(0.3, 9.7, n)
    return (rng.random(n) < easy) * 1.0, (rng.random(n) < easy) * 1.0, None


def overlap(rng: Random, n: int, gain: float = 0.0) -> Draw:
    """0 to 1 with heaps at both ends, as token F1 is; `gain` is added to B's mean."""
    level = rng.beta(2, 2, n)

    def answers(lift: float) -> np.ndarray:
        mean = level + (1 - level) * lift / 0.5
        body = rng.beta(6 * mean + 0.01, 6 * (1 - mean) + 0.01)
        return np.where(rng.random(n) < 0.3, (rng.random(n) < mean) * 1.0, body)

    return answers(0.0), answers(gain), None


def heavy_tails(rng: Random, n: int) -> Draw:
    """Log-normal around each question's own size, as lengths and seconds are; the largest decide the mean."""
    size = rng.normal(4, 1, n)
    return np.exp(rng.normal(size, 1.2)), np.exp(rng.normal(size, 1.2)), None


def endless_tails(rng: Random, n: int) -> Draw:
    """Student's t with 2 degrees of freedom: the variance is infinite."""
    return rng.standard_t(2, n), rng.standard_t(2, n), None


def skewed(rng: Random, n: int) -> Draw:
    """Equal means, but most differences are small gains and a few are large losses."""
    return np.zeros(n), 1 - rng.exponential(1.0, n), None


def clustered_share(rng: Random, n: int) -> Draw:
    """Ten questions a passage; each model has passages that suit it, each passage suits both alike on the whole."""
    passages = np.arange(n) // PER_CLUSTER
    suits = rng.normal(0, 1.5, (3, passages[-1] + 1))
    easy = suits[0][passages] + rng.normal(0, 1, n)
    right = [rng.random(n) < 1 / (1 + np.exp(-(easy + suits[side][passages]))) for side in (1, 2)]
    return right[0] * 1.0, right[1] * 1.0, passages.tolist()


def clustered_overlap(rng: Random, n: int) -> Draw:
    """The same for values of 0 to 1, in passages of 2 to 28 questions."""
    ends = np.cumsum(rng.integers(2, 29, n))
    passages = np.searchsorted(ends, np.arange(n), side="right")
    suits = rng.normal(0, 0.15, (2, n))
    level = rng.beta(2, 2, n) * 0.6 + 0.2
    values = [np.clip(level + suits[side][passages] + rng.normal(0, 0.1, n), 0, 1) for side in (0, 1)]
    return values[0], values[1], passages.tolist()


@dataclass(frozen=True)
class Case:
    """A row of the table: data, and how they are compared."""

    name: str
    draw: Callable[[Random, int], Draw]
    how: Callable[..., PairedComparison]
    use_clusters: bool = True


CASES = (
    Case("share, 40% right (McNemar)", common_share, compare_shares),
    Case("share, 3% right (McNemar)", rare_share, compare_shares),
    Case("0 to 1 (sign-flip)", overlap, compare_means),
    Case("log-normal (sign-flip)", heavy_tails, compare_means),
    Case("infinite variance (sign-flip)", endless_tails, compare_means),
    Case("infinite variance (Wilcoxon)", endless_tails, compare_ranks),
    Case("cluster effects, share (clusters)", clustered_share, compare_shares),
    Case("cluster effects, 0 to 1 (clusters)", clustered_overlap, compare_means),
    Case("cluster effects, share, clusters ignored", clustered_share, compare_shares, False),
    Case("cluster effects, 0 to 1, clusters ignored", clustered_overlap, compare_means, False),
    Case("equal means, skewed (sign-flip)", skewed, compare_means),
)


def compared(case: Case, rng: Random, n: int, resamples: int) -> PairedComparison:
    """One comparison where nothing changed."""
    before, after, clusters = case.draw(rng, n)
    options = {"clusters": clusters} if clusters is not None and case.use_clusters else {}
    seed = int(rng.integers(2**31))
    return case.how(before.tolist(), after.tolist(), resamples=resamples, seed=seed, **options)


def verdicts(case: Case, n: int, repeats: int, resamples: int, seed: int) -> tuple[float, float, float]:
    """The shares of 'better' and 'worse' among comparisons where nothing changed, and of intervals that hold 0."""
    rng = np.random.default_rng([seed, n])
    found = [compared(case, rng, n, resamples) for _ in range(repeats)]
    better, worse = (sum(c.verdict == word for c in found) / repeats for word in ("better", "worse"))
    return better, worse, sum(not (c.difference.low > 0 or c.difference.high < 0) for c in found) / repeats


def family(n: int, repeats: int, resamples: int, seed: int) -> tuple[float, float, float, float]:
    """The shares of comparisons of the report's five metrics in which one got 'better', and in which one got 'worse'.

    First with Holm's correction, then without. Two shares and three overlaps of the same answers, so they go together.
    """
    rng = np.random.default_rng([seed, n, 5])
    found = np.zeros(4)
    for _ in range(repeats):
        before, after, _ = overlap(rng, n)
        columns = {"stops": (common_share(rng, n)[:2], compare_shares)}
        columns["exact"] = (((before == 1) * 1.0, (after == 1) * 1.0), compare_shares)
        columns["f1"] = ((before, after), compare_means)
        for name in ("chrf", "rouge"):
            noise = rng.normal(0, 0.05, (2, n))
            columns[name] = ((before + noise[0], after + noise[1]), compare_means)
        alone = {
            name: how(x.tolist(), y.tolist(), resamples=resamples, seed=int(rng.integers(2**31)))
            for name, ((x, y), how) in columns.items()
        }
        words = [{c.verdict for c in some.values()} for some in (correct(alone), alone)]
        found += [word in some for some in words for word in ("better", "worse")]
    better, worse, better_alone, worse_alone = (found / repeats).tolist()
    return better, worse, better_alone, worse_alone


def power(
    draw: Callable[[Random, int, float], Draw], how: Callable[..., PairedComparison], gain: float, n: int, repeats: int
) -> tuple[float, float]:
    """How often a true gain is called 'better', and the mean of what the comparison said that it could see."""
    rng = np.random.default_rng([n, round(gain * 1000)])
    found, seen = 0, []
    for _ in range(repeats):
        before, after, _ = draw(rng, n, gain)
        found += how(before.tolist(), after.tolist(), resamples=499).verdict == "better"
        if len(seen) < 50:
            seen.append(detectable_difference(before.tolist(), after.tolist()))
    return found / repeats, float(np.nanmean(seen)) if not np.isnan(seen).all() else float("nan")


def bootstrap_holds(case: Case, n: int, repeats: int, resamples: int, seed: int) -> tuple[float, float]:
    """How often the bootstrap's interval of the difference holds the true 0, and how often the sign-flip test's."""
    rng = np.random.default_rng([seed, n, 7])
    holds = np.zeros(2)
    for _ in range(repeats):
        before, after, clusters = case.draw(rng, n)
        drawn = int(rng.integers(2**31))
        by_bootstrap = paired_bootstrap(
            before.tolist(), after.tolist(), clusters=clusters, resamples=resamples, seed=drawn
        )
        by_flips = sign_flip_interval(after - before, clusters=clusters, resamples=resamples, seed=drawn)
        holds += [not (i.low > 0 or i.high < 0) for i in (by_bootstrap, by_flips)]
    bootstrap, flips = (holds / repeats).tolist()
    return bootstrap, flips


def bootstrap_table(sizes: Sequence[int], repeats: int, resamples: int, seed: int, pool: Executor) -> Iterator[str]:
    """Both intervals side by side for values that are no shares, nothing changed."""
    cases = [c for c in CASES if c.how is compare_means and c.use_clusters]
    cells = {(c, n): pool.submit(bootstrap_holds, c, n, repeats, resamples, seed) for c in cases for n in sizes}
    yield from header("intervals that hold the true 0, %: bootstrap / sign-flip", sizes)
    for case in cases:
        yield f"| {case.name.split(' (')[0]} | {' | '.join(percent(*cells[case, n].result()) for n in sizes)} |"


def mean_alone(values: Sequence[float], **_: object) -> Interval:
    """A mean without its bootstrap interval."""
    return Interval(float(np.mean(values)), np.nan, np.nan, len(values))


def leave_out_single_means() -> None:
    """No verdict uses the bootstrap intervals of A and of B alone, and they would take most of the time."""
    paired.mean_interval = mean_alone


def percent(*shares: float) -> str:
    """Shares as a cell."""
    return " / ".join(f"{share * 100:.1f}" for share in shares)


def header(first: str, sizes: Sequence[int]) -> Iterator[str]:
    """The first two lines of a table with a column for each size."""
    yield f"| {first} | {' | '.join(f'n = {n:,}' for n in sizes)} |"
    yield "|---|" + "---|" * len(sizes)


def false_tables(sizes: Sequence[int], repeats: int, resamples: int, seed: int, pool: Executor) -> Iterator[str]:
    """Where nothing changed: better / worse in percent, and how often the interval holds 0."""
    cells = {(c, n): pool.submit(verdicts, c, n, repeats, resamples, seed) for c in CASES for n in sizes}
    families = [pool.submit(family, n, repeats, resamples, seed) for n in sizes]
    yield from header("nothing changed: better / worse, %", sizes)
    for case in CASES:
        yield f"| {case.name} | {' | '.join(percent(*cells[case, n].result()[:2]) for n in sizes)} |"
    yield f"| five metrics with Holm: any of them | {' | '.join(percent(*f.result()[:2]) for f in families)} |"
    yield f"| five metrics uncorrected: any of them | {' | '.join(percent(*f.result()[2:]) for f in families)} |"
    yield ""
    yield from header("95% intervals that hold the true 0, %", sizes)
    for case in CASES:
        yield f"| {case.name} | {' | '.join(percent(cells[case, n].result()[2]) for n in sizes)} |"


def power_table(sizes: Sequence[int], repeats: int, pool: Executor) -> Iterator[str]:
    """Rows: a true gain; cells: how often it is called better, and the mean minimum detectable difference."""
    kinds = (("share", common_share, compare_shares), ("0 to 1", overlap, compare_means))
    rows = [
        (name, gain, [pool.submit(power, draw, how, gain, n, repeats) for n in sizes])
        for name, draw, how in kinds
        for gain in (0.03, 0.05, 0.1, 0.2)
    ]
    yield from header("true gain: called better, % (can see)", sizes)
    for name, gain, cells in rows:
        shown = [f"{found * 100:.0f} ({seen:.3f})" for found, seen in (c.result() for c in cells)]
        yield f"| {name}, +{gain:g} | {' | '.join(shown)} |"


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=2000, help="comparisons a cell; half as many for the power")
    parser.add_argument("--resamples", type=int, default=499, help="heedful compare draws 9,999")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--bootstrap", action="store_true", help="only the bootstrap's interval beside the test's")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    given = parser.parse_args()
    started = time.monotonic()
    if given.bootstrap:
        with ProcessPoolExecutor(given.jobs) as pool:
            for line in bootstrap_table(given.sizes, given.repeats, given.resamples, given.seed, pool):
                print(line, flush=True)
        return
    print(f"{given.repeats:,} comparisons a cell, {given.resamples:,} resamples, seed {given.seed}\n", flush=True)
    with ProcessPoolExecutor(given.jobs, initializer=leave_out_single_means) as pool:
        for line in false_tables(given.sizes, given.repeats, given.resamples, given.seed, pool):
            print(line, flush=True)
        print(flush=True)
        for line in power_table([n for n in given.sizes if n >= 50], max(1, given.repeats // 2), pool):
            print(line, flush=True)
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
