"""Which way a difference points: less is better in some columns."""

from __future__ import annotations

from heedful.helm.columns import COLUMNS, PAIRED, Cell
from heedful.helm.matrix import comparisons
from heedful.helm.measure import Measured


def measured(**shares: int) -> Measured:
    """Twenty items; in each column so many of them have 1, the others 0."""
    values = {name: {str(k): float(k < shares.get(name, 0)) for k in range(20)} for name in PAIRED}
    cells = {name: Cell(shares.get(name, 0) / 20, n=20) for name in PAIRED}
    return Measured(cells, values, None, "accuracy", {})


def test_what_there_is_more_of_is_better_or_worse_by_its_column():
    few, many = measured(), measured(**dict.fromkeys(PAIRED, 15))
    found = {c.column: c.found for c in comparisons({"few": {"mine": few}, "many": {"mine": many}}, 0)}
    assert set(found) == set(PAIRED)
    assert "toxicity" in found
    for column, told in found.items():
        assert told.difference.estimate == 0.75
        assert told.verdict == ("worse" if COLUMNS[column].lower_is_better else "better"), column
        assert told.adjusted_p == len(PAIRED) * told.p_value  # Holm, all being equal
