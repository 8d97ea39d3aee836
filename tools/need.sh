#!/usr/bin/env bash
# Makes sure that programs are there which the tests need besides Go, by apt-get where that is possible.
# A missing program is a failure, never a skipped test.
set -euo pipefail

declare -A package=(
	[gcc]="gcc libc6-dev"
	[strace]=strace
	[unshare]=util-linux
	[ip]=iproute2
	[python3]=python3
	[python3-venv]=python3-venv
	[javac]=default-jdk-headless
	[mvn]=maven
	[node]=nodejs
	[npm]=npm
	[chromium]=chromium
)

present() {
	case $1 in
	python3-venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

wanted=()
for name in "$@"; do
	present "$name" || wanted+=(${package[$name]})
done
[ ${#wanted[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
	echo "missing: ${wanted[*]}; install them (Debian: apt-get install ${wanted[*]}) and try again" >&2
	exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}"
for name in "$@"; do
	present "$name" || { echo "$name is still missing" >&2; exit 1; }
done
