"""`heedful bench`: tasks put to a model, journalled, marked and summed up.

    tasks.py     name, Plan        -> Prepared(items)               everything that can be wrong is wrong here
    requests.py  Prepared, a model -> Requests, each asked once
    journal.py   requests/KEY.jsonl: what the model made of each, as it comes
    one_task.py  Requests -> Outcomes -> Samples and their files, of one task
    run.py       all of it, task by task -> results.json
    results.py   Samples           -> figures, hashes, facts; clean.py: without the items that were trained on
    listing.py, lm_eval.py         what there is; the files that readers of lm-evaluation-harness's folder know

Nothing here imports torch: a model in this process brings it.
"""

from __future__ import annotations

from heedful.bench.asked_for import Bench
from heedful.bench.folder import BenchFolder
from heedful.bench.requests import How
from heedful.bench.run import run_bench
from heedful.bench.tasks import Prepared, prepare

__all__ = ["Bench", "BenchFolder", "How", "Prepared", "prepare", "run_bench"]
