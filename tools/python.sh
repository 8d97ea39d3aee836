#!/usr/bin/env bash
# Prints a Python that has the official client, installed once from its published package; python3 and python3-venv are needed.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
pinned=$root/test/conformance/python/requirements.txt
venv=$root/.cache/python-$( (python3 --version; cat "$pinned") | md5sum | cut -c1-12)
if ! [ -e "$venv/complete" ]; then
	rm -rf "$venv"
	python3 -m venv "$venv"
	"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$pinned" >&2
	touch "$venv/complete"
fi
echo "$venv/bin/python"
