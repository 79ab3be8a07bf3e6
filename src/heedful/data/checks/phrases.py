"""Words that do not belong to the text: HTML, what a page or a template left behind, placeholders, links, images."""

from __future__ import annotations

import re

_ENTITY = re.compile(r"&(?:amp|nbsp|lt|gt|quot|apos|#39|#x27|#160|rsquo|lsquo|ldquo|rdquo|hellip|mdash|ndash|eacute);")
_TAG = re.compile(
    r"<br ?/?>|</(?:p|div|span|a|li|ul|ol|b|i|em|strong|td|tr|table|h[1-6]|font|section|body)>|"
    r"<(?:div|span|a|font) [a-z]+=",
    re.IGNORECASE,
)
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_ABOUT_HTML = re.compile(
    r"html|xml|css\b|markup|web ?(?:page|site)|javascript|jsx|react|angular|\bvue|svelte|php|\btags?\b|doctype|"
    r"entit(?:y|ies)|url|escape|scrap|beautifulsoup|selenium|django|flask|jinja|selector|browser|swift|template|webseite|"
    r"タグ|ウェブ|網頁|网页|标签"
)

_PAGE = re.compile(
    r"^(?:[A-Za-z+#]{1,12})?Copy code|^Regenerate response$|^Share Prompt$|^Upgrade to Plus$|"
    r"^Was this (?:response|answer) (?:better|helpful)",
    re.MULTILINE,
)
_ROLE = re.compile(
    r"\s*(?:\*\*|#+ ?|<)?(?:assistant|ai|bot|chatbot|chatgpt|gpt-?[34]?|ai assistant|user|human|system|"
    r"アシスタント|助手)(?:\*\*|>)?\s?[:：](?!:)",
    re.IGNORECASE,
)
_TURN_ASKED = re.compile(
    r"^(?:#+ ?|\*\*)?(?:human|user|instruction|question)s?(?:\*\*)?:", re.IGNORECASE | re.MULTILINE
)
_TURN_ANSWERED = re.compile(
    r"^(?:#+ ?|\*\*)?(?:assistant|ai|output|response|answer)(?:\*\*)?:", re.IGNORECASE | re.MULTILINE
)
_WANTS_TURNS = re.compile(
    r"dialog|conversation|chat|script|interview|transcript|exchange|instruction|prompt|question|faq|q&a|quiz|example|"
    r"few-shot|対話|会話|对话"
)
_NOTHING = frozenset(
    (
        *("n/a", "na", "nan", "none", "null", "nil", "undefined", "tbd", "todo", "?", "-", "--", "...", "…", "."),
        *("noinput", "<noinput>", "no-input", "no_input", "(noinput)", "[noinput]", "no input", "<no input>"),
        *("[no input]", "none provided", "not applicable", "nooutput", "<nooutput>", "no output", "[blank]", "<unk>"),
        *("[object object]", "lorem ipsum"),
        *("k.a.", "k. a.", "keine angabe", "keine antwort", "n. a.", "n.a.", "n.v.", "entfällt", "#n/a", "#nv", "<na>"),
        *("該当なし", "未回答", "無回答", "未入力", "未記入", "回答なし"),
    )
)
# An answer may well be "None" or "?"; as an input these say nothing.
_NO_ANSWER = _NOTHING - {"none", "null", "nil", "na", "undefined", "?", "-", "--", ".", "...", "…", "not applicable"}
_LINK = re.compile(r"<?(?:https?://|www\.)\S+>?")
_IMAGE = re.compile(
    r"!\[[^\]\n]*\]\([^)\s]+\)|<img\b|<image>|\[(?:image|img|picture|photo|画像|图片|bild)\]|"
    r"https?://[^\s)]+\.(?:png|jpe?g|gif|webp|bmp)\b",
    re.IGNORECASE,
)
_UNFILLED = re.compile(
    r"\[(?:your|insert|recipient|company|sender|first|last|full|customer|client|employer|hiring|date|city|job|product|"
    r"address|phone|e-?mail|name)(?:['’]s)?(?: [\w'’/ ]{1,40})?\](?!\()|\{\{ ?\w+ ?\}\}|"
    r"<(?:your|insert)[ _-][\w -]{2,30}>",
    re.IGNORECASE,
)


def answer_phrases(answer: str, lower: str, asked: str) -> list[str]:
    """The kinds of phrases in one answer; `lower` is it, and `asked` the whole prompt, in small letters."""
    kinds = []
    head = answer[:24]
    if (":" in head or "：" in head) and _ROLE.match(answer) and not _WANTS_TURNS.search(asked):
        kinds.append("role_marker")
    if len(lower) < 24:
        if lower.strip() in _NO_ANSWER:
            kinds.append("placeholder_answer")
    elif ":" in answer and "\n" in answer and _further_turns(answer) and not _WANTS_TURNS.search(asked):
        kinds.append("further_turns")
    return kinds


def _further_turns(answer: str) -> bool:
    """Whether a line opens a question and a later one an answer."""
    asked = _TURN_ASKED.search(answer)
    return asked is not None and _TURN_ANSWERED.search(answer, asked.end()) is not None


def row_phrases(text: str, lower: str) -> list[str]:
    """The kinds of phrases in all the texts of a row together; `lower` is the text in small letters."""
    kinds = []
    pointed, square = "<" in text, "[" in text
    if (pointed and _TAG.search(text)) or ("&" in text and _ENTITY.search(text)):
        prose = _CODE.sub("", text)
        if (_ENTITY.search(prose) or _TAG.search(prose)) and not _ABOUT_HTML.search(lower):
            kinds.append("html")
    if any(w in text for w in ("Copy code", "Regenerate", "Share Prompt", "Upgrade to", "Was this")):
        kinds += ["page_leftovers"] if _PAGE.search(text) else []
    if square or pointed or "{{" in text or "http" in lower:
        prose = _CODE.sub("", text) if "`" in text else text
        if _IMAGE.search(prose) and "html" not in lower:
            kinds.append("image_placeholders")
        if _UNFILLED.search(prose):
            kinds.append("unfilled")
    return kinds


def input_phrases(context: str) -> list[str]:
    """The kinds of an input (`Message.context`) that says nothing to a model."""
    text = context.strip()
    if len(text) < 24 and text.lower() in _NOTHING:
        return ["placeholder_input"]
    return ["bare_link"] if text.startswith(("http", "www.", "<http")) and _LINK.fullmatch(text) else []
