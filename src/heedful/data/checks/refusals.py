"""Answers that refuse, that speak as an AI model, or that open and close with the set phrases of chat models.

English, German, French, Spanish, Portuguese, Japanese and Chinese. Many words rather than few: "I cannot swim" is an
answer, "I cannot help with that" is a refusal.
"""

from __future__ import annotations

import re

# What a model says of itself, anywhere in an answer. One of the signs stands in all of it; they are found faster.
_SIGNS = ("as an ai", "language model", "an ai ", "an artificial", "openai", "cutoff", "cut-off", "my training", "als ")
_SIGNS_WIDE = ("en tant qu", "como ", "言語モデル", "ai", "作为")
_SELF = re.compile(
    r"as an? (?:ai|large|artificial)?[ -]?(?:language model|assistant|model|intelligence|chatbot|ai\b)|"
    r"i(?:['’]m| am) (?:just |only )?an ai\b|my (?:knowledge|training) (?:cutoff|cut-off|data (?:only )?(?:goes|ends))|"
    r"(?:trained|developed|created) by openai|openai['’]?s? (?:content|use) polic|"
    r"als (?:ein )?(?:ki-|künstliche intelligenz)|"
    r"en tant qu(?:e modèle de langage|['’](?:ia\b|intelligence artificielle|assistant ia))|"
    r"como (?:un |uma? )?(?:modelo de (?:lenguaje|linguagem)|ia\b|inteligencia artificial|inteligência artificial)|"
    r"aiアシスタントとして|ai言語モデル|言語モデルとして|aiである私|私はaiなので|aiとして(?:は|、|私)|"
    r"作为(?:一个|一名|一款)?(?:ai|人工智能|语言模型|大语言模型)"
)
_ABOUT_MODELS = re.compile(
    r"language model|\bai\b|chatgpt|openai|gpt|artificial intelligence|言語モデル|语言模型|人工知能|人工智能|"
    r"sprachmodell|modèle de langage|role|pretend|act as|chatbot|assistant"
)

_DO = (
    "(?:help|assist|provide|fulfil|comply|answer|generate|create|complete|do th(?:at|is)|offer|support|engage|discuss|"
    "share|process|respond|satisfy|produce|access|browse|give you|write (?:that|this|content|such)|participate|condone|"
    "continue with|recommend|advise)"
)
_CANNOT = (
    "(?:i (?:can(?:no|['’]|)t|can not|won['’]?t|will not|am (?:not able|unable) to|must decline to)|"
    "i['’]m (?:not able|unable) to)"
)
# Excuses that somebody else makes: "I'm sorry, but I can't come tonight".
_GO = "(?!come|make it|attend|be |go |join|wait|stop|believe|stay|work|meet|keep|eat|drink|sleep|afford|remember)"
_REFUSALS = (
    # "I'm sorry, but I cannot ...", "Unfortunately, I am unable to help ...", "As an AI, ..."
    rf"i(?:['’]m| am) (?:very |really |so |terribly )?(?:sorry|afraid),?\.? (?:but )?(?:that )?"
    rf"(?:as an ai\b|{_CANNOT} {_GO}|"
    r"i (?:do not|don['’]t) (?:have|feel)|it(?:['’]s| is) not (?:possible|appropriate|clear)|"
    r"this (?:task|request|question) )",
    rf"(?:sorry|i apologi[sz]e|my apologies|unfortunately)[,.]? (?:but )?{_CANNOT} {_DO}",
    rf"{_CANNOT} {_DO}",
    r"as an ai\b",
    r"i (?:must|have to) (?:decline|refuse)",
    r"(?:es )?tut mir (?:sehr )?leid,? (?:aber )?(?:ich kann|das kann ich|dabei kann|als)",
    r"(?:leider )?kann ich (?:ihnen |dir )?(?:dabei|das|diese[rnm]? \w+|hier) (?:leider )?nicht",
    r"ich kann (?:ihnen |dir )?(?:leider )?(?:dabei|damit|diese \w+|das) (?:leider )?nicht",
    r"(?:je suis )?désolée?,? (?:mais )?(?:je ne (?:peux|suis)|en tant)",
    r"je ne (?:peux|suis) (?:malheureusement )?pas (?:vous|t['’]|en mesure|fournir|aider|répondre|générer)",
    r"lo siento,? (?:pero )?(?:no puedo|como)",
    r"no puedo (?:ayudar|cumplir|proporcionar|responder|generar)",
    r"(?:desculpe|sinto muito|lamento),? (?:mas )?(?:não posso|como)",
    r"(?:申し訳(?:あり|ござい)ません|すみません|ごめんなさい)(?:が|けど)?[、,。]?[^。\n]{0,30}?"
    r"(?:できません|出来ません|応じられません|できかねます|いたしかねます|お答えでき|わかりかねます)",
    r"(?:その|この)?ご?(?:質問|要望|依頼|リクエスト)に(?:は)?(?:お答え|お応え|対応|回答)(?:することは|は)?(?:できません|できかねます)",
    r"(?:很|非常)?(?:抱歉|对不起|對不起)[，,。]?[^。\n]{0,12}?我?(?:不能|无法|無法)",
    r"我(?:不能|无法|無法)(?:回答|提供|帮助|协助|生成|满足)",
)
_REFUSAL = re.compile("|".join(_REFUSALS))

_OPENS = re.compile(
    r"(?:sure|certainly|of course|absolutely|no problem)(?:[!.] |, |,? (?:here|i)\b)|"
    r"(?:great|good|excellent) question\b|(?:i['’]d|i would) be (?:happy|glad|delighted) to|"
    r"thank you for (?:your (?:question|request|message)|asking|the question)|"
    r"(?:gerne|natürlich|selbstverständlich)[!,]|bien sûr[ \xa0\u202f]?[!,]|¡?(?:claro|por supuesto)[!,]|"
    r"もちろんです|はい、もちろん|承知(?:し|いた)|当然[！!，,可]|好的[，,！!]"
)
_CLOSES = re.compile(
    r"i hope (?:this|that|it) helps?|let me know if you (?:have|need|would|want|['’]d)|feel free to (?:ask|reach|let)|"
    r"is there anything else|if you have any (?:other |more |further )?questions|do you have any other questions|"
    r"happy to help|ich hoffe,? (?:das|dies) hilft|j['’]espère que cela|espero que (?:esto|te) (?:ayud|sirv)|"
    r"お役に立てれば|何かご(?:質問|不明)|希望(?:这|對|对).{0,6}有(?:所)?帮助"
)


def manner_kinds(lower: str, asked: str) -> list[str]:
    """``refusals`` and ``set_phrases`` of one answer; both texts in small letters.

    Where the question speaks of AI, or gives the model a role, what it says of itself is no refusal.
    """
    kinds = []
    head = lower[:200].lstrip()
    refuses = _REFUSAL.match(head) is not None
    if refuses or (_signs(lower) and _SELF.search(lower) and not _ABOUT_MODELS.search(asked)):
        kinds.append("refusals")
    if _OPENS.match(head) or _CLOSES.search(lower, max(0, len(lower) - 160)):
        kinds.append("set_phrases")
    return kinds


def _signs(lower: str) -> bool:
    return any(s in lower for s in _SIGNS) or (not lower.isascii() and any(s in lower for s in _SIGNS_WIDE))
