#!/usr/bin/env bash
# Prints a folder of packages that has the official JavaScript client, installed once from its published package; node and npm are needed.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
pinned=$root/test/conformance/javascript
packages=$root/.cache/javascript-$(cat "$pinned"/package.json "$pinned"/package-lock.json | md5sum | cut -c1-12)
if ! [ -d "$packages" ]; then
	part=$packages.$$
	mkdir -p "$part"
	cp "$pinned"/package.json "$pinned"/package-lock.json "$part"
	npm ci --prefix "$part" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
	mv "$part" "$packages"
fi
echo "$packages/node_modules"
