"""Data: rows from files, what they mean, where they go, and an account of every one.

sources.py   read_rows         file -> Row(value, "train.jsonl:17")
formats.py   to_example        Row -> Example, or a Drop with its reason
splits.py    split_examples    Examples -> Split(train, val, test), and what the parts share
audit.py     LedgerBuilder     counts them all; the sums are checked
load.py      load_examples, load_split, read_examples: the front door
packaged.py  starter_path      the rows that the package brings
"""

from heedful.data.audit import Ledger, LedgerBuilder, ledger_lines
from heedful.data.formats import FORMATS, Drop, Format, recognise, to_example
from heedful.data.load import Loaded, load, load_examples, load_parts, load_split, read_examples
from heedful.data.packaged import starter_path
from heedful.data.sources import Row, read_rows
from heedful.data.splits import Overlap, Split, overlaps, parse_split, question_of, split_examples

__all__ = [
    "FORMATS",
    "Drop",
    "Format",
    "Ledger",
    "LedgerBuilder",
    "Loaded",
    "Overlap",
    "Row",
    "Split",
    "ledger_lines",
    "load",
    "load_examples",
    "load_parts",
    "load_split",
    "overlaps",
    "parse_split",
    "question_of",
    "read_examples",
    "read_rows",
    "recognise",
    "split_examples",
    "starter_path",
    "to_example",
]
