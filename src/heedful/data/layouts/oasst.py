"""OpenAssistant's trees of conversations (Koepf et al. 2023, https://arxiv.org/abs/2304.07327), nested or flat.

    tree     {"message_tree_id": "a", "prompt": {"text": "Hi", "role": "prompter", "replies": [{...}, {...}]}}
    message  {"message_id": "b", "parent_id": "a", "text": "Hello", "role": "assistant", "rank": 0, ...}

Each way from the root to an answer that no other answer follows is a conversation, the best-ranked first. An answer
that an earlier conversation of the tree trains already is not trained again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from heedful.data.layouts.base import Reading, Readings, RowFault, as_object, missing, own_id, shown, text
from heedful.data.layouts.roles import role_of
from heedful.data.layouts.turns import check_turns
from heedful.data.sources import Row
from heedful.errors import DataError
from heedful.records import Message

SPAM = 0.5  # from here on the people who labelled a message hold it for spam
_KEPT = ("message_tree_id", "lang", "tree_state")


def is_message(value: Mapping[str, Any]) -> bool:
    return "message_id" in value and "parent_id" in value and "text" in value and "role" in value


def is_tree(value: Mapping[str, Any]) -> bool:
    root = value.get("prompt")
    return isinstance(root, Mapping) and "text" in root and "replies" in root


def fits_oasst(value: Mapping[str, Any]) -> bool:
    return is_tree(value) or is_message(value)


def gather(rows: Iterator[Row]) -> Iterator[Row]:
    """The trees of a file of messages, each in the place of its root; rows that are trees go through as they are.

    A message's replies may stand anywhere in the file, so its messages are held in memory until it ends. Those whose
    beginning is not in the file, and rows that are no messages, come last and as they are: reading them tells why they
    cannot be used. Raises DataError where a message stands twice.
    """
    nodes: dict[str, Row] = {}
    others: list[Row] = []
    for row in rows:
        name = row.value.get("message_id")
        if is_tree(row.value):
            yield row
        elif not is_message(row.value) or not isinstance(name, str):
            others.append(row)
        elif name in nodes:
            raise DataError(
                f"{row.source}: the message_id {name[:60]!r} stands already at {nodes[name].source}; keep one of them"
            )
        else:
            nodes[name] = Row({**row.value, "replies": []}, row.source)
    for node in nodes.values():
        parent = nodes.get(node.value["parent_id"]) if isinstance(node.value["parent_id"], str) else None
        if parent:
            parent.value["replies"].append(node.value)
    whole: set[str] = set()
    for name, node in nodes.items():
        if not node.value["parent_id"]:  # "" in a CSV file
            whole.add(name)
            _reach(node.value, whole)
            tree = {"message_tree_id": node.value.get("message_tree_id") or name, "prompt": node.value}
            yield Row({k: node.value[k] for k in _KEPT if k in node.value} | tree, node.source)
    for name, node in nodes.items():
        if name not in whole:
            yield Row({k: v for k, v in node.value.items() if k != "replies"}, node.source)
    yield from others


def _reach(root: Mapping[str, Any], reached: set[str]) -> None:
    waiting = [root]
    while waiting:
        replies = waiting.pop()["replies"]
        reached.update(reply["message_id"] for reply in replies)
        waiting.extend(replies)


def oasst(value: Mapping[str, Any], notes: list[str]) -> Readings:
    """A tree's conversations; id and group are the tree's. Raises RowFault where there is none."""
    if not is_tree(value):
        if is_message(value):
            raise RowFault(
                "missing_parent", f"the messages before it, from {shown(value['parent_id'])} on, are missing"
            )
        raise missing("missing_messages", "prompt", value)
    root = value["prompt"]
    tree = own_id(value.get("message_tree_id"), "message_tree_id") or own_id(root.get("message_id"), "message_id")
    fields = {k: value[k] for k in _KEPT if value.get(k) is not None}
    if root.get("lang") is not None:
        fields["lang"] = root["lang"]
    trained: set[int] = set()
    out: Readings = []
    for path in _paths(root, notes):
        try:
            turns = [_turn(node, number, trained) for number, node in enumerate(path, 1)]
            check_turns(turns)  # here, because the answers of a conversation that is dropped are not trained by it
        except RowFault as e:
            out.append(e)
            continue
        trained.update(id(node) for node in path)
        leaf = {k: path[-1][k] for k in ("message_id", "rank") if path[-1].get(k) is not None}
        used = frozenset(value)  # the tree itself would come along with each of its conversations
        out.append(Reading(turns, (), used, fields | leaf, tree, tree, f".{len(out) + 1}"))
    if not out:
        raise RowFault("missing_answer", "the tree has no answer that is not deleted or flagged")
    return out


def _turn(node: Mapping[str, Any], number: int, trained: set[int]) -> Message:
    role: Any = role_of(node.get("role"), number)
    again = role == "assistant" and id(node) in trained
    return Message(role, text(node.get("text"), f"text of message {number}"), train=False if again else None)


def _paths(root: Mapping[str, Any], notes: list[str]) -> Iterator[list[Mapping[str, Any]]]:
    """The ways from the root to an answer after which no answer comes, depth first and the best-ranked first."""
    if _left_out(root):
        notes.append("rows (trees) with deleted or flagged messages, left out with all that follows them")
        return
    path: list[Mapping[str, Any]] = []
    # A node is met twice: going down, and, with what was found below it, when all below it is done.
    waiting: list[tuple[Mapping[str, Any], int, bool]] = [(root, 0, False)]
    found: list[bool] = []  # for each node of the path, whether a way has been given that goes through it
    while waiting:
        node, depth, done = waiting.pop()
        if done:
            if not found[depth] and _is_answer(node):
                yield list(path)
                found[: depth + 1] = [True] * (depth + 1)
            path.pop()
            found.pop()
            continue
        path.append(node)
        found.append(False)
        waiting.append((node, depth, True))
        replies = [r for r in node.get("replies") or [] if isinstance(r, Mapping)]
        kept = [r for r in replies if not _left_out(r)]
        if len(kept) < len(replies):
            notes.append("rows (trees) with deleted or flagged messages, left out with all that follows them")
        kept.sort(key=_rank)
        waiting.extend((reply, depth + 1, False) for reply in reversed(kept))


def _is_answer(node: Mapping[str, Any]) -> bool:
    try:
        return role_of(node.get("role"), 1) == "assistant"
    except RowFault:
        return True  # the way to it is given, so that the unknown role is told


def _rank(node: Mapping[str, Any]) -> float:
    """The people's rank of a reply, 0 the best; one without a rank comes last."""
    try:
        return float(node.get("rank"))  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        return float("inf")


def _left_out(node: Mapping[str, Any]) -> bool:
    """Whether a message is deleted, was rejected in review, or is labelled as spam."""
    if node.get("deleted") in (True, "True", "true") or node.get("review_result") in (False, "False", "false"):
        return True
    labels = as_object(node.get("labels"))
    if not labels:
        return False
    spam = labels.get("spam")
    if isinstance(spam, Mapping):  # a tree's labels: {"spam": {"value": 0.0, "count": 3}}
        spam = spam.get("value")
    elif isinstance(labels.get("name"), list) and isinstance(
        labels.get("value"), list
    ):  # {"name": [...], "value": [...]}
        spam = dict(zip(labels["name"], labels["value"], strict=False)).get("spam")
    return isinstance(spam, int | float) and spam >= SPAM
