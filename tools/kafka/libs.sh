#!/usr/bin/env bash
# Prints the folder with the broker of that version, or the newest that is tested, fetched once from its published package;
# java and mvn are needed.
#
#   tools/kafka/libs.sh [VERSION]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
newest=$(sed -n 's|.*<kafka.version>\(.*\)</kafka.version>.*|\1|p' "$here/pom.xml")
version=${1:-$newest}
libs=$(cd "$here/../.." && pwd)/.cache/kafka/$version-$(md5sum <"$here/pom.xml" | cut -c1-12)
if ! [ -d "$libs" ]; then
	part=$libs.$$
	mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -Dkafka.version="$version" -DincludeScope=runtime -DoutputDirectory="$part" >&2
	mv "$part" "$libs"
fi
echo "$libs"
