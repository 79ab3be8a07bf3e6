"""What TRL does with broken files, and what Heedful says of them: a table, one row a defect.

    .venv/bin/python benchmarks/trl_broken.py [--trl-record tests/oracles/trl_broken.json] [--json FILE] [--only NAMES]
    .venv/bin/python benchmarks/trl_broken.py --trl-python TRLENV/bin/python --save-record tests/oracles/trl_broken.json

Both sides get the same files (`trl_broken_files.py`), the same tiny model with random weights, the same tokenizer and
chat template. TRL runs in an interpreter of its own (an environment with trl, transformers and datasets); its facts
are kept as a record, so that the table can be made again without it. "answers" means `assistant_only_loss=True`, which
trains what Heedful trains, "converted" the same after TRL's `maybe_convert_to_chatml`, "defaults" no setting at all
(and for the configuration, "config" is `SFTConfig(...)` and "command" is `trl sft --config FILE`). TRL reads the file
as its documentation has it, with `load_dataset`. Heedful runs `data check` on the file, and `train --plan` with the
file as the training part.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from trl_broken_files import DEFECTS, FACTS, SETTINGS, TEMPLATES, Defect, write

RECORD = Path(__file__).parents[1] / "tests" / "oracles" / "trl_broken.json"
SPECIALS = ["<|im_end|>", "<|im_start|>", "<|pad|>", "<|bos|>"]


def make_models(folder: Path) -> None:
    """A tiny random Llama with a byte-level tokenizer, in a folder for each template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

    made: Any = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer: Any = trainers.BpeTrainer
    made.train_from_iterator(
        [f"{q} {a}" for q, a in FACTS],
        trainer(vocab_size=400, special_tokens=SPECIALS, initial_alphabet=alphabet, show_progress=False),
    )
    size: Any = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(0)
    ids: Any = {"bos_token_id": 3, "eos_token_id": 0, "pad_token_id": 2}
    model = AutoModelForCausalLM.from_config(LlamaConfig(vocab_size=made.get_vocab_size(), **size, **ids))
    text = made.to_str()
    for name, template in TEMPLATES.items():
        tokenizer: Any = Tokenizer.from_str(text)
        names = {"eos_token": "<|im_end|>", "pad_token": "<|im_end|>" if name == "pad-is-eos" else "<|pad|>"}
        if name == "bos":
            names["bos_token"] = "<|bos|>"
            tokenizer.post_processor = processors.TemplateProcessing(
                single="<|bos|> $A", special_tokens=[("<|bos|>", made.token_to_id("<|bos|>"))]
            )
        wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)
        wrapped.chat_template = template
        wrapped.save_pretrained(folder / name)
        model.save_pretrained(folder / name)


# TRL


def run_trl(python: str, files: Path, models: Path, defects: Iterable[Defect]) -> dict[str, Any]:
    """The facts of `trl_broken_peer.py`, run by an interpreter that has TRL."""
    jobs = []
    for d in defects:
        parts = {"train": str(files / d.name / d.train)}
        if "test.jsonl" in d.files:
            parts["test"] = str(files / d.name / "test.jsonl")
        common = {"name": d.name, "files": parts, "model": str(models / d.template), "max_length": d.max_length}
        common |= {"marks": dict(d.marks), "recipe": str(files / d.name / "recipe.yaml")}
        jobs += [common | {"settings": s, "options": SETTINGS.get(s, {})} for s in d.settings]
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "jobs.json", Path(folder) / "result.json"
        given.write_text(json.dumps(jobs))
        peer = Path(__file__).with_name("trl_broken_peer.py")
        subprocess.run([python, str(peer), str(given), str(made)], check=True, cwd=folder, stdout=subprocess.DEVNULL)
        return json.loads(made.read_text().replace(str(files) + "/", "").replace(str(models) + "/", ""))


def tell_trl(defect: Defect, facts: dict[str, Any], usual: set[str]) -> str:
    """One sentence on a case; warnings that the sound file brings too (`usual`) are left out."""
    warned = "; ".join(short(w.rpartition("[RANK 0] ")[2]) for w in facts["warnings"] if w not in usual)
    if error := facts.get("error"):
        out = defect.rows - facts["reach"] if "reach" in facts else 0
        lost = f"leaves {out} of {defect.rows} rows out, then " if out else ""
        cause = f" ({short(error['cause'])})" if "cause" in error else ""
        return f"{lost}**stops** ({facts['phase']}): {error['type']}: {short(error['message'])}{cause}"
    if "reach" not in facts:
        return f"**goes on**, learning rate {facts['learning_rate']:g}; warns: {warned or 'nothing'}"
    faults = _faults(defect, facts)
    if defect.harmless and not faults and not warned:
        return f"**right**: {_figures(facts)}"
    return f"**trains** {'; '.join([_figures(facts), *faults])}; " + (f"warns: {warned}" if warned else "says nothing")


def _figures(facts: dict[str, Any]) -> str:
    return f"{facts['reach']} rows, {facts['trained_tokens']} of {facts['tokens']} tokens"


def _faults(defect: Defect, facts: dict[str, Any]) -> list[str]:
    lost = defect.rows - facts["reach"]
    unstopped = facts["reach"] - facts["rows_with_trained_stop"]
    faults = {
        f"{lost} of {defect.rows} rows left out": lost,
        f"{unstopped} rows train no stop token": unstopped,
        f"{facts['rows_wholly_masked']} rows have no trained token": facts["rows_wholly_masked"],
        f"{facts['most_bos']} BOS in a row": facts["most_bos"] > 1,
        f"loss {facts['loss']}": isinstance(facts["loss"], str),
    }
    for name, mark in facts["marks"].items():
        rows = f"{mark['rows']} row{'s' * (mark['rows'] > 1)}"
        faults[f"{name} in {rows}{', trained' if mark['trained'] else ''}"] = mark["rows"]
    return [fault for fault, holds in faults.items() if holds]


def short(text: str, most: int = 170) -> str:
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= most else text[: most - 1] + "…"


# Heedful


def heedful(*arguments: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a `heedful` command, run in this process."""
    from heedful.cli.main import main

    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["heedful", *arguments]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
        status = 0
    except SystemExit as e:
        status = int(e.code or 0)
    finally:
        sys.argv = before
    return status, out.getvalue(), err.getvalue()


def run_heedful(defect: Defect, files: Path, models: Path) -> dict[str, Any]:
    """What `data check` and `train --plan` say of a file: exit status, sentence, and what stands in the ledgers."""
    train = files / defect.name / defect.train
    test = files / (f"{defect.name}/test.jsonl" if "test.jsonl" in defect.files else "test.jsonl")
    recipe = [str(files / defect.name / "recipe.yaml")] if "recipe.yaml" in defect.files else []
    split = f"train={train},val={files / 'val.jsonl'},test={test}"
    plan = [*recipe, "--plan", "--json", "--model", str(models / defect.template), "--template", "model"]
    plan += ["--epochs", "1"]  # so that the plan's tokens are those of the file
    plan += ["--split", split, "--set", f"max_length={defect.max_length}"]
    out = {}
    for name, arguments in (("check", ["data", "check", str(train), "--json"]), ("plan", ["train", *plan])):
        status, document, said = heedful(*arguments)
        ledger = json.loads(document) if document.strip() else {}
        figures = {k: ledger[k] for k in ("trained_tokens", "tokens", "stop_token") if k in ledger}
        evidence = from_ledger(ledger.get("ledger", ledger), str(files / defect.name) + "/")
        if status:
            sentence = said.strip().splitlines()
            line = next((s for s in sentence if s.startswith("heedful:")), sentence[-1] if sentence else "")
            evidence.append(["error", line.removeprefix("heedful: error: ").replace(str(files) + "/", "")])
        out[name] = {"status": status, "evidence": evidence, **figures}
    return out


def from_ledger(ledger: dict[str, Any], folder: str) -> list[list[str]]:
    """What a ledger says, as pairs of a kind and a sentence; `folder` is left out of the names of files."""
    if not ledger:
        return []
    out = [["drop", f"{r['count']} {r['reason']}: {r['sentence']}{places(r)}"] for r in ledger["reasons"]]
    out += [["finding", f"{f['count']} {f['finding']}: {f['sentence']}{places(f)}"] for f in ledger["findings"]]
    out += [["overlap", f"{o['count']} {o.get('kind', 'question')}{places(o)}"] for o in ledger["overlaps"]]
    near = ledger.get("near_duplicates") or {}
    out += [["finding", f"{near['count']} near duplicates{places(near)}"]] if near.get("count") else []
    out += [["warning", w.replace(folder, "")] for w in ledger["warnings"]]
    kept = ledger["parts"].get("train", {}).get("rows", ledger["kept"] + ledger["truncated"])
    return [*out, ["kept", str(kept)]]


def places(counted: dict[str, Any]) -> str:
    where = counted.get("where") or []
    return f" ({where[0]}{', …' if len(where) > 1 else ''})" if where else ""


def shown(defect: Defect, found: dict[str, Any], clean: dict[str, Any]) -> bool:
    """Whether the evidence that the defect must give is there.

    Rows must be kept by both commands, and where a file `reads` as many tokens be trained as of the sound file.
    """
    wanted, pattern = defect.see
    kind = "kept" if wanted == "reads" else wanted
    said = [
        any(k == kind and re.search(pattern, text) for k, text in found[command]["evidence"])
        for command in ("check", "plan")
    ]
    if wanted == "reads" and found["plan"].get("trained_tokens") != clean["plan"]["trained_tokens"]:
        return False
    return all(said) if kind == "kept" else any(said)


def tell_heedful(defect: Defect, found: dict[str, Any], clean: dict[str, Any]) -> str:
    """What was said, each thing once; what the sound file brings too is left out."""
    usual = {(kind, text) for command in clean.values() for kind, text in command["evidence"]}
    out = [f"exit status {found['check']['status']}, {found['plan']['status']} of check, plan"]
    out = [] if not (found["check"]["status"] or found["plan"]["status"]) else out
    seen = set()
    for command in ("check", "plan"):
        for kind, text in found[command]["evidence"]:
            if kind != "kept" and (kind, text) not in usual and (kind, text) not in seen:
                seen.add((kind, text))
                out.append(f"{kind}: {short(text)}")
    plan = found["plan"]
    if "trained_tokens" in plan:
        kept = next(text for kind, text in plan["evidence"] if kind == "kept")
        out.append(f"{kept} of {defect.rows} rows, {plan['trained_tokens']} of {plan['tokens']} tokens trained")
    return "; ".join(out) + ("" if shown(defect, found, clean) else " **(not shown yet)**")


def table(trl: dict[str, Any], found: dict[str, dict[str, Any]], defects: Iterable[Defect]) -> str:
    clean = found["clean"]
    usual_warnings = {w for facts in trl["cases"]["clean"].values() for w in facts["warnings"]}
    versions = ", ".join(f"{k} {v}" for k, v in trl["versions"].items())
    rows = [f"TRL's side: {versions}.", "", "| Defect | TRL | Heedful |", "| --- | --- | --- |"]
    for d in defects:
        told: dict[str, list[str]] = {}
        for settings, facts in trl["cases"].get(d.name, {}).items():
            told.setdefault(tell_trl(d, facts, usual_warnings), []).append(settings)
        cells = (f"{', '.join(s)}: {t}" for t, s in told.items())
        rows.append(f"| {d.what} | {'<br>'.join(cells)} | {tell_heedful(d, found[d.name], clean)} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trl-python", help="an interpreter that has trl; without it the record is read")
    parser.add_argument("--trl-record", type=Path, default=RECORD)
    parser.add_argument("--save-record", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", help="names of defects, separated by commas")
    args = parser.parse_args()
    if args.save_record and (args.only or not args.trl_python):
        parser.error("--save-record needs --trl-python, and takes all the defects")
    chosen = {"clean", *(args.only or "").split(",")}
    defects = [d for d in DEFECTS if not args.only or d.name in chosen]
    with tempfile.TemporaryDirectory() as folder:
        files, models = Path(folder) / "files", Path(folder) / "models"
        write(files)
        make_models(models)
        if args.trl_python:
            trl = run_trl(args.trl_python, files, models, defects)
        else:
            trl = json.loads(args.trl_record.read_text())
        if args.save_record:
            trl["files"] = {d.name: d.fingerprint for d in defects}
            args.save_record.write_text(json.dumps(trl, ensure_ascii=False, indent=1) + "\n")
        found = {d.name: run_heedful(d, files, models) for d in defects}
    print(table(trl, found, defects))
    if args.json:
        args.json.write_text(json.dumps({"trl": trl, "heedful": found}, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
