"""Record what the reference of IFEval says of our own responses (ifeval_inputs.py) in ifeval.json.

    python tests/oracles/ifeval_record.py

The reference is Google's code (google-research/instruction_following_eval) as lm-eval 0.4 brings it, with nltk 3.9.1,
which made the published verdicts, and langdetect; nltk's English tables come from llama-index-core. They are installed
under /tmp/oracles/ifeval in an environment of their own. lm-eval leaves out arguments that are 0; here they are given,
as in Google's own loop. Its verdicts on languages are random: for those the number of yeses in 11 tries is kept.
"""

from __future__ import annotations

import importlib
import json
import logging
import random
import subprocess
import sys
import sysconfig
import types
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RECORD = HERE / "ifeval.json"
PLACE = Path("/tmp/oracles/ifeval")
WITH_DEPENDENCIES = ["nltk==3.9.1", "langdetect==1.0.9", "immutabledict", "packaging"]
ALONE = ["lm-eval==0.4.13", "llama-index-core==0.14.25"]
TRIES = 11


def main() -> None:
    """Install the reference, then run this file again inside its environment."""
    python = PLACE / "venv" / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", PLACE / "venv"], check=True)
    pip = [python, "-m", "pip", "install", "-q"]
    subprocess.run([*pip, *WITH_DEPENDENCIES], check=True)
    subprocess.run([*pip, "--no-deps", *ALONE], check=True)
    subprocess.run([python, __file__, "--inside"], check=True)


def inside() -> None:
    """What runs beside the reference."""
    sys.path.insert(0, str(HERE))
    from ifeval_inputs import BATTERY, LANGUAGES, SPOKEN, responses

    logging.disable(logging.CRITICAL)
    reference = _reference()
    util = sys.modules["lm_eval.tasks.ifeval.instructions_util"]
    rows = []
    for text in responses():
        words = util.nltk.word_tokenize(text)
        rows.append(
            {
                "response": text,
                "sentences": util._get_sentence_tokenizer().tokenize(text),
                "capitals": sum(w.isupper() for w in words),
                "strict": _bits(reference(BATTERY, text, "strict")),
                "loose": _bits(reference(BATTERY, text, "loose")),
            }
        )
    random.seed(25)
    spoken = []
    for text in SPOKEN:
        ways = ("strict", "loose") if {"\n", "*"} & set(text) else ("strict",)  # loose asks of equal texts again
        yes = {way: [reference(LANGUAGES, text, way) for _ in range(TRIES)] for way in ways}
        spoken.append(
            {"response": text, **{way: [sum(v) for v in zip(*tries, strict=True)] for way, tries in yes.items()}}
        )
    record = {
        "versions": {p: version(p) for p in ("lm_eval", "nltk", "langdetect", "llama-index-core")},
        "battery": BATTERY,
        "languages": LANGUAGES,
        "tries": TRIES,
        "rows": rows,
        "spoken": spoken,
    }
    RECORD.write_text(json.dumps(record, indent=0) + "\n", encoding="utf-8")  # ASCII: nothing can change white space


def _bits(verdicts: list[bool]) -> str:
    return "".join("1" if v else "0" for v in verdicts)


def _reference() -> Any:
    """Google's verdicts of a response, by a list of instructions, without importing the rest of lm-eval."""
    site = Path(sysconfig.get_path("purelib"))
    import nltk  # pyright: ignore[reportMissingImports]

    nltk.data.path.insert(0, str(site / "llama_index" / "core" / "_static" / "nltk_cache"))
    for name in ("lm_eval", "lm_eval.tasks", "lm_eval.tasks.ifeval"):
        package = types.ModuleType(name)
        package.__path__ = [str(site / name.replace(".", "/"))]
        sys.modules[name] = package
    utils = importlib.import_module("lm_eval.tasks.ifeval.utils")

    class AsGiven(dict[str, Any]):
        """Arguments that keep their zeros in lm-eval's loop, which asks for items that are true."""

        def items(self) -> Any:
            return [(k, _Kept(v) if v == 0 else v) for k, v in super().items()]

    class _Kept(int):
        def __bool__(self) -> bool:
            return True

    def verdicts(instructions: list[tuple[str, dict[str, Any]]], text: str, way: str) -> list[bool]:
        example = utils.InputExample(0, [k for k, _ in instructions], "", [AsGiven(a) for _, a in instructions])
        return getattr(utils, f"test_instruction_following_{way}")(example, text).follow_instruction_list

    return verdicts


if __name__ == "__main__":
    inside() if "--inside" in sys.argv else main()
