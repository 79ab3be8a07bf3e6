"""The main job from a recipe to a report, in phases that can each be resumed.

    data     read, split, tokenise, mask           ledger.json  splits/
    load     the pretrained model
    before   test questions answered by it         responses/base.jsonl
    train    fine-tune, follow both losses         metrics.jsonl  samples.jsonl  checkpoints/
    save     the best model, adapter merged        model/  adapter/
    after    the same questions again              responses/tuned.jsonl
    report   what changed                          report.html  report.json  report.md

The manifest is written first and bears the whole recipe, so a run that was killed at any moment goes on with
`resume_run`: a phase whose files are complete is not done again.
"""

from __future__ import annotations

import datetime
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from heedful.backends.base import GenerationSettings
from heedful.backends.transformers import TransformersBackend
from heedful.chat import Chat
from heedful.errors import HeedfulError, Interrupted, RequestError, RunError, TrainingError
from heedful.models.adapters import add_lora, check_targets, is_adapted, load_trainable_state, merge
from heedful.models.checkpoints import read_checkpoint
from heedful.models.loading import LoadedModel, load_model, load_tokenizer
from heedful.models.machine import choose_device, choose_precision, describe_machine
from heedful.models.save import save_adapter, save_model
from heedful.records import Example, to_json
from heedful.responses import read_responses, respond, respond_to_file
from heedful.store import MANIFEST_SCHEMA, RunFolder, append_jsonl, hold_run, read_json, read_metrics, write_text
from heedful.train import provenance
from heedful.train.heartbeat import watch_processes
from heedful.train.limits import check_lengths, memory_errors
from heedful.train.longer import make_longer
from heedful.train.loop import fit, measure_loss
from heedful.train.prepare import PreparedData, prepare_data, read_parts, reload_data, save_data
from heedful.train.processes import is_sharded, process_index, wait_for_everyone
from heedful.train.progress import Progress
from heedful.train.recipe import Recipe, make_recipe, recipe_yaml
from heedful.train.signals import SigtermInterrupts
from heedful.train.training import Training, need_trackers, prepare_training
from heedful.train.verdict import judge_curves
from heedful.view import Silent, Timed, View

PHASES = ("data", "load", "before", "train", "save", "after", "report")


@dataclass
class _Work:
    """What the phases hand on to one another."""

    run: RunFolder
    recipe: Recipe
    view: View
    device: torch.device
    precision: str
    chat: Chat
    data: PreparedData

    @property
    def questions(self) -> list[Example]:
        """The test rows that are answered before and after."""
        return self.data.examples["test"][: self.recipe.test_questions]

    @property
    def settings(self) -> GenerationSettings:
        """Greedy: nothing is drawn, so a run's seed is no difference between its answers and another's."""
        return GenerationSettings(max_new_tokens=self.recipe.max_new_tokens, batch_size=self.recipe.response_batch_size)


def start_run(
    recipe: Recipe,
    folder: str | Path,
    view: View | None = None,
    command: str = "",
    again_of: Mapping[str, Any] | None = None,
) -> RunFolder:
    """Do the whole of a recipe into a new folder.

    >>> run = start_run(read_recipe("recipe.yaml"), "out")      # doctest: +SKIP
    >>> run.report("html")                                      # doctest: +SKIP
    PosixPath('out/report.html')

    `again_of` is what `train.provenance.earlier_run` found of a run that this one repeats.
    Raises RunError if the folder is there and not empty, and what the phases raise.
    """
    run = RunFolder(folder)
    if process_index() > 0:
        return _assist(run)
    run.check_new()
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    run.update_manifest(
        schema=MANIFEST_SCHEMA,
        name=run.path.resolve().name,
        heedful=provenance.package_version("heedful"),
        created=now,
        command=command,
        seed=recipe.seed,
        recipe=recipe.to_json(),
        timings={},
        outcome={"status": "running"},
        **({"again_of": again_of} if again_of else {}),
    )
    try:
        return _do(run, recipe, view or Silent())
    except RequestError:
        if not run.metrics.is_file():  # the request was wrong, which no --resume mends: leave no half-made run behind
            shutil.rmtree(run.path, ignore_errors=True)
        raise


def resume_run(folder: str | Path, view: View | None = None) -> RunFolder:
    """Go on with a run that was interrupted or killed, from its own recipe and data."""
    run = RunFolder(folder)
    if process_index() > 0:
        return _assist(run)
    manifest = run.read_manifest()
    kept = manifest.get("recipe")
    if not isinstance(kept, dict) or not kept.get("model"):
        raise RunError(f"{run.manifest}: bears no recipe, so the run cannot be gone on with; start a new one")
    recipe = make_recipe(kept, dict.fromkeys(kept, str(run.manifest)))
    return _do(run, recipe, view or Silent())


def continue_run(folder: str | Path, more: Mapping[str, Any], view: View | None = None) -> RunFolder:
    """`resume_run` after a run was given more ``epochs`` or ``max_steps``, finished or not; see `train.longer`."""
    if process_index() == 0:
        make_longer(RunFolder(folder), more, (view or Silent()).say)
    return resume_run(folder, view)


def _do(run: RunFolder, recipe: Recipe, view: View) -> RunFolder:
    with hold_run(run), SigtermInterrupts():
        return _do_alone(run, recipe, view)


def _do_alone(run: RunFolder, recipe: Recipe, view: View) -> RunFolder:
    try:
        if not run.recipe.is_file():
            write_text(run.recipe, recipe_yaml(recipe))
        run.update_manifest(outcome={"status": "running", "reason": None})
        with memory_errors():
            _phases(run, recipe, view)
    except (KeyboardInterrupt, Interrupted) as e:
        _note_end(run, "interrupted", "the user stopped it")
        if isinstance(e, Interrupted):
            raise
        raise Interrupted(f"stopped; nothing is lost: go on with `heedful train --resume --out {run.path}`") from None
    except HeedfulError as e:
        _note_end(run, "failed", str(e))
        raise
    return run


def _assist(run: RunFolder) -> RunFolder:
    """What every process but the first does: wait until the data are prepared, join the training, write nothing."""
    wait_for_everyone()
    if is_saved(run):
        return run
    manifest = run.read_manifest()
    recipe, precision = make_recipe(manifest["recipe"]), manifest["machine"]["precision"]
    device = choose_device(recipe.device)
    loaded = load_model(recipe.model, _dtype(recipe, precision), device, recipe.attention, recipe.trust_remote_code)
    loaded.tokenizer.chat_template = manifest["template"]["text"]
    chat = Chat.bind("model", loaded.tokenizer)
    work = _Work(run, recipe, Silent(), device, precision, chat, reload_data(run, recipe, chat))
    _train(work, _training(work, loaded))
    return run


def _note_end(run: RunFolder, status: str, reason: str) -> None:
    """Write down how a run ended; on a full disk the message that is on its way matters more."""
    try:
        run.update_manifest(outcome={"status": status, "reason": reason})
    except HeedfulError:
        return


def _phases(run: RunFolder, recipe: Recipe, view: View) -> None:
    work, loaded = _data_and_model(run, recipe, view)
    if loaded is None:  # an earlier attempt has saved the model
        wait_for_everyone()
        loaded = None if _after_is_done(work) else _saved_model(work)
    else:
        _answer(work, loaded.model, "base", f"Answering {len(work.questions)} test questions before training")
        wait_for_everyone()
        loaded = _train_and_save(work, loaded)
    if loaded is not None:
        _answer(work, loaded.model, "tuned", f"Answering the same {len(work.questions)} questions after training")
    with Timed(work.run, view, "report", "Writing the report"):
        from heedful.report import write_report

        outcome = run.read_manifest()["outcome"]
        status = "stopped early" if outcome.get("ended") == "stopped early" else "finished"
        run.update_manifest(outcome={"status": status})
        write_report(run)


def _after_is_done(work: _Work) -> bool:
    answered = {r.example_id for r in read_responses(work.run.responses("tuned")) if r.finish_reason != "error"}
    return all(q.id in answered for q in work.questions)


def is_saved(run: RunFolder) -> bool:
    """Whether a run's best model is on the disk already."""
    return (run.model / "config.json").is_file()


def _saved_model(work: _Work) -> LoadedModel:
    recipe = work.recipe
    dtype = _dtype(recipe, work.precision)
    return load_model(f"run:{work.run.path}", dtype, work.device, recipe.attention, recipe.trust_remote_code)


def _dtype(recipe: Recipe, precision: str) -> torch.dtype:
    # Full fine-tuning keeps float32 weights: plain bf16 weights would lose small updates.
    return torch.bfloat16 if precision == "bf16" and recipe.tuning == "lora" else torch.float32


def _data_and_model(run: RunFolder, recipe: Recipe, view: View) -> tuple[_Work, LoadedModel | None]:
    """The data first, since its faults are found in seconds, then the model's weights."""
    need_trackers(recipe)
    device = choose_device(recipe.device)
    with Timed(run, view, "data", "Reading and checking the data"):
        parts = None if run.ledger.is_file() else read_parts(recipe)  # first: a packaged model takes a while to convert
        chat = Chat.bind(recipe.template, load_tokenizer(recipe.model, recipe.trust_remote_code, view.say))
        if parts is None:
            data, ledger = reload_data(run, recipe, chat), read_json(run.ledger)
        else:
            data = prepare_data(recipe, chat, parts)
            save_data(data, run)
            ledger = data.ledger or {}
        view.ledger(ledger)
    # What was measured when the run began holds for all of it: a resumed run must be the same run.
    machine = run.read_manifest().get("machine") or {}
    precision = machine.get("precision") or choose_precision(recipe.precision, device)
    work = _Work(run, recipe, view, device, precision, chat, data)
    _describe(work, ledger)
    if is_saved(run):
        return work, None
    with Timed(run, view, "load", f"Loading {recipe.model}"):
        dtype = _dtype(recipe, precision)
        loaded = load_model(recipe.model, dtype, device, recipe.attention, recipe.trust_remote_code, view.say)
        began_with = (run.read_manifest().get("model") or {}).get("sha256")
        if began_with not in (None, loaded.sha256):
            raise RunError(
                f"{recipe.model}: its weights are not those that the run began with; put them back, or start a new run"
            )
        check_lengths(loaded.model, data.tokens)
        check_targets(loaded.model, recipe.lora_targets if recipe.tuning == "lora" else "all-linear")
        run.update_manifest(model=loaded.describe())
        provenance.tell_differences(run, view.say)
    return work, loaded


def _describe(work: _Work, ledger: dict[str, Any]) -> None:
    chat, data = work.chat, work.data
    work.run.update_manifest(
        data={
            "files": ledger.get("files", []),
            "splits": {
                part: {"rows": len(rows), "sha256": provenance.rows_hash(rows)} for part, rows in data.examples.items()
            },
        },
        template={"name": chat.name, "sha256": chat.sha256, "stop_token": chat.stop_token, "text": chat.text},
        versions=provenance.versions(),
        machine=describe_machine(work.device, work.precision),
    )


def _answer(work: _Work, model: Any, which: str, title: str) -> None:
    if not work.questions:
        return
    with Timed(work.run, work.view, "before" if which == "base" else "after", title):
        # The name that the run began with: its folder may have been moved since.
        own = work.run.read_manifest().get("name") or work.run.path.resolve().name
        name = work.recipe.model if which == "base" else f"run:{own}"
        backend = TransformersBackend(name, model, work.chat, work.view.say)
        respond_to_file(work.run.responses(which), backend, work.questions, work.settings, progress=work.view.advance)


def _train_and_save(work: _Work, loaded: LoadedModel) -> LoadedModel:
    run = work.run
    training = _training(work, loaded)
    count = sum(p.numel() for p in loaded.model.parameters() if p.requires_grad)
    own = {"precision": work.precision, "device": str(work.device), "template": work.chat.name}
    run.update_manifest(
        model={"trainable_parameters": count},
        resolved=provenance.resolved(work.recipe, eval_every=training.eval_every, **own),
    )
    with Timed(run, work.view, "train", f"Training {count:,} parameters ({work.recipe.tuning}, {work.precision})"):
        progress = _train(work, training)
        _note_outcome(work, training, progress.finished or "")
    with Timed(run, work.view, "save", "Saving the best model"):
        model = _whole_model(work, training)
        if is_adapted(model):
            save_adapter(model, run.adapter)
            model = merge(model)
        save_model(model, loaded.tokenizer, work.chat, run.model)
        provenance.tell_weights(run, work.view.say)
    return LoadedModel(str(run.path), model, loaded.tokenizer, str(run.model), "")


def _whole_model(work: _Work, training: Training) -> Any:
    """The trained model; where it is spread over processes, the base loaded anew with the best weights put in."""
    if not is_sharded(training.accelerator):
        return training.model
    recipe, best = work.recipe, training.progress.best
    assert best is not None  # there is an evaluation at step 0
    model = load_model(
        recipe.model, _dtype(recipe, work.precision), "cpu", recipe.attention, recipe.trust_remote_code
    ).model
    if recipe.tuning == "lora":
        model = add_lora(model, recipe.lora_rank, recipe.lora_alpha, recipe.lora_dropout, recipe.lora_targets)
    load_trainable_state(model, read_checkpoint(work.run.checkpoints / f"best-{best.step:06d}").weights)
    return model


def _training(work: _Work, loaded: LoadedModel) -> Training:
    recipe, model = work.recipe, loaded.model
    torch.manual_seed(recipe.seed)
    if recipe.tuning == "lora":
        model = add_lora(model, recipe.lora_rank, recipe.lora_alpha, recipe.lora_dropout, recipe.lora_targets)
    return prepare_training(
        model, work.data.tokens["train"], work.data.tokens["val"], recipe, work.run,
        precision=work.precision, device=work.device, pad_id=loaded.tokenizer.pad_token_id,
        watcher=work.view, take_samples=_sampler(work, model),
    )  # fmt: skip


def _train(work: _Work, training: Training) -> Progress:
    """The part of the work that all processes do together."""
    with watch_processes(work.run.path):
        _test_loss(work, training, "test_loss_before")
        progress = fit(training, resume=True)
        _test_loss(work, training, "test_loss_after")
    return progress


def _sampler(work: _Work, model: Any) -> Callable[[int, int], None]:
    """A function that answers the same few validation questions and appends them to samples.jsonl."""
    examples = work.data.examples["val"][: work.recipe.samples]
    settings = GenerationSettings(max_new_tokens=work.recipe.sample_tokens)
    backend = TransformersBackend("sample", model, work.chat)

    def take(attempt: int, step: int) -> None:
        lines = [
            {"attempt": attempt, "step": step, "example_id": r.example_id, "messages": [to_json(m) for m in r.messages],
             "reference": r.reference, "text": r.text, "finish_reason": r.finish_reason, "tokens": r.tokens}
            for r in respond(backend, examples, settings)
        ]  # fmt: skip
        append_jsonl(work.run.samples, *lines)

    return take if examples else lambda attempt, step: None


def _test_loss(work: _Work, training: Training, key: str) -> None:
    known = work.run.read_manifest()["outcome"].get(key)
    rows = work.data.tokens["test"]
    if rows and (known is None or key.endswith("after")):
        loss = measure_loss(training, rows, training.progress.step).loss
        if not math.isfinite(loss):
            raise TrainingError(
                "the loss on the test rows is not a number; the model is broken or precision is too low: "
                "use precision: fp32"
            )
        if process_index() == 0:
            work.run.update_manifest(outcome={key: loss})


def _note_outcome(work: _Work, training: Training, ended: str) -> None:
    progress = training.progress
    best = progress.best
    assert best is not None  # there is an evaluation at step 0
    losses = [
        (int(line["step"]), float(line["train_loss"]))
        for line in read_metrics(work.run.metrics)
        if line.get("train_loss") is not None
    ]
    verdict = judge_curves(progress.evaluations, losses)
    work.run.update_manifest(
        outcome={
            "ended": ended, "steps": progress.step, "epochs": round(progress.step / training.steps_per_epoch, 3),
            "examples": progress.examples, "tokens": progress.tokens, "trained_tokens": progress.trained_tokens,
            "tokens_per_s": round(progress.tokens / max(progress.seconds, 1e-9), 1),
            "best_step": best.step, "best_val_loss": best.loss,
            "first_val_loss": progress.evaluations[0].loss, "last_val_loss": progress.evaluations[-1].loss,
            "head_at_trained_positions": bool(training.accelerator.unwrap_model(training.objective).head_apart),
            "verdict": verdict.to_json(),
        }
    )  # fmt: skip
