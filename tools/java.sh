#!/usr/bin/env bash
# Prints the class path of the official Java client, fetched once from its published packages; java and mvn are needed.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
pinned=$root/test/conformance/java/pom.xml
libs=$root/.cache/java-$(md5sum <"$pinned" | cut -c1-12)
if ! [ -d "$libs" ]; then
	part=$libs.$$
	mvn -q -B -f "$pinned" org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$part" >&2
	mv "$part" "$libs"
fi
echo "$libs/*"
