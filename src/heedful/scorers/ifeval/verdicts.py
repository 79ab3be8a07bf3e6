"""Whether a response follows its instructions, strict and loose.

Strict: the response as it stands. Loose: any of eight versions of it, since a model may put a line before or after what
was asked, or set it in Markdown: with and without its first line, its last line and all its stars. An empty version
follows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from heedful.errors import DataError
from heedful.scorers.ifeval.arguments import CannotVerify
from heedful.scorers.ifeval.kinds import Share, make_test


@dataclass(frozen=True)
class Instruction:
    """One instruction: the id of its kind and its arguments by name."""

    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """Whether a response follows one instruction.

    `strict` and `loose` are None where nobody can say, and `reason` says why. `unsteady` names those of the two that
    the reference gives now this way, now that (its guess of a language is random); here they are what it most often
    gives.
    """

    kind: str
    strict: bool | None
    loose: bool | None
    reason: str | None = None
    unsteady: tuple[str, ...] = ()


def check(instructions: Iterable[Instruction | tuple[str, Mapping[str, Any]]], response: str) -> tuple[Verdict, ...]:
    """The verdict of a response on each of its instructions, in their order.

    An instruction is an Instruction or a pair of a kind's id and its arguments. One that cannot be verified (an unknown
    kind, an argument that is missing or makes no sense) has verdicts of None and a reason.

    >>> check([("detectable_format:titel", {})], "<<Spring>>")[0].reason
    "there is no kind 'detectable_format:titel' (did you mean 'detectable_format:title'?)"
    """
    versions = list(_versions(response))
    given = (i if isinstance(i, Instruction) else Instruction(*i) for i in instructions)
    return tuple(_verdict(i, response, versions) for i in given)


def instructions_of(row: Mapping[str, Any], where: str = "") -> tuple[Instruction, ...]:
    """The instructions of a row of the benchmark's file: its `instruction_id_list` and `kwargs`.

    DataError, beginning with `where` (``input_data.jsonl:3``), where they are not two lists of one length.
    """
    kinds, arguments = row.get("instruction_id_list"), row.get("kwargs")
    if not isinstance(kinds, list | tuple) or not all(isinstance(k, str) for k in kinds):
        raise DataError(f"{where}: instruction_id_list must be a list of the ids of kinds")
    if not isinstance(arguments, list | tuple) or not all(isinstance(a, Mapping) for a in arguments):
        raise DataError(f"{where}: kwargs must be a list of objects, one for each instruction")
    if len(kinds) != len(arguments):
        raise DataError(f"{where}: {len(kinds)} instructions but {len(arguments)} kwargs; give one for each")
    return tuple(Instruction(k, a) for k, a in zip(kinds, arguments, strict=True))


def _verdict(instruction: Instruction, response: str, versions: list[str]) -> Verdict:
    try:
        test = make_test(instruction.kind, instruction.arguments)
        strict = _chance(test, [response])
        loose = 1.0 if strict == 1 else _chance(test, versions)
    except CannotVerify as e:
        return Verdict(instruction.kind, None, None, str(e))
    unsteady = tuple(name for name, p in (("strict", strict), ("loose", loose)) if 0 < p < 1)
    return Verdict(instruction.kind, strict > 0.5, loose > 0.5, None, unsteady)


def _chance(test: Share, versions: list[str]) -> float:
    """How likely the reference finds that one of the versions passes: it asks of each anew, equal ones too."""
    none, shares = 1.0, {}
    for version in versions:
        if version.strip():
            if version not in shares:
                shares[version] = test(version)
            none *= 1 - shares[version]
        if none == 0:
            break
    return 1 - none


def _versions(response: str) -> Iterator[str]:
    lines = response.split("\n")
    for version in (
        response,
        "\n".join(lines[1:]).strip(),
        "\n".join(lines[:-1]).strip(),
        "\n".join(lines[1:-1]).strip(),
    ):
        yield version
        yield version.replace("*", "")
