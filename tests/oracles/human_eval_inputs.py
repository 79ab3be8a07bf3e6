"""Problems and completions that we wrote, in HumanEval's form, to be judged by its owner's code and by ours."""

from __future__ import annotations

import random

PROBLEMS = [
    {
        "task_id": "ours/0",
        "prompt": "from typing import List\n\n\ndef halves(values: List[int]) -> List[int]:\n"
        '    """Half of each even value.\n'
        '    >>> halves([4, 3])\n    [2]\n    """\n',
        "canonical_solution": "    return [v // 2 for v in values if v % 2 == 0]\n",
        "test": "\n\nMETADATA = {'author': 'us'}\n\n\ndef check(candidate):\n    assert candidate([4, 3]) == [2]\n"
        "    assert candidate([]) == [], 'empty'\n    assert candidate([0, -6]) == [0, -3]\n",
        "entry_point": "halves",
    },
    {
        "task_id": "ours/1",
        "prompt": "import math\n\n\ndef spiral(n):\n    return [math.sqrt(i) for i in range(n)]\n\n\ndef longest(n):\n",
        "canonical_solution": "    return max(spiral(n), default=0.0)\n",
        "test": "def check(candidate):\n    import random\n    for n in [random.randrange(1, 9) for _ in range(20)]:\n"
        "        assert abs(candidate(n) - spiral(n)[-1]) < 1e-6\n    assert longest(0) == 0\n",
        "entry_point": "longest",
    },
    {
        "task_id": "ours/2",
        "prompt": 'def pick(word, table):\n    """The entry of a word; ValueError for an unknown one."""\n',
        "canonical_solution": "    if word not in table:\n        raise ValueError(word)\n    return table[word]\n",
        "test": "def check(candidate):\n    table = {'a': (1, None), 'b': {'x': [True]}}\n"
        "    assert candidate('a', table) == (1, None)\n    assert candidate('b', table=table) == {'x': [True]}\n"
        "    try:\n        candidate('c', table)\n    except ValueError as e:\n        assert str(e) == 'c', e\n"
        "    else:\n        assert False, 'no error'\n    assert tuple(candidate('a', table)) == pick('a', table)\n",
        "entry_point": "pick",
    },
]
# For each problem; the last two take the owner's time limit.
COMPLETIONS = {
    "ours/0": [
        "    return [v // 2 for v in values if v % 2 == 0]\n\nprint(halves([2]))\n",
        "    return [v / 2 for v in values if not v & 1]",
        "    return (v // 2 for v in values if v % 2 == 0)",
        "    return tuple(v // 2 for v in values if v % 2 == 0)",
        "    values[:] = [v // 2 for v in values if v % 2 == 0]\n    return values",
        "    return values and [values[0] // 0] or None",
        "    return [2] if values else None",
        "    return halves(values)",
        "    return undefined",
        "    import nowhere_at_all",
        "    import numpy as np\n    v = np.array(values, dtype=int)\n    return list(v[v % 2 == 0] // 2)",
        "    import numpy as np\n    v = np.array(values, dtype=int)\n    return v[v % 2 == 0] // 2",
        "   return [2]\n  x",
        "    return [2",
        "    return {}['a']",
        "    raise SystemExit(3)",
        "    return [int(v) for v in input().split()]",
        "    x: int = '1' + 1",
        "    pass",
        "\treturn [2]",
        "",
        "    while True:\n        pass\n",
        "    try:\n        while True: pass\n    finally:\n        pass\n",
    ],
    "ours/1": [
        "    return max(spiral(n), default=0.0)\n",
        "    return math.sqrt(n - 1) if n else 0\n",
        "    return math.sqrt(n)\n",
        "    return spiral(n)[-1]\n",
        "    from fractions import Fraction\n    return Fraction(math.sqrt(max(n - 1, 0)))\n",
    ],
    "ours/2": [
        "    if word not in table:\n        raise ValueError(word)\n    return table[word]\n",
        "    return table[word]\n",
        "    class Unknown(ValueError):\n        pass\n    if word not in table:\n        raise Unknown(word)\n"
        "    return table[word]\n",
        "    return table.get(word)\n",
        "    table['a'] = 0\n    return (1, None)\n",
        "    return [*table[word]]\n",
    ],
}


def counts() -> list[list[tuple[int, int]]]:
    """Sets of problems, each a number of completions and how many of them pass."""
    draw = random.Random(6)
    sets = []
    for size in (1, 2, 7, 40, 164):
        least = draw.choice((1, 10, 100))
        totals = [least + draw.randrange(0, 120) for _ in range(size)]
        sets.append([(n, draw.randint(0, n)) for n in totals])
    return [*sets, [(10, 0), (10, 10)], [(200, 1)] * 3, [(1, 1), (1, 0), (1, 0)]]
