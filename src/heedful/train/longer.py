"""More epochs or steps for a run that was begun: what may grow, and how the end that it had is kept."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable, Mapping
from typing import Any

from heedful.errors import RequestError, RunError
from heedful.models.checkpoints import list_checkpoints, step_of
from heedful.store import RunFolder, hold_run, write_text
from heedful.train.recipe import Recipe, make_recipe, recipe_yaml

GROWS = ("epochs", "max_steps")  # all that may be changed of a run, and only upwards


def make_longer(run: RunFolder, more: Mapping[str, Any], say: Callable[[str], None] = lambda _: None) -> None:
    """Change a run's recipe on disk so that `resume_run` trains on; `say` is told what becomes of the learning rate.

    `more` has ``epochs`` or ``max_steps`` (None for no limit). The model, the answers and the report of a run that had
    ended are moved into ``earlier/step-000120/``, so that they are made anew; the manifest's ``continued`` tells what
    was asked, when, and what becomes of the learning rate. Whatever moment a kill comes at, the run can be resumed.

    Raises RunError or RequestError, with nothing changed, for what would not make the run longer.
    """
    run.read_manifest()
    with hold_run(run):
        say(f"learning rate, {_make_longer(run, more)}")


def _make_longer(run: RunFolder, more: Mapping[str, Any]) -> str:
    manifest = run.read_manifest()
    before = make_recipe(manifest.get("recipe") or {})
    after = _grown(run, before, more)
    newest = next(iter(list_checkpoints(run.checkpoints, "step")), None)
    step = step_of(newest) if newest else 0
    if after.max_steps is not None and after.max_steps <= step:
        raise RunError(f"{run.path}: has done {step} steps and max_steps is {after.max_steps}; raise max_steps as well")
    kept = _put_end_aside(run, f"step-{step:06d}")  # first: a kill after it leaves a run that makes its old end again
    entry = {
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "step": step,
        "from": {name: getattr(before, name) for name in GROWS},
        "to": {name: getattr(after, name) for name in GROWS},
        "kept": kept,
        "learning_rate": rate_note(after, step),
    }
    continued = [*(manifest.get("continued") or []), entry]
    run.update_manifest(recipe=after.to_json(), continued=continued, outcome={"status": "running", "ended": None})
    write_text(run.recipe, recipe_yaml(after))
    return entry["learning_rate"]


def _grown(run: RunFolder, recipe: Recipe, more: Mapping[str, Any]) -> Recipe:
    for name, value in more.items():
        now = getattr(recipe, name, None) if name in GROWS else None
        if name not in GROWS:
            raise RequestError(
                f"--resume goes on with the run's own recipe, so leave {name} away, or start a new run "
                "(only --epochs and --set max_steps=N may grow)"
            )
        if name == "max_steps" and now is None and value is not None:
            raise RunError(f"{run.path}: has no max_steps, which would shorten it; give more epochs")
        if value is not None and now is not None and (not isinstance(value, int) or value < now):
            raise RunError(f"{run.path}: {name} is {now} and can only grow; {value} is not more")
    after = make_recipe({**recipe.to_json(), **more})
    if after == recipe:
        raise RunError(
            f"{run.path}: has {recipe.epochs} epochs already; name more, or leave --epochs away to finish it"
        )
    return after


def rate_note(recipe: Recipe, step: int) -> str:
    """What becomes of the learning rate where a run is made longer after so many steps."""
    if recipe.decay == "constant":
        same = "the weights become those of a run that was asked for as much from the start"
        if step < 3 * recipe.warmup_steps:  # see `learning_rate_at`
            same = f"but the shorter run's warm-up was cut to {step // 3} of its {recipe.warmup_steps} steps"
        return f"constant: after step {step} it stays {recipe.rate:g}, {'and ' * same.startswith('the')}{same}"
    return (
        f"{recipe.decay}: from step {step + 1} on it is what a run of the new length has at that step, so it rises "
        "once before it falls again; the weights differ from those of a run that was asked for as much from the start"
    )


def _put_end_aside(run: RunFolder, name: str) -> str | None:
    """Move what was made after training away; its folder from the run's, or None where there is nothing."""
    folder = run.path / "earlier" / name
    moved = None
    # The model first: while it is in place a run counts as trained.
    parts = (run.model, run.adapter, run.responses("tuned"), run.scores("tuned"))
    for path in (*parts, *(run.report(kind) for kind in ("html", "json", "md"))):
        if not path.exists():
            continue
        target = folder / path.relative_to(run.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():  # of an attempt to make the run longer that was killed
            shutil.rmtree(target)
        path.replace(target)
        moved = str(folder.relative_to(run.path))
    return moved
