"""heedful chat MODEL: a conversation in the terminal, or with questions from a pipe."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.backends.server_options import ServerOptions
from heedful.cli.output import check_seed, print_json
from heedful.cli.server import ApiKeyEnv, ServerField, Timeout, check_server, server_fields
from heedful.errors import DataError, HeedfulError, RequestError, did_you_mean, printable
from heedful.models.names import ModelName, parse_model_name

if TYPE_CHECKING:
    from heedful.backends.base import GenerationSettings
    from heedful.backends.speaking import Speaker
    from heedful.cli.chat_session import Session

PRECISIONS = ("auto", "fp32", "bf16")
HISTORY = 2_000  # lines


def chat(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="hf:, gguf:, pip:, run:DIR (also @base, @step=N, @latest), openai:NAME@URL or scripted:FILE.",
        ),
    ],
    system: Annotated[str | None, typer.Option(metavar="TEXT", help="A system prompt.")] = None,
    against: Annotated[
        str | None, typer.Option(metavar="MODEL", help="What /compare compares with; by default a run's base.")
    ] = None,
    load: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Go on with a conversation that /save wrote.")
    ] = None,
    template: Annotated[
        str, typer.Option(metavar="NAME", help="A template; by default the model's own, else alpaca.")
    ] = "auto",
    max_new_tokens: Annotated[int, typer.Option(metavar="N", help="New tokens an answer, at most.")] = 512,
    temperature: Annotated[float, typer.Option(metavar="T", help="0 takes the most likely token each time.")] = 0.0,
    top_p: Annotated[
        float, typer.Option(metavar="P", help="Sample among the likeliest tokens of this total probability.")
    ] = 1.0,
    top_k: Annotated[int, typer.Option(metavar="K", help="Sample among the K likeliest tokens; 0 for all.")] = 0,
    min_p: Annotated[
        float, typer.Option(metavar="P", help="Leave out tokens under this share of the likeliest one's.")
    ] = 0.0,
    repetition_penalty: Annotated[
        float, typer.Option(metavar="X", help="Above 1, what was said already becomes less likely.")
    ] = 1.0,
    stop: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="End an answer before this text.")] = None,
    precision: Annotated[str, typer.Option(metavar="NAME", help="auto, fp32 or bf16.")] = "auto",
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, mps.")] = "auto",
    timeout: Timeout = 300,
    api_key_env: ApiKeyEnv = None,
    server_field: ServerField = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of sampling.")] = 0,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let the model's repository run its own code.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the conversation as one JSON document at the end.")
    ] = False,
) -> None:
    """Talk to a model: its answers come as they are made, each with all that was said before."""
    from heedful.backends.base import GenerationSettings
    from heedful.cli.chat_session import Session, tell_on_stderr, write_now, write_on_stderr
    from heedful.conversation import Conversation, load_conversation

    check_seed(seed)
    if precision not in PRECISIONS:
        raise RequestError(f"--precision '{precision}'{did_you_mean(precision, PRECISIONS)}: choose auto, fp32 or bf16")
    if "" in (stop or ()):
        raise RequestError("--stop '': the text is empty, and every answer would end before it; name some text")
    if load is not None and system is not None:
        raise RequestError("--system: the conversation of --load has its own; change it with /system")
    settings = GenerationSettings(seed=seed, stop=tuple(stop or ()), server_fields=server_fields(server_field))
    settings = _checked(settings, max_new_tokens=max_new_tokens, temperature=temperature, top_p=top_p, top_k=top_k,
                        min_p=min_p, repetition_penalty=repetition_penalty)  # fmt: skip
    talk = Conversation(system) if load is None else load_conversation(load)
    options = ServerOptions(timeout=timeout, api_key_env=api_key_env)
    check_server(options, [model, *([against] if against else [])])
    other_name = against or _base_of(model)

    def opened(name: str) -> Callable[[], Any]:
        from heedful.backends.by_name import open_backend

        return open_backend(
            name, template=template, precision=precision, device=device, trust_remote_code=trust_remote_code,
            say=tell_on_stderr, settings=settings, server=options,
        )  # fmt: skip

    loader = opened(model)
    if against is not None:
        opened(against)  # a mistake in it is to be told now, not in the middle of a conversation
    terminal = sys.stdin.isatty()
    with contextlib.ExitStack() as stack:

        def ready(name: str, load: Callable[[], Any]) -> Speaker:
            from heedful.backends.speaking import speaker_of

            speaker = speaker_of(load())
            stack.callback(speaker.close)
            if terminal:
                tell_on_stderr(f"{name}: {speaker.note}")
            return speaker

        def load_other() -> Speaker:
            if other_name is None:
                raise RequestError("/compare: there is nothing to compare with; start with --against MODEL")
            return ready(other_name, opened(other_name))

        write = write_now
        if as_json:  # stdout is for the document
            write = write_on_stderr if terminal else lambda _: None
        session = Session(ready(model, loader), settings, write, tell_on_stderr, load_other, talk, terminal, file=load)
        failed = _from_terminal(session) if terminal else _from_pipe(session)
        _end(session, model, failed, as_json)


def _checked(settings: GenerationSettings, **values: float) -> GenerationSettings:
    """Settings with values that /set would take; the sentences name the options."""
    from heedful.cli.chat_session import set_value

    for name, value in values.items():
        try:
            settings = set_value(settings, f"{name}={value}")
        except RequestError as e:
            option = f"--{name.replace('_', '-')} {value:g}"
            raise RequestError(str(e).replace(f"/set {name}={value}", option)) from None
    return settings


def _base_of(model: str) -> str | None:
    """What a run began with, in the form of a name."""
    parsed = parse_model_name(model)
    return str(ModelName("run", parsed.target, "base")) if parsed.kind == "run" and parsed.detail != "base" else None


def _from_pipe(session: Session) -> int:
    """A question a line; how many were not answered. RequestError for a command that is none stops it."""
    from heedful.cli.chat_session import Ended

    failed = 0
    for number, line in enumerate(_lines(), 1):
        try:
            session.line(line)
        except Ended:
            break
        except RequestError as e:
            if line.startswith("/") and not line.startswith("//"):
                raise type(e)(f"stdin:{number}: {e}") from None
            failed += 1
            session.tell(f"stdin:{number}: {printable(str(e))}")
        except HeedfulError as e:
            failed += 1
            session.tell(f"stdin:{number}: {printable(str(e))}")
    return failed


def _lines() -> Iterator[str]:
    """The lines of stdin; one that ends in a backslash goes on in the next."""
    begun = ""
    try:
        for line in sys.stdin:
            text = begun + line.rstrip("\r\n")
            if text.endswith("\\"):
                begun = text[:-1] + "\n"
                continue
            begun = ""
            yield text
    except UnicodeDecodeError as e:
        raise DataError(f"stdin: is not UTF-8 ({e.reason}); convert it first") from None
    if begun:
        yield begun


def _from_terminal(session: Session) -> int:
    """Until Ctrl-D; mistakes are told, and the conversation goes on."""
    from heedful.cli.chat_session import Ended

    session.tell("/help lists the commands; Ctrl-C stops an answer, Ctrl-D ends.")
    failed = 0
    with _line_editing():
        while True:
            try:
                session.line(_read())
            except (EOFError, Ended):
                session.tell("")
                return failed
            except KeyboardInterrupt:
                session.tell("\n(Ctrl-D or /quit ends)")
            except HeedfulError as e:
                failed += 1
                session.tell(printable(str(e)))


def _read() -> str:
    text, prompt = "", "> "
    while True:
        if not sys.stdout.isatty():
            sys.stderr.write(prompt)
            sys.stderr.flush()
            prompt = ""
        line = input(prompt)
        try:
            line.encode()
        except UnicodeEncodeError:
            raise RequestError("this line is not UTF-8; type it again") from None
        if not line.endswith("\\"):
            return text + line
        text, prompt = text + line[:-1] + "\n", ". "


@contextlib.contextmanager
def _line_editing() -> Iterator[None]:
    """Arrow keys, a history of earlier sessions and completion of commands, where Python has readline."""
    try:
        import readline
    except ImportError:  # Windows
        yield
        return
    from heedful.cli.chat_session import COMMANDS
    from heedful.store import cache_folder

    file = cache_folder() / "chat_history"
    with contextlib.suppress(OSError):
        readline.read_history_file(file)
    readline.set_completer_delims(" ")
    readline.set_completer(lambda text, k: next(iter([c for c in COMMANDS if text and c.startswith(text)][k:]), None))
    mac = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if mac else "tab: complete")
    try:
        yield
    finally:
        readline.set_completer(None)
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            readline.set_history_length(HISTORY)
            readline.write_history_file(file)


def _end(session: Session, model: str, failed: int, as_json: bool) -> None:
    """The document, where it was asked for; HeedfulError where not one question was answered."""
    from heedful.records import to_json

    spent = getattr(getattr(session.speaker, "backend", None), "spent", None)
    if as_json:
        print_json(
            {
                "model": model,
                "settings": session.settings.hash,
                "messages": [to_json(m) for m in session.conversation.messages],
                "turns": session.turns,
                "failed": failed,
                **({"server": spent.as_json()} if spent is not None else {}),
            }
        )
    elif spent is not None:
        session.tell(str(spent))
    if failed and not any(turn["answer"] is not None for turn in session.turns) and not sys.stdin.isatty():
        raise HeedfulError(f"no question could be answered ({failed:,} failed); the reasons stand above")
