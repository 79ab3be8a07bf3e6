"""The average of the weights: its arithmetic, that it is judged and kept, and that training does not feel it."""

from __future__ import annotations

import pytest
import torch
from tests.train.test_loop import model_of, training_of

from heedful.models.adapters import load_trainable_state
from heedful.models.checkpoints import list_checkpoints, read_checkpoint
from heedful.store import read_metrics
from heedful.train import loop
from heedful.train.averaging import Average
from heedful.train.recipe import make_recipe


def test_step_s_counts_as_the_difference_of_fourth_powers():
    """1 - (1 - 1/t)^4 a step is, multiplied out, a weight of (s^4 - (s - 1)^4) / T^4 for the weights of step s."""
    model = torch.nn.Linear(1, 1, bias=False).double()
    average = Average(model)
    seen = [3.0, -1.0, 4.0, 1.0, -5.0]
    for step, value in enumerate(seen, 1):
        with torch.no_grad():
            model.weight.fill_(value)
        average.update(step)
    expected = sum(v * (s**4 - (s - 1) ** 4) for s, v in enumerate(seen, 1)) / 5**4
    assert average.values[0].item() == pytest.approx(expected, rel=1e-12)
    with average.in_place():
        assert model.weight.item() == pytest.approx(expected, rel=1e-12)
    assert model.weight.item() == -5.0
    average.put_in_place()
    assert model.weight.item() == pytest.approx(expected, rel=1e-12)


def test_lora_is_averaged_and_full_tuning_is_not_unless_asked_for():
    assert [make_recipe({"tuning": t}).averages for t in ("lora", "full")] == [True, False]
    assert [make_recipe({"average_weights": a}).averages for a in (True, False)] == [True, False]
    assert [make_recipe({"tuning": t}).decay for t in ("lora", "full")] == ["constant", "cosine"]
    assert make_recipe({"schedule": "linear"}).decay == "linear"


def losses(run, key):
    return {line["step"]: line[key] for line in read_metrics(run.metrics) if line.get(key) is not None}


@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
def test_the_average_is_what_is_judged_and_kept_and_training_goes_on_from_the_last_weights(tiny, tmp_path, lora):
    kinds = {"tuning": "lora" if lora else "full", "keep_checkpoints": 9, "learning_rate": 3e-2, "schedule": "constant"}
    plain, made = (
        training_of(tiny, tmp_path / str(on), model_of(tiny, lora=lora), average_weights=on, **kinds)
        for on in (False, True)
    )
    loop.fit(plain)
    progress = loop.fit(made)
    assert losses(plain.run, "train_loss") == losses(made.run, "train_loss")
    values = losses(made.run, "val_loss")
    assert values[0] == losses(plain.run, "val_loss")[0]
    assert all(values[s] != v for s, v in losses(plain.run, "val_loss").items() if s)
    best = progress.best
    assert best is not None
    assert loop.measure_loss(made, made.val, 0).loss == best.loss  # the model that is left is the best average
    for path in list_checkpoints(made.run.checkpoints, "step"):
        saved = read_checkpoint(path)
        load_trainable_state(made.model, saved.weights)  # as `run:DIR@step=N` does
        assert loop.measure_loss(made, made.val, 0).loss == values[saved.step]
