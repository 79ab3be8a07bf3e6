"""Programs that a model wrote, run where they can do no harm and cannot say what they are worth.

    isolation()          by which means this machine can shut a program in, or HeedfulError: there is no weaker way
    run(source)          runs a program, with its output
    checked(task)        runs tests against a program; the verdict comes from a process that the program cannot reach

What it guards against, by which means, and what it does not: docs/sandbox.md.
"""

from heedful.sandbox.checked import Task, checked
from heedful.sandbox.isolation import isolation, run
from heedful.sandbox.means import MEANS, Isolation
from heedful.sandbox.process import Limits, Outcome

__all__ = ["MEANS", "Isolation", "Limits", "Outcome", "Task", "checked", "isolation", "run"]
