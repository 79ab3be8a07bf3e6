"""How fast rows are read, and in how much memory, for each kind of file: python benchmarks/read_rows.py --rows 100000

Makes files by a seed in a temporary folder and reads each in a process of its own. MB are those of the unpacked
text (for Parquet and Arrow: of the file); peak RSS has the interpreter in it, and pyarrow where it is used. The first
lines are json.loads alone, over the same lines, as a measure of what is possible.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KINDS = (
    "lines.jsonl", "a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.json", "container.json", "a.csv", "a.tsv", "a.tsv.zst",
    "a.parquet", "a.parquet.gz", "stream.arrow", "stream.arrow.zst", "file.arrow",
)  # fmt: skip
WORDS = (
    "the",
    "of",
    "and",
    "Answer:",
    "is",
    "with,",
    "some",
    "a",
    "longer",
    "word",
    "é",
    "“quoted”",
    "日本",
    "one\ntwo",
)

# The peak is VmHWM of Linux: getrusage also counts what the parent had before this program took its place.
READ = r"""
import json, re, sys, time
from pathlib import Path
path, plain = sys.argv[1], sys.argv[2] == "plain"
if not plain:
    from heedful.data.sources import read_rows
begin, rows = time.perf_counter(), 0
if plain:
    with open(path, "rb") as f:
        for line in f:
            json.loads(line)
            rows += 1
else:
    for row in read_rows(path):
        rows += 1
seconds = time.perf_counter() - begin
print(json.dumps([rows, seconds, int(re.search(r'VmHWM:\s*(\d+)', Path('/proc/self/status').read_text())[1]) / 1024]))
"""


def values(rows: int, seed: int) -> Iterator[dict[str, Any]]:
    luck = random.Random(seed)
    for number in range(rows):
        text = luck.choices(WORDS, k=60)
        yield {"instruction": " ".join(text[:12]), "input": f"{number}", "output": " ".join(text[12:])}


def make(folder: Path, rows: int, seed: int) -> dict[str, int]:
    """Write a file of each kind; the bytes of each before it is packed."""
    import csv

    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ("instruction", "input", "output")
    schema = pa.schema([(name, pa.string()) for name in names])
    with (
        (folder / "a.jsonl").open("w", encoding="utf-8") as lines,
        (folder / "a.json").open("w", encoding="utf-8") as array,
        (folder / "container.json").open("w", encoding="utf-8") as container,
        (folder / "a.csv").open("w", encoding="utf-8", newline="") as commas,
        (folder / "a.tsv").open("w", encoding="utf-8", newline="") as tabs,
        pq.ParquetWriter(folder / "a.parquet", schema) as parquet,
        pa.OSFile(str(folder / "stream.arrow"), "wb") as stream_file,
        pa.ipc.new_stream(stream_file, schema) as stream,
        pa.OSFile(str(folder / "file.arrow"), "wb") as file,
        pa.ipc.new_file(file, schema) as arrow,
    ):
        tables = [csv.writer(commas), csv.writer(tabs, "excel-tab")]
        for table in tables:
            table.writerow(names)
        array.write("[")
        container.write('{"version": 1, "data": [')
        kept: list[dict[str, Any]] = []
        for number, value in enumerate(values(rows, seed), 1):
            text = json.dumps(value)
            lines.write(text + "\n")
            array.write((",\n" if number > 1 else "") + text)
            container.write(("," if number > 1 else "") + text)
            for table in tables:
                table.writerow(value.values())
            kept.append(value)
            if len(kept) == 100_000 or number == rows:  # a row group; Arrow batches of 1,000 as datasets writes them
                batch = pa.Table.from_pylist(kept, schema)
                parquet.write_table(batch)
                stream.write_table(batch, max_chunksize=1000)
                arrow.write_table(batch, max_chunksize=1000)
                kept.clear()
        array.write("]")
        container.write("]}")
    (folder / "lines.jsonl").hardlink_to(folder / "a.jsonl")
    sizes = {}
    for kind in KINDS:
        bare, _, packing = kind.rpartition(".")
        packed = packing in ("gz", "zst")
        sizes[kind] = (folder / (bare if packed else kind)).stat().st_size
        if packed:
            codec = "gzip" if packing == "gz" else "zstd"
            with (folder / bare).open("rb") as source, pa.output_stream(folder / kind, compression=codec) as sink:
                while data := source.read(1 << 20):
                    sink.write(data)
    return sizes


def main() -> None:
    parser = argparse.ArgumentParser(description="rows a second and peak memory of each kind of file")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dir", help="where the temporary folder is made (default: the system's)")
    options = parser.parse_args()
    print(f"{'rows':>9}  {'file':18} {'MB':>7} {'seconds':>8} {'rows/s':>9} {'MB/s':>6} {'peak RSS, MB':>13}")
    for rows in options.rows:
        with tempfile.TemporaryDirectory(dir=options.dir) as name:
            sizes = make(Path(name), rows, options.seed)
            for kind, size in sizes.items():
                plain = "plain" if kind == "lines.jsonl" else "heedful"
                done = subprocess.run(
                    [sys.executable, "-c", READ, f"{name}/{kind}", plain], capture_output=True, text=True, check=False
                )
                if done.returncode:
                    sys.exit(f"{kind}: {done.stderr}")
                read, seconds, peak = json.loads(done.stdout)
                if read != rows:
                    sys.exit(f"{kind}: {read:,} rows were read of {rows:,}")
                shown = "(json.loads)" if plain == "plain" else kind
                mb = size / 1e6
                print(
                    f"{rows:9,}  {shown:18} {mb:7.1f} {seconds:8.2f} {rows / seconds:9,.0f} {mb / seconds:6.0f} "
                    f"{peak:13.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
