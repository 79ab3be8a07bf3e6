"""What runs in the Python that has llama-cpp-python: a GGUF is asked, and its words come back on stdout; or quantised.

Nobody imports this file. `llama_cpp` hands its text to that Python, which may be another than ours, so it uses the
standard library, numpy and llama_cpp alone. The question is one JSON document on stdin. The answer is a line of JSON
about the whole, then for each conversation a line of JSON followed by its logits as float32, row by row.
https://github.com/abetlen/llama-cpp-python
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import sys
from typing import Any


def main() -> None:
    """Read what is asked, open the model, answer."""
    asked = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # llama.cpp writes about itself where it likes
    library: Any = importlib.import_module("llama_cpp")
    if "quantise" in asked:
        _quantise(library, asked)
        _tell(out, {})
        out.flush()
        return

    class Heard(library.Llama):
        """A model that keeps the ids it was asked with and those it said."""

        asked_with: list[int]
        said: list[int]

        def generate(self, tokens: Any, *arguments: Any, **named: Any) -> Any:
            self.asked_with, self.said = [int(t) for t in tokens], []
            for token in super().generate(tokens, *arguments, **named):
                self.said.append(int(token))
                yield token

    threads = asked["threads"]
    model = Heard(
        asked["model"], n_ctx=asked["context"], n_threads=threads, n_threads_batch=threads, n_gpu_layers=0,
        verbose=False,
    )  # fmt: skip
    said: dict[str, Any] = {"version": library.__version__, "vocabulary": model.n_vocab()}
    said["texts"] = [_ids(model, text, False) for text in asked["texts"]]
    said["begun"] = _ids(model, asked["begun"], True)
    vocabulary = library.llama_model_get_vocab(model.model)
    said["ends"] = [bool(library.llama_vocab_is_eog(vocabulary, i)) for i in asked["stop_ids"]]
    _tell(out, said)
    for talk in asked["talks"]:
        answer = _answer(model, talk)
        rows = _logits(library, model, talk["ids"], asked["places"])
        _tell(out, {**answer, "places": len(rows)})
        for row in rows:
            out.write(row)
    out.flush()


def _quantise(library: Any, asked: dict[str, Any]) -> None:
    """Make a smaller file: what llama-quantize does, which is a program around this one function."""
    library.llama_backend_init()
    how = library.llama_model_quantize_default_params()
    how.ftype = getattr(library, f"LLAMA_FTYPE_MOSTLY_{asked['quantise'].upper()}")
    how.nthread = asked["threads"]
    if library.llama_model_quantize(asked["model"].encode(), asked["target"].encode(), ctypes.byref(how)):
        raise RuntimeError("llama_model_quantize failed")


def _tell(out: Any, value: Any) -> None:
    out.write(json.dumps(value).encode() + b"\n")


def _ids(model: Any, text: str, begin: bool) -> list[int]:
    """Ids of a text as llama.cpp's server makes them: control tokens in it are read as such."""
    return [int(t) for t in model.tokenize(text.encode("utf-8"), add_bos=begin, special=True)]


def _answer(model: Any, talk: dict[str, Any]) -> dict[str, Any]:
    """A conversation's next turn, greedily, by the file's own template and stop tokens."""
    model.reset()
    tools = {"tools": talk["tools"]} if talk["tools"] else {}
    made = model.create_chat_completion(
        talk["messages"], temperature=0.0, max_tokens=talk["most"], repeat_penalty=1.0, **tools
    )
    choice = made["choices"][0]
    return {
        "prompt": model.asked_with,
        "answer": model.said[: talk["most"]],
        "said": model.said,  # llama-cpp-python goes on to the end of a character
        "text": choice["message"]["content"] or "",
        "finish": choice["finish_reason"],
    }


def _logits(library: Any, model: Any, ids: list[int], places: int) -> list[bytes]:
    """Logits at the last places before the last id, each row as bytes."""
    import numpy as np

    model.reset()
    library.llama_memory_clear(library.llama_get_memory(model.ctx), True)
    ids, size, rows = ids[:-1], model.n_batch, []
    wanted = len(ids) - min(places, len(ids))
    batch = library.llama_batch_init(size, 0, 1)
    for start in range(0, len(ids), size):
        part = ids[start : start + size]
        batch.n_tokens = len(part)
        for k, token in enumerate(part):
            batch.token[k], batch.pos[k], batch.n_seq_id[k], batch.seq_id[k][0] = token, start + k, 1, 0
            batch.logits[k] = start + k >= wanted
        if library.llama_decode(model.ctx, batch):
            raise RuntimeError("llama_decode failed")
        for k in range(len(part)):
            if start + k >= wanted:
                found = library.llama_get_logits_ith(model.ctx, k)
                pointer = ctypes.cast(found, ctypes.POINTER(ctypes.c_float))
                rows.append(np.ctypeslib.as_array(pointer, shape=(model.n_vocab(),)).astype("<f4").tobytes())
    library.llama_batch_free(batch)
    return rows


if __name__ == "__main__":
    main()
