"""Detectors of one row, each by a table of texts where it must speak and of texts where it must not.

The values that look personal or secret are made up here: keys are random letters, numbers only satisfy their check
digits. They are put together at run time, so that no scanner of secrets takes this file for a leak.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.data.checks.characters import character_kinds, looks_decoded_wrongly
from heedful.data.checks.personal import account_kinds, luhn, my_number, personal_kinds
from heedful.data.checks.phrases import answer_phrases, input_phrases, row_phrases
from heedful.data.checks.refusals import manner_kinds
from heedful.data.checks.secrets import secret_kinds
from heedful.data.checks.shape import ends_whole, has_loop, shape_kinds

WRONG = [
    "Le cafÃ© est fermÃ©.",
    "It â€™s over",
    "â€œQuotedâ€\x9d",
    "prix : 10 â‚¬",
    "Ã‰cole",
    "Â©2020",
    "ÃƒÂ©tÃƒÂ©",  # twice
    "ZaÅ¼Ã³Å‚Ä‡ gÄ™Å›lÄ…",
    "ÐŸÑ€Ð¸Ð²ÐµÑ‚, Ð¼Ð¸Ñ€",
    "РџСЂРёРІРµС‚, РјРёСЂ",
    "æ—¥æœ¬èªž",
    "ã\x81“ã‚“ã\x81«ã\x81¡ã\x81¯",
    "縺薙ｓ縺ｫ縺｡縺ｯ",
    "‚±‚ñ‚É‚¿‚Í",
    "ðŸ˜€ smile",
    "ï»¿begin",
    "锟斤拷锟斤拷",
    "caf\xc3\xa9",
    "HayrioÄŸlu",
    "Maria SÃ¡",
]
RIGHT = [
    "Le café est fermé.",
    "Il a dit : «\xa0à bientôt, café\xa0».",
    "«È» è una lettera; la «É» anche; CAFÉ™, CAFÉ®, ÉTÉ…, «À»",
    "SÃO PAULO, NÃO, AÇÃO, IRMÃ”, «MAÇÃ»",
    "Một hai ba: Ăn, Â, Đà Nẵng, ẤN ĐỘ, CÂN… Ầ",
    "Zażółć gęślą jaźń; Ö”, Ä“ und Ü…",
    "„Ä“ ist ein Umlaut, „Ö“ auch.",
    "ROMÂNIA – Â",
    "Größe: 10 m², 5 µm ± 2 %, ½ £, ¿qué? ¡sí!",
    "日本語の文章。繧という字もある。",
    "Привет, мир. РСФСР и СССР, РСДРП",
    "Ελληνικά — «Ω»",
    "naïve façade – “quoted” … it’s",
    "ÅÄÖ åäö ÆØÅ æøå",
    "Ñandú, PIÑA”, SEÑOR…",
    "",
]


@pytest.mark.parametrize("text", WRONG)
def test_text_that_was_decoded_wrongly(text):
    assert looks_decoded_wrongly(text)
    assert "mojibake" in character_kinds(f"Some words before. {text} And some after.", False)


@pytest.mark.parametrize("text", RIGHT)
def test_real_text_is_not_taken_for_mojibake(text):
    assert not looks_decoded_wrongly(text)
    assert "mojibake" not in character_kinds(f"Some words before. {text} And some after.", False)


@given(st.text(alphabet="éèêàâçôûîïùœ«»’…– \xa0aeioulnrst.,!", max_size=60))
def test_french_letters_in_any_order_are_hardly_ever_mojibake(text):
    """Only where a byte sequence of UTF-8 is formed by chance, and then of several signs that are not punctuation."""
    if looks_decoded_wrongly(text):
        assert any(c in text for c in "âàçéèêîïùœô")
        assert any(text[i] in "âàçéèêîïôû" and text[i + 1] in "œ…«»’–\xa0" for i in range(len(text) - 1))


@given(st.text(alphabet="éèüößñãçøåłżčř", min_size=3, max_size=30))
def test_letters_read_as_cp1252_are_mojibake(text):
    assert looks_decoded_wrongly(text.encode().decode("latin-1"))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a\x00b", "control_characters"),
        ("a\x1b[31mred", "control_characters"),
        ("a\x85b", "control_characters"),
        ("a\u200bb", "invisible_characters"),
        ("soft\xadhyphen", "invisible_characters"),
        ("in\ufeffside", "invisible_characters"),
        ("tag\U000e0041", "invisible_characters"),
        ("abc\u202edcba", "bidi_controls"),
        ("\u2066iso\u2069", "bidi_controls"),
        ("bro\ufffdken", "replacement_characters"),
        ("logo \uf8ff", "private_use"),
        ("half \ud83d", "private_use"),
        ("plane 15 \U000f0001", "private_use"),
    ],
)
def test_odd_characters(text, kind):
    assert character_kinds(text, text.isascii()) == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "tab\tand\nline\r\n",
        "👨‍👩‍👧 family",
        "می‌خواهم",
        "हिन्दी क्‍ष",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "a\u200eb",
        "漢字𠮷",
    ],
)
def test_characters_that_are_needed_are_not_odd(text):
    assert character_kinds(text, text.isascii()) == []


PERSONAL = [
    ("Write to k.tanaka@kaiun-bune.jp.", "personal_email"),
    ("<m.o-brien+news@mail.acme-widgets.co.uk>", "personal_email"),
    ("Call (415) 732-4418 today", "personal_phone"),
    ("tel 415-732-4418", "personal_phone"),
    ("1-415-732-4418", "personal_phone"),
    ("+1 415 732 4418", "personal_phone"),
    ("+44 20 8123 4057.", "personal_phone"),
    ("Ruf an: +49 (0)30 4081 7723", "personal_phone"),
    ("+81-3-4081-7723", "personal_phone"),
    ("電話は03-4081-7723です", "personal_phone"),
    ("090-4081-7723", "personal_phone"),
    ("415.732.4418x0669", "personal_phone"),
    ("tél. 06 56 31 70 68", "personal_phone"),
    ("ip 91.198.174.192", "personal_ip"),
    ("from 2a02:8071:1f4:9c00:51ab::7", "personal_ip"),
    ("card 4539 1488 0343 6467", "personal_card"),
    ("5425233430109903", "personal_card"),
    ("SSN: 536-22-8714", "personal_ssn"),
    ("私のマイナンバーは 2187 4561 3921 です", "personal_my_number"),
]
NOT_PERSONAL = [
    "user@example.com, jane.doe@mail.de, info@sub.example.org, x@y.test, a@localhost",
    "git@github.com:owner/name.git and logo@2x.png",
    "[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+ and @app.route",
    "555-0123, (212) 555-0187, +1 555 010 9999, 123-456-7890, 1234567890, 000-000-0000",
    "+44 7700 900123 is for drama",
    "2023-01-02 to 2023-12-31, 1990-2000, 12/31/1999 10:20:30",
    "pi = 3.14159265358979, 1000000000000, 10 000 000 000",
    "12345678 + 87654321 = 99999999; 5 +12345678 = 12345683",
    "127.0.0.1, 10.0.0.1, 192.168.1.1, 192.0.2.7, 203.0.113.5, 8.8.8.8, 0.0.0.0, 255.255.255.0",
    "version 91.0.4472.124, v2.13.0.99, section 2.3.1.4, 999.999.999.999",
    "2001:db8::1, ::1, fe80::1, std::vector<int>, a::b, 12:30:45",
    "4111 1111 1111 1111 and 4242424242424242 and 4539 1488 0343 6468",
    "123-45-6789, 000-12-3456, 666-12-3456, 987-65-4320, 078-05-1120",
    "2187 4561 3921",  # a check digit alone does not make a My Number
    "ISBN 978-3-16-148410-0, order 4711-0815",
    "1 2 3 4 5 6 7 8 9 10 11 12",
    "[2, 4, 6, 8], 800 600 2000",
]


@pytest.mark.parametrize(("text", "kind"), PERSONAL)
def test_personal_data(text, kind):
    assert personal_kinds(text) == {kind}


@pytest.mark.parametrize("text", NOT_PERSONAL)
def test_what_only_looks_personal(text):
    assert personal_kinds(text) == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("IBAN DE02 1203 0000 0000 2020 51", True),
        ("FR7630001007941234567890185", True),
        ("DE02 1203 0000 0000 2020 52", False),
        ("DE89 3704 0044 0532 0130 00", False),  # the one in every manual
        ("GB12 is a road, AB12CD34EF56GH78", False),
    ],
)
def test_bank_accounts(text, found):
    assert (account_kinds(text) == {"personal_iban"}) is found


@given(st.integers(0, 10**11 - 1))
def test_my_number_has_one_check_digit(number):
    """The rule of 2014, written out: weights 6 5 4 3 2 7 6 5 4 3 2 from the left."""
    digits = f"{number:011d}"
    rest = sum(int(d) * w for d, w in zip(digits, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2), strict=True)) % 11
    right = 0 if rest <= 1 else 11 - rest
    assert [d for d in range(10) if my_number(f"{digits}{d}")] == [right]


@given(st.integers(0, 10**15 - 1))
def test_luhn_has_one_check_digit(number):
    assert sum(luhn(f"{number:015d}{d}") for d in range(10)) == 1


RANDOM = "q7Zr2Vn9Kx4Lb8Tw3Ym6Hc1Pd5Gf0Js7Ae2Ru9"  # random letters and digits
UPPER = "Q7ZR2VN4KX3LB6TW5YMH"
SECRETS = [
    ("AK" + "IA" + UPPER[:16], "secret_token"),
    ("gh" + "p_" + RANDOM, "secret_token"),
    ("xo" + "xb-" + "2718281828-" + RANDOM[:24], "secret_token"),
    ("s" + "k-" + RANDOM, "secret_token"),
    ("s" + "k-proj-" + RANDOM, "secret_token"),
    ("h" + "f_" + "QzRvNkXlBtWyMhCpDgFjSaErUiOqZxWvTn", "secret_token"),
    ("AI" + "za" + RANDOM[:35], "secret_token"),
    ("glp" + "at-" + RANDOM[:20], "secret_token"),
    ("-----BEGIN RSA PRIVATE" + " KEY-----\n" + (RANDOM + RANDOM) * 2, "secret_private_key"),
    (f"ey{'J'}hbGciOiJIUzI1NiJ9.ey{'J'}zdWIiOiI5OTQxIn0.{RANDOM}", "secret_jwt"),
    ("password: Gr7!vexq92", "secret_password"),
    ('API_KEY = "' + RANDOM[:24] + '"', "secret_password"),
    ("パスワード：vK7qwz82Lp", "secret_password"),
    ("postgres://admin:vK7qwz82Lp@db.intern:5432/x", "secret_password"),
]
NOT_SECRETS = [
    "AK" + "IAIOSFODNN7EXAMPLE",
    "ghp_" + "x" * 36,
    "sk-your-key-goes-here-and-is-rather-long",
    "s" + "k-" + "1234567890" * 4,
    "skipping, husk-like, ask-me-anything-about-the-very-long-hyphenated-words",
    "A file begins with -----BEGIN RSA PRIVATE" + " KEY----- and ends with another line.",
    "e" + "yJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    'password = "your_password"',
    "password: ********",
    'password = os.environ["DB_PASSWORD"]',
    "password = input('Password: ')",
    "The password is important. A token is a unit of text.",
    "token: the smallest unit; secret: something hidden",
    "password123 is a bad password: qwerty12345",
    "https://example.com/a:b@c and http://host:8080/path",
    "API_KEY = <YOUR_KEY>",
    "token = tokenizer.decode(ids)",
]


@pytest.mark.parametrize(("text", "kind"), SECRETS)
def test_secrets(text, kind):
    assert secret_kinds(f"Here: {text} .", f"here: {text} .".lower()) == {kind}


@pytest.mark.parametrize("text", NOT_SECRETS)
def test_what_only_looks_secret(text):
    assert secret_kinds(text, text.lower()) == set()


REFUSALS = [
    "I'm sorry, but I cannot assist with that request.",
    "I’m sorry, but as an AI language model, I don't have opinions.",
    "As an AI, I don't have access to that.",
    "I cannot provide medical advice.",
    "Unfortunately, I am unable to help with this.",
    "Paris is nice. As an AI language model, I have never been there.",
    "Es tut mir leid, aber ich kann dabei nicht helfen.",
    "Als KI-Sprachmodell habe ich keine Meinung.",
    "Je suis désolé, mais je ne peux pas répondre.",
    "En tant que modèle de langage, je n'ai pas d'avis.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "申し訳ありませんが、そのご質問にはお答えできません。",
    "AIアシスタントとして、意見を持ちません。",
    "抱歉，我无法回答这个问题。",
    "作为一个人工智能语言模型，我没有感情。",
]
NOT_REFUSALS = [
    "I cannot swim, but I like the sea.",
    "I'm sorry, but I can't come to work today.",
    "I am sorry for the delay.",
    "The company cannot provide refunds.",
    "Unfortunately, the train was late.",
    "A large language model predicts the next token.",
    "Es tut mir leid, dass du krank bist.",
    "Je ne peux pas vivre sans musique.",
    "申し訳ありません、遅れました。",
    "抱歉让你久等了。",
    "AI is used in medicine.",
    "",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_refusals(text):
    assert "refusals" in manner_kinds(text.lower(), "user: a question")


@pytest.mark.parametrize("text", NOT_REFUSALS)
def test_what_is_no_refusal(text):
    assert "refusals" not in manner_kinds(text.lower(), "user: a question")


def test_what_a_model_says_of_itself_where_it_was_asked_is_no_refusal():
    text = "It would say: as an AI language model, I have no opinion."
    assert "refusals" in manner_kinds(text.lower(), "user: finish the joke")
    assert "refusals" not in manner_kinds(text.lower(), "user: how does chatgpt talk?")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Sure, here is a poem.\nRoses", True),
        ("Certainly! The answer is 4.", True),
        ("The answer is 4. I hope this helps!", True),
        ("もちろんです。答えは四です。", True),
        ("Four. Let me know if you have any other questions.", True),
        ("I am sure that it is four.", False),
        ("Surely four.", False),
        ("Of course the answer depends on the weather.", False),
        ("Hope is a good thing.", False),
        ("Four.", False),
    ],
)
def test_set_phrases(text, found):
    assert ("set_phrases" in manner_kinds(text.lower(), "user: 2 + 2?")) is found


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("Assistant: It is four.", "role_marker"),
        ("**AI:** four", "role_marker"),
        ("Human: hello", "role_marker"),
        ("It is four.\n\nHuman: And 3 + 3?\nAssistant: Six.", "further_turns"),
        ("It is four, I think.\n### Instruction: Add.\n### Response: Done.", "further_turns"),
        ("N/A", "placeholder_answer"),
        ("nan", "placeholder_answer"),
        ("<nooutput>", "placeholder_answer"),
        ("Artificial intelligence: a field.", None),
        ("AI::Model->new", None),
        ("Note: it is four. The output is:\nfour, five and six", None),
        ("None", None),
        ("Usage: run it", None),
    ],
)
def test_phrases_of_answers(answer, kind):
    assert answer_phrases(answer, answer.lower(), "user: 2 + 2") == ([kind] if kind else [])


def test_turns_that_were_asked_for_are_no_leftovers():
    answer = "User: Hello there, my friend\nBot: Hello"
    assert answer_phrases(answer, answer.lower(), "user: write a conversation") == []


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Tom &amp; Jerry", ["html"]),
        ("One line.<br>Two lines.", ["html"]),
        ("A list</li></ul>", ["html"]),
        ("Use `<br>` for it. ```\n<p>x</p>\n```", []),
        ("In HTML, write <br>.", []),
        ("a < b and b > c; R&D; AT&T", []),
        ("pythonCopy codeprint(1)", ["page_leftovers"]),
        ("Regenerate response", ["page_leftovers"]),
        ("Copy the code and run it", []),
        ("See [image] above", ["image_placeholders"]),
        ("![a cat](https://a.jp/cat.png)", ["image_placeholders"]),
        ("Look at https://a.jp/cat.jpg", ["image_placeholders"]),
        ("The image shows a cat; x[image_index]", []),
        ("Dear [Recipient's Name], yours, [Your Name]", ["unfilled"]),
        ("Hello {{ name }}", ["unfilled"]),
        ("see [name](https://a.jp) and `[your name]`", []),
        ("{'a': {'b': 1}}", []),
    ],
)
def test_phrases_of_rows(text, kinds):
    assert row_phrases(text, text.lower()) == kinds


@pytest.mark.parametrize(
    ("context", "kinds"),
    [
        ("<noinput>", ["placeholder_input"]),
        ("NoInput", ["placeholder_input"]),
        ("nan", ["placeholder_input"]),
        ("https://www.nytimes.com/a-story", ["bare_link"]),
        ("www.a.jp", ["bare_link"]),
        ("https://a.jp says that it rains", []),
        ("nana", []),
    ],
)
def test_inputs_that_say_nothing(context, kinds):
    assert input_phrases(context) == kinds


LOOPS = [
    "The cat sat on the mat. " * 5,
    "It began well. " + "and then it went on and on, " * 6,
    "A sensible beginning that says many different things about the weather in the north. " + "I am so happy, " * 8,
    "\n".join(["Thank you very much."] * 5),
    "とても良い天気です。" * 8,
    "ha ha ha ha ha " * 8,
]
NO_LOOPS = [
    "1 2 3 4 5 6 7 8 9 10 " * 8,
    "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 9,
    "    return x;\n}\n" * 8,
    "for (int i = 0; i < n; i++) {\n" * 6,
    "no no no no no",
    "----------------------------\n" * 8,
    "0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0",
    "The cat sat on the mat. The dog sat on the cat. The cow sat on the dog. The mat lay on the floor of the house.",
    "春が来て、花が咲き、鳥が鳴き、人が歩き、風が吹き、雨が降り、また春が来る。",
]


@pytest.mark.parametrize("text", LOOPS)
def test_loops(text):
    assert has_loop(text)


@pytest.mark.parametrize("text", NO_LOOPS)
def test_what_is_no_loop(text):
    assert not has_loop(text)


@given(st.lists(st.sampled_from(["river", "stone", "cloud", "lamp", "bread", "seven"]), min_size=3, max_size=9))
def test_a_phrase_said_seven_times_is_a_loop(words):
    assert has_loop(" ".join(words * 7))


def test_shapes():
    assert shape_kinds("```python\nprint(1)\n", "how?") == ["open_fence"]
    assert shape_kinds("```python\nprint(1)\n```", "how?") == []
    assert shape_kinds("Use ``` to open a block", "how?") == []
    assert shape_kinds(" what is  the capital?", "What is the capital?") == ["echo"]
    assert shape_kinds("Yes", "yes") == []


PROSE = "The house stands by the river, and its windows look out on the hills. Nobody has lived in it for years. " * 2


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (PROSE + "In spring the swallows come back and build their nests under the eaves of", False),
        (PROSE + "In spring the swallows come back and build their nests under the eaves,", False),
        (PROSE + "In spring the swallows come back and build their nests under the eaves.", True),
        (PROSE + "\n- In spring the swallows come back and build their nests under the eaves of", None),
        (PROSE + "In spring the swallows come back and build their nests there #spring #swallows", None),
        (PROSE + "\nx = the_value_of(something) + another_value_of(something_else) * the_third_of", None),
        ("Short", None),
    ],
)
def test_ends(text, whole):
    assert ends_whole(text) is whole
