#!/usr/bin/env bash
# Changes the module path in go.mod, imports, go_package options and the settings that name it. The code of
# the schemas has to be generated again afterwards: `make rename` does both.
set -euo pipefail
cd "$(dirname "$0")/.."

old=$(awk '$1 == "module" { print $2; exit }' go.mod)
new=$1
if ! [[ $new =~ ^[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*$ ]]; then
	echo "$new is not a module path" >&2
	exit 1
fi
[ "$old" != "$new" ] || exit 0
was=${old//./\\.}

go mod edit -module "$new"
go -C tools mod edit -module "$new/tools"
git ls-files -coz --exclude-standard '*.go' '*.md' |
	xargs -0 sed -i -E "s|^(//)?([\t ]*)(import )?([A-Za-z0-9_.]+ )?\"$was/|\1\2\3\4\"$new/|"
find proto -name '*.proto' -print0 | xargs -0 sed -i -E "s|^(option go_package = \")$was/|\1$new/|"
sed -i -E "s|module=$was$|module=$new|" buf.gen.yaml
sed -i -E "s|(module-path: )$was$|\1$new|; s|^([ -]*(pkg: )?)$was/|\1$new/|" .golangci.yml
gofmt -w $(git ls-files -co --exclude-standard '*.go' | grep -v '\.pb\.go$')
