"""The training loop: gradients, schedule, stopping, what is saved, what is logged."""

from __future__ import annotations

import json
import math

import pytest
import torch
from transformers import AutoModelForCausalLM

from heedful.errors import TrainingError
from heedful.models import checkpoints
from heedful.models.adapters import add_lora, merge
from heedful.records import TokenExample
from heedful.store import RunFolder, read_jsonl
from heedful.train import limits, loop, training
from heedful.train.progress import learning_rate_at
from heedful.train.recipe import make_recipe
from heedful.train.verdict import Evaluation
from heedful.workflow import Silent

VOCABULARY = 60


def model_of(tiny, architecture="llama", lora=False, **changes):
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(tiny.config(architecture, VOCABULARY, **changes), dtype=torch.float32)
    if lora:
        model = add_lora(model, 4, 8, 0.0, "all-linear")
    return model


def token_rows(count, seed=0):
    """Rows of 4 to 17 tokens of which the latter half is trained; a later token repeats the one before plus one."""
    made = torch.Generator().manual_seed(seed)
    out = []
    for k in range(count):
        n = int(torch.randint(4, 18, (1,), generator=made))
        start = int(torch.randint(1, VOCABULARY, (1,), generator=made))
        ids = tuple(1 + (start + j) % (VOCABULARY - 1) for j in range(n))
        out.append(TokenExample(f"r{k}", ids, tuple(j >= n // 2 for j in range(n))))
    return out


def training_of(tiny, folder, model=None, train=None, val=None, precision="fp32", take_samples=None, **changes):
    settings = {"tuning": "full", "batch_size": 4, "learning_rate": 3e-3, "warmup_steps": 0, "eval_every": 3}
    recipe = make_recipe(settings | {"patience": 0, "device": "cpu", "epochs": 2} | changes)
    return training.prepare_training(
        model if model is not None else model_of(tiny),
        train or token_rows(12),
        val or token_rows(6, seed=9),
        recipe,
        RunFolder(folder),
        precision=precision,
        device=torch.device("cpu"),
        pad_id=0,
        watcher=Silent(),
        take_samples=take_samples or (lambda attempt, step: None),
    )


def step_gradients(tiny, folder, **changes):
    """The gradients of one step before clipping and AdamW, over twelve rows."""
    t = training_of(tiny, folder, **changes)
    kept = {}
    clip = t.accelerator.clip_grad_norm_

    def spy(parameters, norm):
        kept.update({n: p.grad.clone() for n, p in t.model.named_parameters() if p.grad is not None})
        return clip(t.model.parameters(), norm)

    t.accelerator.clip_grad_norm_ = spy
    loop._train_step(t, list(range(12)))
    return kept


@pytest.mark.parametrize("micro", [1, 5])
def test_accumulated_gradients_are_those_of_one_large_batch(tiny, tmp_path, micro):
    one = step_gradients(tiny, tmp_path / "one", batch_size=12)
    many = step_gradients(tiny, tmp_path / "many", batch_size=12, micro_batch_size=micro)
    assert one.keys() == many.keys()
    for name, value in one.items():
        torch.testing.assert_close(many[name], value, rtol=1e-4, atol=1e-7, msg=name)


def test_a_step_of_many_tokens_is_cut_by_itself_and_stays_the_same(tiny, tmp_path, monkeypatch):
    one = step_gradients(tiny, tmp_path / "one", batch_size=12)
    monkeypatch.setattr(limits, "ON_A_CPU", 20)
    shapes = []
    whole = loop._row_losses
    monkeypatch.setattr(
        loop, "_row_losses", lambda t, batch: (shapes.append(batch.input_ids.shape), whole(t, batch))[1]
    )
    many = step_gradients(tiny, tmp_path / "many", batch_size=12)
    assert len(shapes) > 3
    assert sum(rows for rows, _ in shapes) == 12
    assert all(rows * length <= 20 or rows == 1 for rows, length in shapes)
    for name, value in one.items():
        torch.testing.assert_close(many[name], value, rtol=1e-4, atol=1e-7, msg=name)


def test_gradients_are_of_the_mean_over_all_trained_tokens(tiny, tmp_path):
    got = step_gradients(tiny, tmp_path, batch_size=12, micro_batch_size=5)
    model = model_of(tiny)
    total, count = torch.zeros(()), 0
    for row in token_rows(12):
        log_p = torch.log_softmax(model(torch.tensor([row.ids])).logits[0], -1)
        for t in range(1, len(row.ids)):
            if row.loss_mask[t]:
                total, count = total - log_p[t - 1, row.ids[t]], count + 1
    (total / count).backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(got[name], parameter.grad, rtol=1e-3, atol=1e-6, msg=name)


@pytest.mark.parametrize("lora", [False, True])
def test_gradient_checkpointing_gives_the_same_gradients(tiny, tmp_path, lora):
    plain = step_gradients(tiny, tmp_path / "a", model=model_of(tiny, lora=lora), batch_size=12)
    saved = step_gradients(
        tiny, tmp_path / "b", model=model_of(tiny, lora=lora), batch_size=12, gradient_checkpointing=True
    )
    assert plain.keys() == saved.keys()
    assert plain
    for name, value in plain.items():
        torch.testing.assert_close(saved[name], value, rtol=1e-5, atol=1e-7, msg=name)


def test_learning_rates_worked_by_hand():
    linear = [learning_rate_at(s, 10, 1.0, "linear", 2) for s in range(1, 11)]
    assert linear == pytest.approx([1 / 3, 2 / 3, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])
    cosine = [learning_rate_at(s, 4, 2.0, "cosine", 0) for s in range(1, 5)]
    assert cosine == pytest.approx([2, 1 + math.sqrt(0.5), 1, 1 - math.sqrt(0.5)])
    assert [learning_rate_at(s, 5, 0.5, "constant", 1) for s in (1, 2, 5)] == [0.25, 0.5, 0.5]
    assert learning_rate_at(1, 1, 1.0, "cosine", 10) == 1.0, "a warm-up is never more than a third of all steps"
    assert [learning_rate_at(s, 3, 1.0, "linear", 10) for s in (1, 2, 3)] == [0.5, 1.0, 0.5]


def test_bf16_follows_fp32(tiny, tmp_path):
    ends = {}
    for precision in ("fp32", "bf16"):
        t = training_of(tiny, tmp_path / precision, precision=precision, epochs=4)
        loop.fit(t)
        assert all(p.dtype == torch.float32 for p in t.model.parameters())
        ends[precision] = [e.loss for e in t.progress.evaluations]
    assert ends["bf16"] == pytest.approx(ends["fp32"], rel=0.02)
    assert ends["bf16"] != ends["fp32"]


def scripted_evaluations(monkeypatch, losses):
    """Evaluations with these losses, whatever the model."""
    made = iter(losses)
    monkeypatch.setattr(loop, "measure_loss", lambda t, rows, step: Evaluation(step, (next(made),), (1,)))


def test_early_stopping_waits_for_patience(tiny, tmp_path, monkeypatch):
    scripted_evaluations(monkeypatch, [5, 4, 4.5, 3, 3.5, 3.4, 1, 1, 1])
    t = training_of(tiny, tmp_path, eval_every=1, epochs=9, patience=2)
    loop.fit(t)
    assert (t.progress.finished, t.progress.step, t.progress.best.step) == ("stopped early", 5, 3)


def test_without_patience_all_steps_are_done(tiny, tmp_path, monkeypatch):
    scripted_evaluations(monkeypatch, [1, *range(2, 40)])
    t = training_of(tiny, tmp_path, eval_every=1, epochs=2, patience=0)
    loop.fit(t)
    assert (t.progress.finished, t.progress.step, t.progress.best.step) == ("all steps done", 6, 0)


def test_the_best_weights_stay_not_the_last(tiny, tmp_path, monkeypatch):
    scripted_evaluations(monkeypatch, [5, 2, 4, 6, 7])
    seen = {}
    t = training_of(
        tiny,
        tmp_path,
        eval_every=2,
        epochs=2,
        take_samples=lambda attempt, step: seen.update({step: state_of(t.model)}),
    )
    loop.fit(t)
    assert list(seen) == [0, 2, 3, 4, 6]
    assert t.progress.best.step == 2
    assert_same(state_of(t.model), seen[2])
    assert not torch.equal(state_of(t.model)["lm_head.weight"], seen[t.progress.step]["lm_head.weight"])
    best = checkpoints.list_checkpoints(t.run.checkpoints, "best")
    assert [p.name for p in best] == ["best-000002"]
    assert_same(checkpoints.read_checkpoint(best[0]).weights, seen[2])


def state_of(model):
    return {n: p.detach().clone() for n, p in model.named_parameters()}


def assert_same(a, b):
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen3", "gemma3"])
def test_an_adapter_works_and_merges(tiny, architecture):
    plain = model_of(tiny, architecture).eval()
    ids = torch.arange(1, 13)[None]
    before = plain(ids).logits
    model = add_lora(plain, 4, 8, 0.0, "all-linear").eval()
    torch.testing.assert_close(model(ids).logits, before)
    trained = [n for n, p in model.named_parameters() if p.requires_grad]
    assert trained
    assert all("lora_" in n for n in trained)
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
    adapted = model(ids).logits
    assert (adapted - before).abs().max() > 1e-2
    torch.testing.assert_close(merge(model)(ids).logits, adapted, rtol=1e-4, atol=1e-5)


def test_lora_changes_nothing_but_its_matrices(tiny, tmp_path):
    model = model_of(tiny, lora=True)
    before = state_of(model)
    loop.fit(training_of(tiny, tmp_path, model=model, tuning="lora"))
    after = state_of(model)
    changed = {n for n in before if not torch.equal(before[n], after[n])}
    assert changed
    assert all("lora_" in n for n in changed)


def test_matrices_decay_and_norms_do_not(tiny):
    model = model_of(tiny, "gpt2")
    groups = training.make_optimizer(model, make_recipe({"weight_decay": 0.1})).param_groups
    decay = {id(p): g["weight_decay"] for g in groups for p in g["params"]}
    assert len(decay) == len(list(model.parameters()))
    for name, parameter in model.named_parameters():
        is_matrix = name.endswith("weight") and ".ln_" not in name
        assert decay[id(parameter)] == (0.1 if is_matrix else 0.0), name


def test_metrics_have_the_fields_of_the_design(tiny, tmp_path):
    t = training_of(tiny, tmp_path)
    loop.fit(t)
    lines = read_jsonl(t.run.metrics)
    common = {"attempt", "step", "epoch", "examples", "tokens", "trained_tokens", "rss_mb", "seconds"}
    steps = [line for line in lines if "train_loss" in line]
    evaluations = [line for line in lines if "val_loss" in line]
    assert [line["step"] for line in steps] == [1, 2, 3, 4, 5, 6]
    assert [line["step"] for line in evaluations] == [0, 3, 6]
    assert all(line.keys() == common | {"train_loss", "lr", "grad_norm", "tokens_per_s"} for line in steps)
    assert all(line.keys() == common | {"val_loss"} for line in evaluations)
    rows = token_rows(12)
    last = steps[-1]
    assert (last["epoch"], last["examples"], last["attempt"]) == (2, 24, 1)
    assert last["tokens"] == 2 * sum(len(r.ids) for r in rows)
    assert last["trained_tokens"] == 2 * sum(r.trained_tokens for r in rows)


@pytest.mark.parametrize(
    ("changes", "steps", "evaluated"),
    [
        ({"max_steps": 4}, 4, [0, 3, 4]),
        ({"max_steps": 99}, 6, [0, 3, 6]),
        ({"batch_size": 100, "epochs": 3, "eval_every": "auto"}, 3, [0, 1, 2, 3]),
        ({"batch_size": 5, "eval_every": 100}, 6, [0, 3, 6]),
        ({"eval_every": 2}, 6, [0, 2, 3, 4, 6]),
    ],
)
def test_steps_and_evaluations(tiny, tmp_path, changes, steps, evaluated):
    t = training_of(tiny, tmp_path, **changes)
    loop.fit(t)
    assert t.progress.step == steps
    assert [e.step for e in t.progress.evaluations] == evaluated


def test_the_validation_loss_does_not_depend_on_batches(tiny, tmp_path):
    t = training_of(tiny, tmp_path)
    whole = loop.measure_loss(t, token_rows(20), 0)
    t.recipe = make_recipe(t.recipe.to_json() | {"micro_batch_size": 1, "batch_size": 1})
    one = [loop.measure_loss(t, [r], 0).row_losses[0] for r in token_rows(20)]
    assert whole.row_losses == pytest.approx(one, rel=1e-5)
    assert whole.row_tokens == tuple(r.trained_tokens for r in token_rows(20))


def test_an_absurd_learning_rate_is_told_in_one_sentence(tiny, tmp_path, monkeypatch):
    t = training_of(tiny, tmp_path, epochs=20)
    monkeypatch.setattr(type(t.recipe), "rate", property(lambda self: 1e18))
    with pytest.raises(
        TrainingError, match=r"^step \d+: the loss or its gradient is not a number .*lower learning_rate"
    ):
        loop.fit(t)
    found = checkpoints.list_checkpoints(t.run.checkpoints, "step")
    saved = checkpoints.read_checkpoint(found[0])
    assert all(v.isfinite().all() for v in saved.weights.values())
    assert all(json.loads(json.dumps(line, allow_nan=False)) for line in read_jsonl(t.run.metrics))


def test_a_broken_model_is_told_before_the_first_step(tiny, tmp_path):
    model = model_of(tiny)
    with torch.no_grad():
        model.lm_head.weight[3, 3] = float("inf")
    with pytest.raises(TrainingError, match="step 0: the validation loss is not a number"):
        loop.fit(training_of(tiny, tmp_path, model=model))


def test_a_tracker_that_is_not_installed_is_refused(monkeypatch):
    import importlib.util

    from heedful.errors import RequestError

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RequestError, match=r"pip install 'heedful\[wandb\]'"):
        training.need_trackers(make_recipe({"track": ["wandb"]}))


def test_metrics_go_to_tensorboard(tiny, tmp_path):
    t = training_of(tiny, tmp_path, track=["tensorboard"], epochs=1)
    loop.fit(t)
    written = b"".join(p.read_bytes() for p in t.run.path.rglob("events.out.tfevents*"))
    assert b"val_loss" in written
    assert b"train_loss" in written
