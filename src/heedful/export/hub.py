"""A folder that was exported and compared, put on the hub: into a new repository, private unless told otherwise.

https://huggingface.co/docs/huggingface_hub/guides/upload. The address is HF_ENDPOINT's, the token the one that
`hf auth login` keeps or HF_TOKEN has; the library reads both.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from heedful.errors import HeedfulError, RequestError

DEFAULT = "https://huggingface.co"


def check_repo(repo: str | None) -> str:
    """The name of a repository; RequestError where it is none."""
    if repo is None:
        raise RequestError("--to hub: name the new repository with --repo OWNER/NAME; without it nothing leaves here")
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", repo) or ".." in repo or "--" in repo:
        raise RequestError(f"--repo '{repo}': write OWNER/NAME in letters, digits, '-', '_' and '.'")
    return repo


def endpoint() -> str:
    """The hub's address."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or DEFAULT


def upload(folder: Path, repo: str, public: bool) -> str:
    """Make the repository and put the folder's files into it, in one commit; its address.

    HeedfulError, with how to go on, where the hub refuses or cannot be reached; a repository that is there already is
    left as it is.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi(endpoint=endpoint())
    try:
        api.create_repo(repo, private=not public, exist_ok=False)
    except Exception as e:
        status = getattr(getattr(e, "response", None), "status_code", None) if isinstance(e, HfHubHTTPError) else None
        if status == 409:
            raise HeedfulError(
                f"{repo}: the hub has a repository of that name already, and nothing is written over; choose another "
                f"--repo, or upload {folder} yourself (`hf upload`)"
            ) from None
        raise _failed(folder, repo, "made", status, e) from e
    try:
        api.upload_folder(repo_id=repo, folder_path=str(folder), commit_message="Exported by Heedful")
    except Exception as e:
        status = getattr(getattr(e, "response", None), "status_code", None)
        raise _failed(folder, repo, "filled", status, e) from e
    return f"{endpoint()}/{repo}"


def _failed(folder: Path, repo: str, what: str, status: int | None, e: Exception) -> HeedfulError:
    why = {401: "not logged in: `hf auth login`", 403: "this token may not write there"}.get(status or 0)
    why = why or (f"status {status}" if status else type(e).__name__)
    return HeedfulError(
        f"{repo}: the repository could not be {what} at {endpoint()} ({why}); the export itself is whole in {folder}: "
        f"mend that and run `hf upload {repo} {folder}`"
    )
