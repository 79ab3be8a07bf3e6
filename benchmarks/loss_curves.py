"""The losses of Heedful, of TRL and of a run in float32 over the same rows in the same order, as numbers and a picture.

    python benchmarks/loss_curves.py --trl TRL_PYTHON [--model smollm2-135m-instruct] [--tuning full] [--steps 40]
        [--picture curves.svg]

All begin with the same weights and train the same 8 rows at each step, so the losses of a step are of the same tokens.
TRL has its defaults, or what --peer names (``trl-fp32`` where a machine has no bf16 units: its defaults take hours).
LoRA factors begin at random: each program draws its own. The table's last column is the loss on rows that none has
seen, measured in float32 at the end.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from train_speed import Contestant, token_rows

NAMES = {
    "heedful": ("Heedful", "#0b6bcb", "none"),
    "trl": ("TRL", "#c2410c", "7 4"),
    "heedful:precision=fp32,engine=plain": ("float32", "#15803d", "2 3"),
}
WIDTH, HEIGHT, LEFT, TOP = 760, 400, 64, 34


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trl", default=sys.executable, help="the interpreter that has TRL")
    parser.add_argument("--model", default="smollm2-135m-instruct", help="a packaged model, or a folder")
    parser.add_argument("--tuning", choices=("full", "lora"), default="full")
    parser.add_argument("--peer", default="trl", help="TRL's settings, as train_speed_trl.py names them")
    parser.add_argument("--rows", default=None, help="a file of rows; default the starter rows")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--val", type=int, default=64)
    parser.add_argument("--picture", default=None, help="write an SVG file")
    parser.add_argument("--log", default="/dev/null")
    args = parser.parse_args()

    from heedful.batches import LengthBatches
    from heedful.data import starter_path
    from heedful.models.packaged import packaged_folder

    folder = Path(args.model) if Path(args.model).is_dir() else packaged_folder(args.model)
    rows = token_rows(folder, args.rows or str(starter_path()), 1000 + args.val)
    val, rows = rows[-args.val :], rows[: -args.val]
    order = [i for batch in LengthBatches([len(r["ids"]) for r in rows], 8, 0) for i in batch][: 8 * args.steps]
    job = {
        "model": str(folder), "tuning": args.tuning, "rows": [rows[i] for i in order], "val": val, "batch": 8,
        "steps": len(order) // 8, "rate": 2e-4 if args.tuning == "lora" else 2e-5, "max_length": 1024, "threads": 0,
        "in_order": True,
    }  # fmt: skip
    results = {}
    with tempfile.TemporaryDirectory() as temporary, Path(args.log).open("w") as log:
        for name in NAMES:
            python = args.trl if name.startswith("trl") else sys.executable
            contestant = Contestant(args.peer if name == "trl" else name, python, job, Path(temporary), log)
            for _ in range(job["steps"]):
                contestant.step()
            results[name] = contestant.end()
    exact = results["heedful:precision=fp32,engine=plain"]
    print(f"{folder.name}, {args.tuning}, {job['steps']} steps of 8 rows; load {os.getloadavg()[0]:.1f}")
    print(
        f"{'':<10}{'train, first 5':>15}{'last 5':>9}{'off fp32, mean':>16}{'most':>8}{'val loss':>10}{'off fp32':>10}"
    )
    for name, (shown, _, _) in NAMES.items():
        losses, val_loss = results[name]["losses"], results[name]["val_loss"]
        off = [abs(a / b - 1) for a, b in zip(losses, exact["losses"], strict=True)]
        print(
            f"{shown:<10}{statistics.mean(losses[:5]):>15.4f}{statistics.mean(losses[-5:]):>9.4f}"
            f"{statistics.mean(off):>16.2%}{max(off):>8.2%}{val_loss:>10.4f}{val_loss / exact['val_loss'] - 1:>+10.2%}"
        )
    if args.picture:
        curves = {name: results[name]["losses"] for name in NAMES}
        Path(args.picture).write_text(draw(curves, f"{folder.name.rsplit('-', 2)[0]}, {args.tuning}"))


def draw(curves: dict[str, list[float]], title: str) -> str:
    """The losses of each step over each other, and below how far each is from float32."""
    from heedful.report.curves import ticks

    exact = curves["heedful:precision=fp32,engine=plain"]
    steps = len(exact)
    off = {n: [100 * (a / b - 1) for a, b in zip(c, exact, strict=True)] for n, c in curves.items()}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12">',
        f"<title>Training loss of {title}: Heedful, TRL and float32</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/><text x="{LEFT}" y="20">training loss, {title}</text>',
    ]
    for k, (shown, colour, dash) in enumerate(NAMES.values()):
        x = WIDTH - 260 + 88 * k
        parts.append(f'<path d="M{x} 16h24" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
        parts.append(f'<text x="{x + 29}" y="20">{shown}</text>')
    for top, height, lines, unit in ((TOP, 220, curves, ""), (TOP + 250, 80, off, " %")):
        values = [v for c in lines.values() for v in c]
        low, high = min(values), max(values)
        low, high = (low - 0.05 * (high - low), high + 0.05 * (high - low)) if high > low else (low - 1, high + 1)

        def y(v: float, top: int = top, height: int = height, low: float = low, high: float = high) -> float:
            return top + height * (high - v) / (high - low)

        for tick in ticks(low, high, 5 if height > 100 else 3):
            if low <= tick <= high:
                parts.append(f'<path d="M{LEFT} {y(tick):.1f}H{WIDTH - 10}" stroke="#ddd"/>')
                parts.append(f'<text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}{unit}</text>')
        for name, (_, colour, dash) in NAMES.items():
            points = " ".join(
                f"{LEFT + (WIDTH - LEFT - 10) * (k + 0.5) / steps:.1f},{y(v):.1f}" for k, v in enumerate(lines[name])
            )
            line = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"'
            parts.append(f'<polyline points="{points}" {line}/>')
    parts.append(f'<text x="{LEFT}" y="{TOP + 244}">difference from float32</text>')
    parts.append(f'<text x="{WIDTH - 10}" y="{HEIGHT - 8}" text-anchor="end">step 1 to {steps}</text></svg>')
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
