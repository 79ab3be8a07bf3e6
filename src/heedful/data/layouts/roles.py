"""Who speaks: every name that data sets give a role, as one of system, user, assistant and tool."""

from __future__ import annotations

from typing import Any

from heedful.data.layouts.base import RowFault, shown
from heedful.records import ROLES, Role

CALL = "call"  # an assistant's turn whose text is a tool call
_NAMES = {
    "system": "system developer sys system_prompt",
    "user": "user human prompter usr person customer client question"
    " kunde kundin nutzer nutzerin frage お客様 顧客 ユーザー 質問",
    "assistant": "assistant gpt chatgpt gpt3 gpt_3 gpt_3.5 gpt_3.5_turbo gpt4 gpt_4 gpt_4o bing bard bot chatbot model"
    " ai llm claude gemini palm vicuna answer"
    " agent support assistent antwort アシスタント サポート 担当者 回答",
    "tool": "tool function observation ipython tool_response tool_result tool_output tool_results function_response"
    " function_result function_output environment",
    CALL: "function_call tool_call tool_calls",
}
_ROLE_OF = {name: role for role, listed in _NAMES.items() for name in listed.split()}


def role_of(name: Any, number: int) -> Role | str:
    """The role that a name stands for, whatever its case; `CALL` for a turn that is a tool call.

    Raises RowFault ``unknown_role``, naming it, for any other: a turn must not vanish.
    """
    if isinstance(name, str):
        if name in ROLES:
            return name
        found = _ROLE_OF.get(name.strip().casefold().replace("-", "_").replace(" ", "_"))
        if found:
            return found
    said = f"the role {name[:40]!r}" if isinstance(name, str) else f"the role {shown(name)}"
    raise RowFault("unknown_role", f"{said} of message {number} is unknown ({', '.join(ROLES)} and the like are known)")
