"""Queues, clients that leave, time-outs, the end of the server, and who is let in at all."""

from __future__ import annotations

import http.client
import json
import threading
import time

import pytest

from heedful.serve.gate import Gate
from heedful.web.guard import Rules

KEY = "a-key-of-some-length"
LONG = {"model": "tiny", "messages": [{"role": "user", "content": "Say red."}], "max_tokens": 400}


@pytest.fixture(scope="module")
def endless(served_backend):
    """The same backend without stop tokens: its answers are as long as asked for."""
    import copy

    backend = copy.copy(served_backend)
    backend.stop_ids = set()
    return backend


def paused(served, after=2):
    """Let the model stand still after so many steps, until the event is set: then nothing depends on its speed."""
    batch, go_on, steps = served.service.worker._batch, threading.Event(), []
    whole = batch.step

    def step():
        if len(steps) >= after and not go_on.is_set():
            time.sleep(0.002)
            return []
        steps.append(1)
        return whole()

    batch.step = step
    return go_on


def send(served, path="/v1/chat/completions", body=None, method="POST", **headers):
    """Status, headers and JSON of a request without any client's help."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    try:
        text = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        given = {"content-type": "application/json"} if text is not None else {}
        connection.request(method, path, text, given | {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        found = {k.lower(): v for k, v in answer.getheaders()}
        return answer.status, found, json.loads(content) if "json" in found.get("content-type", "") else content
    finally:
        connection.close()


def test_a_client_that_leaves_frees_its_place(run_server, endless):
    with run_server(endless, size=1, waiting=1) as served, served.client() as client:
        worker, go_on = served.service.worker, paused(served)
        stream = client.chat.completions.create(**LONG, stream=True)
        next(iter(stream))
        stream.close()
        served.until(lambda: not worker.running and not worker.waiting)
        go_on.set()
        short = client.chat.completions.create(**LONG | {"max_tokens": 3})
        assert short.usage.completion_tokens == 3
        served.until(lambda: served.service.figures.requests["chat", 499] == 1)
        assert served.service.figures.tokens < 100


def test_a_client_that_leaves_before_anything_came(run_server, endless):
    with run_server(endless, size=1, waiting=1) as served:
        worker, go_on = served.service.worker, paused(served)
        connection = http.client.HTTPConnection("127.0.0.1", served.port)
        connection.request("POST", "/v1/chat/completions", json.dumps(LONG), {"content-type": "application/json"})
        served.until(lambda: worker.running == 1)
        connection.close()
        served.until(lambda: not worker.running)
        assert not go_on.is_set()
        served.until(lambda: served.service.figures.requests["chat", 499] == 1)


def test_where_too_many_wait_a_client_is_told_when_to_come_back(run_server, endless):
    import openai

    with run_server(endless, size=1, waiting=1) as served, served.client() as client:
        worker, go_on = served.service.worker, paused(served)
        first = client.chat.completions.create(**LONG, stream=True)
        next(iter(first))
        with served.client() as other:
            second = threading.Thread(target=lambda: other.chat.completions.create(**LONG | {"max_tokens": 2}))
            second.start()
            served.until(lambda: worker.waiting == 1)
            with pytest.raises(openai.RateLimitError) as told:
                client.chat.completions.create(**LONG)
            assert told.value.body["code"] == "queue_full"
            assert 1 <= int(told.value.response.headers["retry-after"]) <= 120
            with pytest.raises(openai.BadRequestError, match="3 answers at once: this server takes 2"):
                client.chat.completions.create(**LONG, n=3)
            first.close()
            go_on.set()
            second.join()
        assert client.chat.completions.create(**LONG | {"max_tokens": 2}).usage.completion_tokens == 2


def test_the_time_is_over(run_server, endless):
    import openai

    with run_server(endless, timeout=0.001) as served, served.client() as client:
        paused(served, 0)
        with pytest.raises(openai.APIStatusError, match=r"no whole answer within 0\.001 s") as told:
            client.chat.completions.create(**LONG)
        assert told.value.status_code == 504
        with pytest.raises(openai.APIError, match=r"no whole answer within 0\.001 s"):
            list(client.chat.completions.create(**LONG, stream=True))
        served.until(lambda: not served.service.worker.running)


def test_a_model_that_fails_is_told_and_the_next_answer_comes(run_server, endless, monkeypatch):
    import openai

    with run_server(endless) as served, served.client() as client:
        batch = served.service.worker._batch

        def fail():
            raise MemoryError("no room for keys and values")

        monkeypatch.setattr(batch, "step", fail)
        with pytest.raises(openai.InternalServerError, match=r"the model failed \(MemoryError: no room"):
            client.chat.completions.create(**LONG)
        assert client.chat.completions.create(**LONG | {"max_tokens": 2}).usage.completion_tokens == 2


@pytest.mark.parametrize("grace", [600, 0])
def test_the_end(run_server, endless, grace):
    """What is being answered is answered within the grace, and cut off after it; nothing new is let in."""
    import openai

    with run_server(endless, grace=grace) as served, served.client() as client:
        go_on = paused(served)
        stream = client.chat.completions.create(**LONG, stream=True, stream_options={"include_usage": True})
        pieces = iter(stream)
        next(pieces)
        served.server.handle_exit(15, None)
        if grace:
            go_on.set()
            *_, last = pieces
            assert last.usage.completion_tokens == 400
        else:
            with pytest.raises(openai.APIError, match="the server is ending"):
                list(pieces)
        stream.close()
        served.thread.join(60)
        assert not served.thread.is_alive()
        with served.client() as other, pytest.raises(openai.APIConnectionError):
            other.models.list()


def test_a_web_page_is_not_answered(served):
    host = f"127.0.0.1:{served.port}"
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": f"http://{host}"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
    ):
        status, found, told = send(served, body=LONG, **headers)
        assert status == 403, headers
        assert "web page" in told["error"]["message"]
        assert "access-control-allow-origin" not in found
    assert send(served, body=LONG, host="evil.example")[0] == 421
    assert send(served, method="OPTIONS", origin="https://evil.example")[0] == 403
    assert send(served, body=b"{}", content_type="text/plain")[0] == 415
    assert send(served, path="/v1/models", method="GET", sec_fetch_site="none")[0] == 200


def test_a_page_that_was_named_is_answered(run_server, served_backend):
    gate = Gate(Rules(), origins=frozenset({"https://app.example"}))
    with run_server(served_backend, gate) as served:
        page = {"origin": "https://app.example", "sec_fetch_site": "cross-site"}
        status, found, _ = send(
            served, method="OPTIONS", **page, access_control_request_headers="authorization,x-stainless-lang"
        )
        assert status == 204
        assert found["access-control-allow-headers"] == "authorization,x-stainless-lang"
        status, found, told = send(served, body=LONG | {"max_tokens": 2}, **page)
        assert status == 200, told
        assert found["access-control-allow-origin"] == "https://app.example"
        assert send(served, body=LONG, origin="https://other.example")[0] == 403


def test_a_key(run_server, served_backend):
    import openai

    gate = Gate(Rules(), key=KEY)
    with run_server(served_backend, gate) as served:
        with served.client(KEY) as client:
            assert client.chat.completions.create(**LONG | {"max_tokens": 2}).usage.completion_tokens <= 2
        with served.client("a-key-of-some-lengtX") as client, pytest.raises(openai.AuthenticationError) as told:
            client.models.list()
        assert told.value.body["code"] == "invalid_api_key"
        assert send(served, body=LONG)[0] == 401
        assert send(served, path="/metrics", method="GET")[0] == 401
        assert send(served, path="/health", method="GET")[0] == 200
        assert send(served, path="/health", method="GET", host="a-proxy.example")[0] == 200
        statuses = [send(served, body=LONG, authorization=f"Bearer {k}")[0] for k in range(12)]
        assert statuses[0] == 401
        assert statuses[-1] == 429


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 400, "not JSON"),
        (b"[1]", 400, "not a JSON object"),
        (b"[" * 40_000, 400, "not JSON"),
        (b'{"messages": "x"}', 400, "at least one message"),
        (b" " * 70_000, 413, "larger than 65,536 bytes"),
    ],
)
def test_what_is_sent_is_no_request(served, body, status, said):
    got, _, told = send(served, body=body)
    assert got == status
    assert said in told["error"]["message"]


def test_addresses_that_are_none(served):
    status, _, told = send(served, path="/v1/embeddings", body={})
    assert status == 404
    assert "there is no such address; there are POST /v1/chat/completions" in told["error"]["message"]
    assert send(served, path="/v1/chat/completions", method="GET")[0] == 405
    assert send(served, path="/v1/models", method="DELETE")[0] == 405
