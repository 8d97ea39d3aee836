#!/usr/bin/env bash
# Builds the site into the folder site of the given one, which keeps the generator, too: tools/site/build.sh .cache/docs
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1:?which folder}

wanted=$(sha256sum tools/site/requirements.txt | cut -c1-16)
if [ "$(cat "$folder/venv/made-of" 2>/dev/null)" != "$wanted" ]; then
	rm -rf "$folder/venv"
	python3 -m venv "$folder/venv"
	"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r tools/site/requirements.txt
	echo "$wanted" >"$folder/venv/made-of"
fi
PYTHONDONTWRITEBYTECODE=1 python3 -m unittest discover --quiet tools/site
rm -rf "$folder/site"
"$folder/venv/bin/sphinx-build" --quiet --fail-on-warning --keep-going -c tools/site -d "$folder/read" . "$folder/site"
python3 tools/site/links.py "$folder/site"
echo "$folder/site/index.html"
