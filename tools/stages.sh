#!/usr/bin/env bash
# Runs make targets one after the other, each under a heading with its duration, and sums up. All of them
# run, even when one fails; then the exit code is 1.
set -uo pipefail
cd "$(dirname "$0")/.."

summary=""
failed=0
for stage in "$@"; do
	printf '\n==> %s\n' "$stage"
	start=$SECONDS
	if make --no-print-directory "$stage"; then
		result=ok
	else
		result=FAILED
		failed=1
	fi
	took=$((SECONDS - start))
	printf '<== %s: %s after %d s\n' "$stage" "$result" "$took"
	summary+=$(printf '%-12s %-6s %5d s' "$stage" "$result" "$took")$'\n'
done
printf '\n%s%-19s %5d s\n' "$summary" total "$SECONDS"
exit $failed
