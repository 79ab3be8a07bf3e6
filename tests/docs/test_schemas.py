"""The published JSON Schemas describe the records that Heedful writes, and refuse others."""

import json
from pathlib import Path
from typing import Any

import pytest

from heedful.records import Example, Message, Response, Score, to_json
from heedful.scorers import score_responses

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


def faults(schema: dict[str, Any], value: Any, defs: dict[str, Any]) -> list[str]:
    """A small check of our own: types, alternatives, required keys, no keys but the known ones."""
    if "$ref" in schema:
        return faults(defs[schema["$ref"].rpartition("/")[2]], value, defs)
    if "anyOf" in schema:
        return [] if any(not faults(s, value, defs) for s in schema["anyOf"]) else [f"{value!r} fits no alternative"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{value!r} is not in {schema['enum']}"]
    kinds: dict[str, Any] = {"string": str, "integer": int, "null": type(None), "boolean": bool, "object": dict}
    kinds |= {"array": list, "number": (int, float)}
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        return [f"{value!r} is no {schema['type']}"]
    out = []
    if isinstance(value, dict) and "properties" in schema:
        out += [f"{k} is missing" for k in schema.get("required", []) if k not in value]
        out += [f"{k} is unknown" for k in value if k not in schema["properties"]]
        out += [f"{k}: {f}" for k, v in value.items() for f in faults(schema["properties"].get(k, {}), v, defs)]
    if isinstance(value, list):
        out += [f for v in value for f in faults(schema.get("items", {}), v, defs)]
    return out


def published(name: str, record: Any) -> list[str]:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    value = record if isinstance(record, dict) else to_json(record)
    return faults(schema, json.loads(json.dumps(value)), schema.get("$defs", {}))


QUESTION = Message("user", "Translate into Japanese.", context="cat")
RESPONSE = Response("r1", "e1", "pip:x", "s", (QUESTION,), "猫", "ねこ 😀", "stop", 9, 3, 0.25)
FAILED = Response("r2", "e2", "openai:x@http://y", "s", (QUESTION,), None, "", "error", 9, 0, 0.0, error="timed out")


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("message", QUESTION),
        ("message", Message("assistant", "猫", train=False)),
        ("example", Example("e1", (QUESTION, Message("assistant", "猫")), "a.jsonl:3", {"kind": 1})),
        ("response", RESPONSE),
        ("response", FAILED),
        *(("score", s) for s in score_responses([RESPONSE, FAILED])),
        ("score", Score("s", "e1", ("r1", "r2"), "pair", "judge:m", None, "B", "unreadable", {"order": "AB"})),
    ],
)
def test_real_records_fit_the_published_schemas(name, record):
    assert published(name, record) == []


def test_the_schemas_refuse_what_is_no_record():
    assert published("score", {"id": "x"})
    assert published("message", {"role": "robot", "content": "x"})
    assert published("message", {"role": "user", "content": 7})
    assert published("message", {"role": "user", "content": "x", "contents": "y"})
