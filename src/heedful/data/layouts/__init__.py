"""The layouts of rows that are read, a file for each family: from a row's columns to conversations.

base.py         Reading, RowFault, and the checks of single values
roles.py        who speaks: every name for a role, as system, user, assistant or tool
tools.py        tool calls and lists of tools, in OpenAI's present form
conversation.py lists of turns: messages (role, content), sharegpt (from, value)
pairs.py        one question and one answer in columns: alpaca, dolly, qa, self-instruct
completion.py   prompt and completion, each a text or a list of messages
oasst.py        OpenAssistant's trees, as trees or as flat messages
own.py          examples as Heedful writes them
mapped.py       columns named by --map
turns.py        which turns may follow which
registry.py     Format, and all of them by name
recognition.py  which of them a file has
"""
