#!/usr/bin/env bash
# Compares our schemas with the official API. The test in lhpb always does; where the comparison tool of the
# wire facts lies beside the repository, it judges the .proto files too.
set -euo pipefail
cd "$(dirname "$0")/.."

go test ./lhpb
compare=../shared/wire/compare
[ -x "$compare" ] || exit 0
set=$(mktemp)
trap 'rm -f "$set"' EXIT
.cache/bin/buf build proto/littlehorse --as-file-descriptor-set -o "$set#format=binpb"
"$compare" "$set"
