"""The `heedful` command: its sub-commands, and how errors become one sentence and an exit status.

Nothing here imports torch: `heedful --help`, `data check` and `report` start without it.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from typing import Annotated, Any

import typer

from heedful.cli.arena import arena
from heedful.cli.bench import bench
from heedful.cli.chat import chat
from heedful.cli.compare import compare
from heedful.cli.convert import convert
from heedful.cli.data import app as data_app
from heedful.cli.demo import demo
from heedful.cli.export import export
from heedful.cli.helm import helm
from heedful.cli.judge import judge
from heedful.cli.rate import rate
from heedful.cli.report import report
from heedful.cli.respond import respond
from heedful.cli.review import review
from heedful.cli.score import score
from heedful.cli.serve import serve
from heedful.cli.show import show
from heedful.cli.train import train
from heedful.errors import HeedfulError, printable

app = typer.Typer(
    name="heedful",
    help="Teach a pretrained language model to follow instructions, and show the evidence that it does.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
data_app.command("show")(show)
# The list of commands would cut their own first sentences off.
app.command("demo", short_help="The whole loop on what the packages bring, in minutes.")(demo)
app.add_typer(data_app, name="data", short_help="Look at data before a model sees it.")
app.command("train", short_help="Fine-tune a model, answer before and after, report.")(train)
app.command("respond", short_help="Answer the questions of a file.")(respond)
app.command("review", short_help="A page to read answers on and mark them, blind.")(review)
app.command("judge", short_help="A judge model scores or compares answers, and is judged itself.")(judge)
app.command("bench", short_help="Benchmarks, by their owners' rules, with errors and every answer.")(bench)
app.command("helm", short_help="The whole picture: scenarios by metrics, models in a matrix.")(helm)
app.command("score", short_help="A benchmark's own figures on saved outputs.")(score)
app.command("arena", short_help="A page: two hidden models, one question, a vote; a leaderboard.")(arena)
app.command("rate", short_help="Ratings with intervals from votes.")(rate)
app.command("compare", short_help="Is B better than A? One word, with its numbers.")(compare)
app.command("chat", short_help="A conversation in the terminal.")(chat)
app.command("serve", short_help="A model for clients of OpenAI's interface.")(serve)
app.command("export", short_help="The model for other programs, compared before it is done.")(export)
app.command("convert", short_help="Axolotl's, LLaMA-Factory's or TRL's settings as a recipe.")(convert)
app.command("report", short_help="Write the page of a run again, from its files.")(report)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"heedful {version('heedful')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Options that stand before a command."""


# Click's own class for a wrong command line, wherever this version of typer keeps its click.
_UsageError: Any = typer.BadParameter.__mro__[1]


# What pydantic says of a value, in plain words.
_PLAIN = (
    (r", unable to parse .*", ""),
    ("a valid integer.*", "a whole number"),
    ("a valid number", "a number"),
    (r"greater than or equal to (\S+)", r"\1 or more"),
    (r"less than or equal to (\S+)", r"\1 or less"),
)


def _usage_sentence(error: Any) -> str:
    """A mistake on the command line as one sentence with the mend."""
    message = error.format_message().strip().rstrip(".")
    message = re.sub(r"\(Possible options?: (.*)\)", r"(did you mean \1?)", message)
    message = re.sub(r"\. Did you mean (.*)\?", r" (did you mean \1?)", message)
    message = message[:1].lower() + message[1:].replace("Input should be", "it must be", 1)
    for theirs, ours in _PLAIN:
        message = re.sub(theirs, ours, message)
    command = error.ctx.command_path if error.ctx else "heedful"
    return f"{message}; see {command} --help"


def main() -> None:
    """Run the command line; exit status 0 done, 1 failed, 2 wrong request, 130 interrupted."""
    # Other libraries' progress bars would tear the live view; heedful shows its own.
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")  # no process is forked that would encode
    # While another program has one of the cores, torch's threads wait for each other by spinning, and training without
    # the engine nearly comes to a stop. A short spin, then sleep, costs little on a quiet machine.
    # Read once, by GNU's OpenMP, when torch is loaded; see docs/decisions.md.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    try:
        status = app(prog_name="heedful", standalone_mode=False) or 0
        if status == 130:  # typer swallows a KeyboardInterrupt and gives this back
            raise KeyboardInterrupt
        sys.exit(status)
    except _UsageError as e:
        if type(e).__name__ == "NoArgsIsHelpError":  # its message is the help
            print(e.format_message(), file=sys.stderr)
            sys.exit(2)
        print(f"heedful: error: {printable(_usage_sentence(e))}", file=sys.stderr)
        sys.exit(2)
    except HeedfulError as e:
        print(f"heedful: {'' if e.exit_status == 130 else 'error: '}{printable(str(e))}", file=sys.stderr)
        sys.exit(e.exit_status)
    except (typer.Abort, KeyboardInterrupt):
        print("heedful: stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of a pipe went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as e:
        full = e.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO)
        if not full and not e.filename:
            raise
        where = f"{printable(str(e.filename))}: " if e.filename else ""
        what = "cannot be written" if full else "cannot be used"
        mend = "free some room" if full else "check the path and its permissions"
        print(f"heedful: error: {where}{what} ({e.strerror}); {mend}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in its buffer has no place either
        sys.exit(1 if full else 2)


if __name__ == "__main__":
    main()
