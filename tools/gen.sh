#!/usr/bin/env bash
# Generates the Go code of proto/ and installs what changed; with --check it only compares and fails on a
# difference. `make gen` and `make verify` build the plugins it needs.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.cache/bin:$PATH"

mkdir -p .cache
scratch=$(mktemp -d .cache/gen.XXXXXX)
trap 'rm -rf "$scratch"' EXIT

buf generate --output "$scratch"
sortmaps "$scratch/lhpb" "$scratch/lhpb/extra" "$scratch/internal/pb"

differs=0
install() {
	differs=1
	if [ "${check:-}" ]; then
		echo "$1: $2" >&2
	elif [ -e "$scratch/$1" ]; then
		cp "$scratch/$1" "$scratch/next" && mv "$scratch/next" "$1"
	else
		rm "$1"
	fi
}

[ "${1:-}" = --check ] && check=yes
for dir in lhpb lhpb/extra internal/pb; do
	for new in "$scratch/$dir"/*.go; do
		f=$dir/$(basename "$new")
		cmp -s "$new" "$f" || install "$f" "is not what make gen gives"
	done
	for f in "$dir"/*.pb.go; do
		[ -e "$scratch/$f" ] || install "$f" "comes from no .proto file"
	done
done
[ -z "${check:-}" ] || exit $differs
