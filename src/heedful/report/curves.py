"""The loss curves: what the metrics say, and its drawing as an inline SVG without scripts.

Colours, fonts and stroke widths come from the page's style sheet by class; the drawing has only geometry.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from markupsafe import Markup, escape

from heedful.report.data import Curves, LossPoint
from heedful.report.numbers import count_text, loss_text

Axis = Literal["steps", "tokens"]
DRAWN_POINTS = 480  # more would not be seen: the drawing is at most 760 units wide


def read_curves(lines: Iterable[Mapping[str, Any]], outcome: Mapping[str, Any]) -> Curves | None:
    """Both curves from the lines of ``metrics.jsonl``; None where there is no loss at all.

    Losses that are null (they were not a number) are left out.
    """
    lines = list(lines)
    train, val = _points(lines, "train_loss"), _points(lines, "val_loss")
    if not train and not val:
        return None
    window = max(1, len(train) // 20)
    best_step = outcome.get("best_step")
    best = next((p for p in val if p.step == best_step), None)
    if best is None and val:
        best = min(val, key=lambda p: p.loss)
    end = max([*train, *val], key=lambda p: p.step)
    labels = {"stopped early": "stopped early", "finished": "end", "running": "so far"}
    status = str(outcome.get("status") or "running")
    return Curves(train, smooth(train, window), window, val, best, end, labels.get(status, status))


def _points(lines: Iterable[Mapping[str, Any]], key: str) -> tuple[LossPoint, ...]:
    by_step = {}
    for line in lines:
        loss = line.get(key)
        if isinstance(loss, int | float) and math.isfinite(loss):
            step = int(line["step"])
            by_step[step] = LossPoint(step, int(line.get("trained_tokens") or 0), float(loss))
    return tuple(by_step[step] for step in sorted(by_step))


def smooth(points: Sequence[LossPoint], window: int) -> tuple[LossPoint, ...]:
    """An exponential average over about the last `window` points, without a bias towards 0 at the start."""
    keep = 1 - 1 / window if window > 1 else 0.0
    total = weight = 0.0
    out = []
    for p in points:
        total, weight = keep * total + p.loss, keep * weight + 1
        out.append(LossPoint(p.step, p.trained_tokens, total / weight))
    return tuple(out)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers that cover [low, high], `about` so many.

    >>> ticks(0.7, 2.1, 4)
    [0.5, 1.0, 1.5, 2.0, 2.5]
    """
    if high <= low:
        high = low + 1
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where data lies on the drawing, in its own units."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    x_high: float
    y_low: float
    y_high: float
    axis: Axis

    def x(self, p: LossPoint) -> float:
        value = p.step if self.axis == "steps" else p.trained_tokens
        return self.left + (self.width - self.left - self.right) * value / self.x_high

    def y(self, loss: float) -> float:
        share = (min(max(loss, self.y_low), self.y_high) - self.y_low) / (self.y_high - self.y_low)
        return self.height - self.bottom - (self.height - self.top - self.bottom) * share


def draw(curves: Curves, axis: Axis, *, width: int = 760, height: int = 340, name: str = "curves") -> Markup:
    """The drawing as an ``<svg>`` with a title and a description; `name` makes its ids unique on the page."""
    frame = _frame(curves, axis, width, height)
    parts = [*_grid(frame), *_marks(frame, curves)]
    if curves.window > 1:
        parts.append(_line(frame, _thin(curves.train), "raw"))
    parts.append(_line(frame, _thin(curves.smoothed), "train"))  # of a short run the steps themselves
    parts.append(_line(frame, curves.val, "val"))
    parts += [f'<circle class="val" cx="{frame.x(p):.1f}" cy="{frame.y(p.loss):.1f}" r="2.6"/>' for p in curves.val]
    unit = "steps" if axis == "steps" else "trained tokens"
    return Markup(
        f'<svg class="curves" viewBox="0 0 {width} {height}" role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">Training and validation loss by {unit}</title>'
        f'<desc id="{name}-d">{escape(describe(curves))}</desc>{"".join(parts)}</svg>'
    )


def describe(curves: Curves) -> str:
    """The curves in a sentence or two, for those who do not see them."""
    out = []
    if curves.smoothed:
        a, b = curves.smoothed[0], curves.smoothed[-1]
        out.append(f"Training loss {loss_text(a.loss)} at step {a.step}, {loss_text(b.loss)} at step {b.step}.")
    if curves.val:
        a, b = curves.val[0], curves.val[-1]
        out.append(f"Validation loss {loss_text(a.loss)} at step {a.step}, {loss_text(b.loss)} at step {b.step}.")
    if curves.best:
        out.append(f"Best validation loss {loss_text(curves.best.loss)} at step {curves.best.step}.")
    return " ".join(out)


def _frame(curves: Curves, axis: Axis, width: int, height: int) -> _Frame:
    points = [*curves.train, *curves.val]
    x_high = max((p.step if axis == "steps" else p.trained_tokens) for p in points) or 1
    shown = sorted(p.loss for p in curves.train)
    # A few wild batches must not flatten the curves: raw losses count up to their 98th percentile.
    values = shown[: max(1, math.ceil(len(shown) * 0.98))] + [p.loss for p in (*curves.val, *curves.smoothed)]
    marks = ticks(min(values), max(values), 4)
    return _Frame(width, height, 44, 14, 44, 40, x_high, marks[0], marks[-1], axis)


def _grid(f: _Frame) -> list[str]:
    out = []
    for value in ticks(f.y_low, f.y_high, 4):
        if not f.y_low <= value <= f.y_high:
            continue
        y = f.y(value)
        out.append(f'<line class="grid" x1="{f.left}" x2="{f.width - f.right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        out.append(f'<text class="tick" x="{f.left - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.3g}</text>')
    base = f.height - f.bottom
    for value in ticks(0, f.x_high, 6 if f.width > 500 else 4):
        if value > f.x_high or value != int(value):
            continue
        x = f.left + (f.width - f.left - f.right) * value / f.x_high
        out.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{base}" y2="{base + 4}"/>')
        out.append(f'<text class="tick" x="{x:.1f}" y="{base + 17}" text-anchor="middle">{count_text(value)}</text>')
    label = "steps" if f.axis == "steps" else "trained tokens seen"
    out.append(f'<line class="axis" x1="{f.left}" x2="{f.width - f.right}" y1="{base}" y2="{base}"/>')
    out.append(f'<text class="label" x="{f.width - f.right}" y="{f.height - 4}" text-anchor="end">{label}</text>')
    out.append(f'<text class="label" x="2" y="{f.top - 32}">loss</text>')
    return out


def _marks(f: _Frame, curves: Curves) -> list[str]:
    """Upright lines with labels: the best step on the first row, the last step on the second."""
    out = []
    if curves.best:
        label = f"best {loss_text(curves.best.loss)}, step {count_text(curves.best.step)}"
        out += _mark(f, curves.best, "best", label, f.top - 20)
    if curves.end:
        label = f"{curves.end_label}, step {count_text(curves.end.step)}"
        out += _mark(f, curves.end, "stop", label, f.top - 5)
    return out


def _mark(f: _Frame, p: LossPoint, name: str, label: str, y: float) -> list[str]:
    x = f.x(p)
    anchor = "end" if x > f.width * 0.6 else "start"
    return [
        f'<line class="mark {name}" x1="{x:.1f}" x2="{x:.1f}" y1="{y + 4:.1f}" y2="{f.height - f.bottom}"/>',
        f'<text class="mark {name}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(label)}</text>',
    ]


def _line(f: _Frame, points: Sequence[LossPoint], name: str) -> str:
    if len(points) < 2:
        return "".join(f'<circle class="{name}" cx="{f.x(p):.1f}" cy="{f.y(p.loss):.1f}" r="2.6"/>' for p in points)
    return f'<polyline class="{name}" points="{" ".join(f"{f.x(p):.1f},{f.y(p.loss):.1f}" for p in points)}"/>'


def _thin(points: Sequence[LossPoint]) -> list[LossPoint]:
    """At most about `DRAWN_POINTS` points that keep every peak: the lowest and highest of each stretch."""
    if len(points) <= DRAWN_POINTS:
        return list(points)
    size = math.ceil(2 * len(points) / DRAWN_POINTS)
    out = [points[0]]
    for start in range(0, len(points), size):
        stretch = points[start : start + size]
        ends = {min(stretch, key=lambda p: p.loss), max(stretch, key=lambda p: p.loss)}
        out += sorted(ends, key=lambda p: p.step)
    return [*out, points[-1]]
