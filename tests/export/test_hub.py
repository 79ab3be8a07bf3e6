"""Uploads to a server on loopback that takes what the hub's client sends."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from heedful.export.hub import check_repo


class Hub(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(self.path)
        if self.path.endswith("/repos/create"):
            self.server.made = json.loads(body)
            if self.server.refuse:
                return self.reply({"error": "no"}, self.server.refuse)
            return self.reply({"url": f"http://{self.headers['Host']}/ann/model", "id": "ann/model"})
        if "/preupload/" in self.path:
            files = json.loads(body)["files"]
            told = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]
            return self.reply({"files": told})
        if "/commit/" in self.path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.server.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            base = f"http://{self.headers['Host']}/ann/model"
            return self.reply({"success": True, "commitOid": "0" * 40, "commitUrl": f"{base}/commit/{'0' * 40}"})
        return self.reply({"valid": True})

    def do_GET(self):
        self.reply({"id": "ann/model", "siblings": [], "sha": "0" * 40})

    def reply(self, value, status=200):
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def is_private(made) -> bool:
    """What the client asked for; its versions have two words for it."""
    return made.get("private") is True or made.get("visibility") == "private"


@pytest.fixture
def hub(monkeypatch):
    import huggingface_hub.constants

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked, server.files, server.made, server.refuse = [], {}, None, 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_TOKEN", "hf_made_up_for_this_test")
    # The library reads both when it is imported.
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    yield server
    server.shutdown()
    server.server_close()


def test_private_and_whole(tiny_run, heedful, tmp_path, hub):
    arguments = ["export", tiny_run, "--to", "hub", "--out", tmp_path / "m", "--questions", 1]
    status, _, err = heedful(*arguments)
    assert status == 2
    assert "name the new repository with --repo" in err
    assert hub.asked == []
    assert heedful(*arguments, "--repo", "ann/model", "--dry-run")[0] == 0
    assert hub.asked == []
    status, out, err = heedful(*arguments, "--repo", "ann/model", "--json")
    assert status == 0, err
    assert is_private(hub.made)
    assert hub.files == {f.name: f.read_bytes() for f in (tmp_path / "m").iterdir()}
    assert json.loads(out)["url"].endswith("/ann/model")


@pytest.mark.parametrize(("refused", "said"), [(409, "a repository of that name already"), (401, "not logged in")])
def test_what_the_hub_refuses(tmp_path, hub, refused, said):
    from heedful.errors import HeedfulError
    from heedful.export.hub import upload

    hub.refuse = refused
    (tmp_path / "README.md").write_text("x")
    with pytest.raises(HeedfulError, match=said) as e:
        upload(tmp_path, "ann/model", public=True)
    assert "hf_made_up" not in str(e.value)
    assert not is_private(hub.made)
    assert hub.files == {}


@pytest.mark.parametrize("name", ["model", "../model", "ann/model/x", "ann/", "ann/..", "ann/mo del"])
def test_names(name):
    from heedful.errors import RequestError

    with pytest.raises(RequestError, match="write OWNER/NAME"):
        check_repo(name)
