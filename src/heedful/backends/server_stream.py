"""One answer of a server, piece by piece: server-sent events of OpenAI's chat completions.

A person waits for it, so nothing is tried again and nothing comes from the cache: what goes wrong is told at once, and
the person decides. A server that does not stream gives its answer whole.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import httpx2

from heedful.backends.base import Answer, GenerationSettings
from heedful.backends.server_faults import certificates, denied, not_found_now, reason, unreachable
from heedful.backends.server_reply import Denied, NotFound, OtherLimitName, Refused, TryAgain, read_reply
from heedful.backends.server_request import check_settings, request_body
from heedful.errors import HeedfulError, RequestError, printable
from heedful.records import Message

if TYPE_CHECKING:
    from heedful.backends.openai import OpenAIBackend

LARGEST = 64 * 2**20  # bytes of an answer
Piece = tuple[str, Answer | None]


def stream(backend: OpenAIBackend, messages: Sequence[Message], settings: GenerationSettings) -> Iterator[Piece]:
    """Pieces of text; the last one bears the whole Answer, with an error where this question was not answered.

    RequestError, ModelError or HeedfulError where no question would be: no server, no key, no such model.
    """
    check_settings(settings)
    body = request_body(backend.model, messages, settings)
    body |= {"stream": True, "stream_options": {"include_usage": True}}
    problem = ""
    try:
        yield from _ask(backend, body)
        return
    except OtherLimitName:
        backend.spent.failed += 1
        if backend.limit_name == "max_completion_tokens":
            raise RequestError(f"{backend.server.url} knows no limit for the length of an answer") from None
        backend.limit_name = "max_completion_tokens"
        yield from stream(backend, messages, settings)
        return
    except Denied as e:
        backend.spent.failed += 1
        refusal = denied(backend.server, e)
        raise type(refusal)(backend.without_key(str(refusal))) from None
    except NotFound as e:
        backend.spent.failed += 1
        with _client(backend) as client:
            wrong = not_found_now(client, backend.server, backend.model, e)
        raise type(wrong)(backend.without_key(str(wrong))) from None
    except HeedfulError as e:
        raise type(e)(backend.without_key(str(e))) from None
    except (TryAgain, Refused) as e:
        problem = str(e)
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as e:
        raise unreachable(backend.server, reason(e)) from None
    except httpx2.TimeoutException:
        problem = f"nothing came from the server for {backend.options.timeout:g} s (--timeout)"
    except httpx2.TransportError as e:
        problem = f"the connection broke off ({reason(e)})"
    backend.spent.failed += 1
    yield "", Answer(0, "", "error", 0, 0, 0.0, backend.without_key(problem))


def _ask(backend: OpenAIBackend, body: dict[str, Any]) -> Iterator[Piece]:
    server = backend.server
    sent = dict(body)
    limit = sent.pop("max_tokens", None)
    if limit is not None:
        sent[backend.limit_name] = limit
    began = time.perf_counter()
    backend.spent.requests += 1
    with (
        _client(backend) as client,
        client.stream(
            "POST", server.endpoint, content=json.dumps(sent), headers={"Content-Type": "application/json"}
        ) as response,
    ):
        kind = response.headers.get("content-type", "")
        if response.status_code != 200 or "text/event-stream" not in kind:
            content = b"".join(_limited(response.iter_bytes()))
            reply = read_reply(response.status_code, response.headers, content, limit or 1 << 60, server.endpoint)
            answer = _answer(backend, reply.text, reply.finish_reason, reply.prompt_tokens, reply.tokens, began)
            yield reply.text, answer
            return
        yield from _read(backend, response, limit or 1 << 60, began)


def _client(backend: OpenAIBackend) -> httpx2.Client:
    options, server = backend.options, backend.server
    return httpx2.Client(
        headers={"Authorization": f"Bearer {server.key}"} if server.key else {},
        timeout=httpx2.Timeout(options.timeout, connect=options.connect_timeout),
        follow_redirects=False,
        trust_env=not server.loopback,
        verify=certificates(server),
    )


def _read(backend: OpenAIBackend, response: Any, limit: int, began: float) -> Iterator[Piece]:
    """The events of a stream as they come, and the answer that they make."""
    said: list[str] = []
    choice: dict[str, Any] = {}
    usage: Any = None
    ended = False
    for line in _limited(response.iter_lines()):
        if not line.startswith("data:"):
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            ended = True
            break
        value = _json(data)
        usage = value["usage"] if isinstance(value.get("usage"), dict) else usage
        choices = value.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            continue
        choice = choices[0] if choices[0].get("finish_reason") else choice
        delta = choices[0].get("delta")
        text = delta.get("content") if isinstance(delta, dict) else None
        if isinstance(text, str) and text:
            said.append(text)
            yield text, None
    if not (ended or choice):
        raise TryAgain("the answer broke off")
    # Read as a whole answer is: the same reasons for its end, the same counts.
    message = {"message": {"content": "".join(said)}, "finish_reason": choice.get("finish_reason")}
    whole = {"choices": [message], "usage": usage}
    reply = read_reply(200, {}, json.dumps(whole).encode(), limit, backend.server.endpoint)
    counts = (reply.prompt_tokens, reply.tokens)
    yield "", _answer(backend, reply.text, reply.finish_reason, *counts, began, reply.error)


def _json(data: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError:
        raise TryAgain("a piece of the answer is not JSON") from None
    if not isinstance(value, dict):
        raise TryAgain("a piece of the answer is not a JSON object")
    if value.get("error"):
        read_reply(200, {}, json.dumps(value).encode(), 1, "")  # raises with the server's words
    return value


def _limited(pieces: Iterator[Any]) -> Iterator[Any]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > LARGEST:
            raise TryAgain(f"the answer is longer than {LARGEST // 2**20} MiB")
        yield piece


def _answer(
    backend: OpenAIBackend, text: str, finish: Any, asked: int | None, said: int | None, began: float,
    error: str | None = None,
) -> Answer:  # fmt: skip
    backend.spent.add(asked, said)
    seconds = round(time.perf_counter() - began, 4)
    return Answer(0, text, finish, asked or 0, said or 0, seconds, None if error is None else printable(error))
