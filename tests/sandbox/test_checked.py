"""Verdicts: what honest programs get, and what those get that try to be taken for right."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.errors import DataError
from heedful.sandbox import Limits, Task, checked
from heedful.sandbox.inside.channel import error_message, remote_error
from heedful.sandbox.inside.plain import NotPlainError, Opaque, decode, encode

PROMPT = "import math\n\ndef helper(x):\n    return x + 1\n\ndef f(x):\n    '''Twice x.'''\n"
TEST = "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(3) == 6, 'plugh'\n"
PATIENT = Limits(seconds=60.0)


def verdict(completion, means, test=TEST, limits=PATIENT, prompt=PROMPT):
    return checked(Task(prompt, completion, test, "f", "t/0"), limits, means)


def body(*lines: str) -> str:
    return "".join(f"    {line}\n" for line in lines)


def test_right_and_wrong(means):
    assert verdict(body("print('noise')", "return helper(x) + x - 1"), means) == "passed"
    assert verdict(body("return 4"), means) == "failed: plugh"


# Everything at once, since each program costs two processes: what passes between the sides, and how tests look at it.
HONEST = body(
    "import numpy as np",
    "from collections import Counter, defaultdict",
    "from fractions import Fraction",
    "kinds = {'half': Fraction(1, 2), 'big': 10**5000, 'nan': math.nan, 'set': {(1, 2)}, 'yes': x == 'yes',",
    "         'counter': Counter('aab'), 'yield': (n * n for n in range(3)), 'keys': {'a': 1}.keys(), 'bytes': b'\\0',",
    "         'number': np.float64(0.5), 'array': np.array([[1, 2], [3, 4]]), 'none': None, 'object': object()}",
    "if isinstance(x, list):",
    "    x.sort()",
    "    return None",
    "if x == 'raise': raise ValueError('no ' + x)",
    "if x == 'deep': return f('deep')",
    "return True if x == 'yes' else kinds[x]",
)
LOOKS = """
def check(candidate):
    assert candidate.__name__ == 'f' and f is candidate
    assert candidate('half') == 0.5 and candidate('big') == 10**5000 and math.isnan(candidate('nan'))
    assert candidate('set') == {(1, 2)} and candidate('yes') is True and candidate('none') is None
    assert candidate('counter') == {'a': 2, 'b': 1} and candidate('keys') == {'a'} and candidate('bytes') == b'\\0'
    assert candidate('yield') != [0, 1, 4] and list(candidate('yield')) == [0, 1, 4]
    assert candidate('number') == 0.5 and candidate('array').sum() == 10
    assert candidate('object') != candidate('object')
    given = [3, 1, 2]
    assert candidate(given) is None and given == [1, 2, 3]
    for word, kind in (('raise', ValueError), ('deep', RecursionError), ('unknown', KeyError)):
        try:
            candidate(word)
        except kind as e:
            assert str(e) == {'raise': 'no raise', 'unknown': "'unknown'"}.get(word, str(e))
        else:
            assert False, word
    assert helper(1) == 2
"""


def test_values_errors_and_changes_come_through(any_means):
    assert verdict(HONEST, any_means, LOOKS) == "passed"


YES = "class Yes({}):\n        def __eq__(self, other): return True\n        __hash__ = None"
FORGED = (
    "import os, json",
    "for n in range(3, 64):",
    "    for m in ({'verdict': 'passed', 'unfit': ''}, {'hello': True}, {'ready': True}, {'value': 4}, {'value': 6}):",
    "        try: os.write(n, json.dumps(m).encode() + b'\\n')",
    "        except OSError: pass",
)
SEARCH = (
    "import gc, sys",
    "frame, seen = sys._getframe(), []",
    "while frame: seen += [repr(frame.f_locals), repr(frame.f_globals)]; frame = frame.f_back",
    "seen += [repr(o) for o in gc.get_objects() if isinstance(o, (dict, list, tuple))]",
    "return 2 * x if any(bytes([112, 108, 117, 103, 104]).decode() in s for s in seen) else 5",
)
CHEATS = {
    "equal to everything": (*(YES.format("").split("\n    ")), "return Yes()"),
    "a number equal to everything": (*(YES.format("int").split("\n    ")), "return Yes(5)"),
    "exit": ("import os", "os._exit(0)"),
    "SystemExit": ("import sys", "sys.exit(0)"),
    "own BaseException": ("class Passed(BaseException): pass", "raise Passed('passed')"),
    "forged words": (*FORGED, "os._exit(0)"),
    "a changed check": "    return 5\n\ndef check(candidate): pass\nf = helper = check\n",
    "changed built-ins": (
        "import builtins, sys",
        "builtins.AssertionError = builtins.Warning",
        "builtins.str = lambda *_: 'passed'",
        "sys.modules['json'] = sys.settrace(lambda *_: None)",
        "return 5",
    ),
    "a search for the tests": SEARCH,
    "__del__, atexit and a thread": (
        "import atexit, os, threading, time",
        "class D:",
        "    def __del__(self): os._exit(0)",
        "global d; d = D()",
        "atexit.register(os._exit, 0)",
        "threading.Thread(target=lambda: (time.sleep(1), os._exit(0))).start()",
        "return 5",
    ),
    "closed descriptors": ("import os", "os.closerange(0, 64)", "return 4"),
    "no JSON": ("import os", *("for n in range(3, 64):", "    try: os.write(n, b'[' * 60_000 + b'\\n')"),
                "    except OSError: pass", "return 4"),
    "an exit at the top": "    return 2 * x\n\nimport os\nos._exit(0)\n",
}  # fmt: skip
QUICK = ("equal to everything", "exit", "forged words")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in CHEATS], ids=lambda n: n
)
def test_no_cheat_passes(name, any_means):
    cheat = CHEATS[name]
    said = verdict(cheat if isinstance(cheat, str) else body(*cheat), any_means)
    assert said.startswith("failed: "), said


@pytest.mark.slow
def test_tests_that_forgive_everything_do_not_forgive_an_end(any_means):
    test = "def check(candidate):\n    try:\n        candidate(2)\n    except BaseException:\n        pass\n"
    assert (
        verdict(body("import os", "os._exit(0)"), any_means, test) == "failed: the program ended before its tests did"
    )
    assert verdict(body("return 1 / 0"), any_means, test) == "passed"
    loops = "def check(candidate):\n    try:\n        candidate(2)\n    except BaseException:\n        pass\n"
    assert verdict(body("while True: pass"), any_means, loops, Limits(seconds=0.5)) == "timed out"


@pytest.mark.slow
def test_loops_and_the_catching_of_everything_time_out(means):
    loop = body("while True:", "    try:", "        while True: pass", "    except BaseException: pass")
    assert verdict(loop, means, limits=Limits(seconds=0.5)) == "timed out"
    asleep = body("import signal, time", "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))", "time.sleep(1000)")
    assert verdict(asleep, means, limits=Limits(seconds=0.5)) == "timed out"


@pytest.mark.slow
def test_memory_is_no_verdict_of_others(any_means):
    assert verdict(body("return [0] * 10**10"), any_means) == "failed: "
    said = verdict(body("return 'x' * (1 << 27)"), any_means)
    assert said == "failed: the program's answer cannot be read (an answer of more than 64 MiB)"


@pytest.mark.slow
def test_what_is_not_plain_cannot_be_handed_over(any_means):
    test = "def check(candidate):\n    assert candidate(lambda: 2) == 4\n"
    with pytest.raises(DataError, match=r"t/0: its test hands a value of type function to the program; only plain"):
        verdict(body("return 4"), any_means, test)


@pytest.mark.slow
def test_a_prompt_without_a_body_and_one_that_does_not_run(any_means):
    assert verdict("    return 2 * x", any_means, prompt="def f(x):\n") == "passed"
    assert verdict("    return 2 * x", any_means, prompt="import nowhere\ndef f(x):\n") == (
        "failed: No module named 'nowhere'"
    )
    assert verdict(body("return 1"), any_means, prompt="def g(x):\n") == "failed: name 'f' is not defined"


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
    | st.complex_numbers(allow_nan=False) | st.fractions() | st.decimals(allow_nan=False),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)  # fmt: skip


@given(PLAIN)
def test_plain_values_come_back_the_same(value):
    back = decode(json.loads(json.dumps(encode(value, strict=True))))
    assert back == value
    assert type(back) is type(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.sampled_from(["list", "dict", "numpy", "int"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)  # fmt: skip


@given(JSON)
def test_what_is_not_plain_is_refused_and_nothing_else_happens(value):
    try:
        decode(value)
    except ValueError:
        return


def test_objects_do_not_come_through():
    class Text(str):
        def __eq__(self, other):
            return True

        __hash__ = str.__hash__

    assert decode(encode(Text("a"))) != "b"
    assert type(decode(encode(Text("a")))) is str
    assert isinstance(decode(encode([len])[1]), Opaque)
    with pytest.raises(NotPlainError):
        encode([len], strict=True)


@pytest.mark.parametrize("error", [KeyError("a"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), SystemExit(0)])
def test_errors_keep_their_class_and_text(error):
    back = remote_error(json.loads(json.dumps(error_message(error))))
    assert isinstance(back, type(error))
    assert str(back) == str(error)


def test_errors_from_outside_are_of_built_in_classes():
    assert type(remote_error({"error": ["print", "X", 3], "text": 5})) is Exception
    assert isinstance(remote_error({"error": ["Own", "OSError"], "text": "t"}), OSError)
    assert os.strerror(1)  # the module is not replaced by what is named
