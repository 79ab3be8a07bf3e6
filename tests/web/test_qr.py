"""QR codes, as zxing-cpp 3.1.1 read them back from a picture when these hashes were taken."""

from __future__ import annotations

import hashlib

import pytest

from heedful.web.qr import LONGEST, qr_lines, qr_matrix

ADDRESS = "http://192.168.100.123:8731/?token=i9EW8jy4pPoMhgRB1jCqAhx6y1F3eJ-E"


@pytest.mark.parametrize(
    ("text", "size", "digest"),
    [
        ("a", 21, "e0eaa9451b23803a"),
        ("http://10.0.0.1:8707/", 25, "d4f245bb5bad5be3"),
        ("http://192.168.1.23:8731/?token=our-class-of-2026", 29, "e1e8dd0162843431"),
        (ADDRESS, 33, "9ecb27f9de5681c4"),
        ("x" * LONGEST, 37, "36c90a95675915b0"),  # the same modules as segno 1.6 with mask 0
        ("é" * 40, 37, "6c628bc67d97f442"),
    ],
)
def test_codes_that_a_reader_has_read(text, size, digest):
    matrix = qr_matrix(text)
    assert matrix is not None
    assert {len(matrix), *map(len, matrix)} == {size}
    assert hashlib.sha256(bytes(module for row in matrix for module in row)).hexdigest()[:16] == digest


def test_what_is_too_long_has_none_and_a_terminal_of_80_columns_is_wide_enough():
    assert qr_matrix("x" * (LONGEST + 1)) is None
    matrix = qr_matrix("x" * LONGEST)
    assert matrix is not None
    lines = qr_lines(matrix)
    shown = [line.removeprefix("\x1b[30;107m").removesuffix("\x1b[0m") for line in lines]
    assert {len(line) for line in shown} == {41}
    rows = [[sign in half for sign in line] for line in shown for half in ("▀█", "▄█")]
    assert [row[2:-2] for row in rows[2:39]] == matrix  # what is drawn is the code, inside its light rim
    assert not any(any(row) for row in (*rows[:2], *rows[39:]))
