"""An address as a QR code, so that a class need not type a token into a telephone.

ISO/IEC 18004 in its smallest part: bytes, error correction L, versions 1 to 5 (106 bytes, all in one block), mask 0.
Any reader takes any mask; which one is drawn is a matter of beauty.
"""

from __future__ import annotations

from itertools import pairwise

Matrix = list[list[bool]]  # rows of modules, True is dark

DATA_AND_CHECK = ((19, 7), (34, 10), (55, 15), (80, 20), (108, 26))  # codewords of versions 1 to 5 at level L
LONGEST = DATA_AND_CHECK[-1][0] - 2  # bytes; 12 bits tell the mode and the length
QUIET = 2  # light modules around it on a terminal; a printed one has 4


def qr_matrix(text: str) -> Matrix | None:
    """The modules of a text's code; None where it is longer than `LONGEST` bytes."""
    data = text.encode()
    version = next((v for v, (room, _) in enumerate(DATA_AND_CHECK, 1) if len(data) <= room - 2), None)
    if version is None:
        return None
    room, checks = DATA_AND_CHECK[version - 1]
    bits = f"0100{len(data):08b}" + "".join(f"{byte:08b}" for byte in data) + "0000"
    words = [int(bits[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(bits), 8)]
    words += [(0xEC, 0x11)[i % 2] for i in range(room - len(words))]
    return _lay_out(version, words + _check_words(words, checks))


def qr_lines(matrix: Matrix) -> list[str]:
    """Lines for a terminal, two rows of modules in each, dark on light whatever colours the terminal has."""
    width = len(matrix) + 2 * QUIET
    light = [False] * width
    rows = [light] * QUIET + [[False] * QUIET + row + [False] * QUIET for row in matrix] + [light] * QUIET
    rows += [light] * (len(rows) % 2)
    signs = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
    halves = [pair for k, pair in enumerate(pairwise(rows)) if k % 2 == 0]
    return [
        "\x1b[30;107m" + "".join(signs[a, b] for a, b in zip(upper, lower, strict=True)) + "\x1b[0m"
        for upper, lower in halves
    ]


def _check_words(words: list[int], count: int) -> list[int]:
    """The Reed-Solomon remainder over GF(256) with the polynomial 0x11D (ISO/IEC 18004, section 7.5)."""
    generator, root = [1], 1
    for _ in range(count):
        longer = [*generator, 0]
        for k, factor in enumerate(generator):
            longer[k + 1] ^= _times(factor, root)
        generator, root = longer, _times(root, 2)
    rest = [0] * count
    for word in words:
        lead = word ^ rest[0]
        rest = [r ^ _times(g, lead) for r, g in zip([*rest[1:], 0], generator[1:], strict=True)]
    return rest


def _times(a: int, b: int) -> int:
    product = 0
    while b:
        product ^= a * (b & 1)
        a, b = (a << 1) ^ (0x11D if a & 0x80 else 0), b >> 1
    return product


def _lay_out(version: int, words: list[int]) -> Matrix:
    size = 17 + 4 * version
    fixed: dict[tuple[int, int], bool] = {}  # (row, column) of what is no data
    for row, column in ((3, 3), (3, size - 4), (size - 4, 3)):  # the three finders, each with its light rim
        for r in range(row - 4, row + 5):
            for c in range(column - 4, column + 5):
                if 0 <= r < size and 0 <= c < size:
                    fixed[r, c] = max(abs(r - row), abs(c - column)) not in (2, 4)
    if version > 1:
        place = size - 7
        for r in range(place - 2, place + 3):
            for c in range(place - 2, place + 3):
                fixed[r, c] = max(abs(r - place), abs(c - place)) != 1
    for k in range(8, size - 8):
        fixed[6, k] = fixed[k, 6] = k % 2 == 0
    fixed |= _format(size)
    bits = iter("".join(f"{word:08b}" for word in words))
    out = [[fixed.get((r, c), False) for c in range(size)] for r in range(size)]
    upwards = True
    for right in (*range(size - 1, 6, -2), *range(5, 0, -2)):  # column 6 is the timing's
        for r in range(size - 1, -1, -1) if upwards else range(size):
            for c in (right, right - 1):
                if (r, c) not in fixed:
                    out[r][c] = (next(bits, "0") == "1") != ((r + c) % 2 == 0)  # mask 0
        upwards = not upwards
    return out


def _format(size: int) -> dict[tuple[int, int], bool]:
    """Level L and mask 0, twice, by the BCH code of section 7.9."""
    data = rest = 0b01000
    for _ in range(10):
        rest = (rest << 1) ^ (0x537 if rest & 0x200 else 0)
    code = (data << 10 | rest) ^ 0x5412
    bits = [bool(code >> k & 1) for k in range(15)]
    corner = [(k, 8) for k in (0, 1, 2, 3, 4, 5, 7, 8)] + [(8, k) for k in (7, 5, 4, 3, 2, 1, 0)]
    apart = [(8, size - 1 - k) for k in range(8)] + [(size - 15 + k, 8) for k in range(8, 15)]
    places = [*zip(corner, bits, strict=True), *zip(apart, bits, strict=True)]
    return dict(places) | {(size - 8, 8): True}
