#!/usr/bin/env bash
# Runs several servers of one cluster over the broker in LH_TEST_KAFKA until it is interrupted:
#
#   tools/kafka/with.sh tools/kafka/cluster.sh path/to/lh
#
# Server n listens on PORT+n (2023 …), for health and metrics on HEALTH_PORT+n (1822 …), among servers on INTERNAL_PORT+n
# (2011 …) and with its dashboard on DASHBOARD_PORT+n (8080 …). SERVERS is how many there are (3). What they hold is in a new
# folder, and gone at the end.
set -euo pipefail
lh=$1
servers=${SERVERS:-3}
port=${PORT:-2023}
health=${HEALTH_PORT:-1822}
internal=${INTERNAL_PORT:-2011}
dashboard=${DASHBOARD_PORT:-8080}

dir=$(mktemp -d)
pids=()
finish() {
	trap - EXIT
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	wait || true
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 0' INT TERM

for n in $(seq 0 $((servers - 1))); do
	LHS_KAFKA_BOOTSTRAP_SERVERS=$LH_TEST_KAFKA \
		LHS_CLUSTER_ID=${CLUSTER_ID:-cluster1} \
		LHS_INSTANCE_ID=$n \
		LHS_STATE_DIR=$dir/$n \
		LHS_LISTENERS=PLAIN:$((port + n)) \
		LHS_ADVERTISED_LISTENERS=PLAIN://localhost:$((port + n)) \
		LHS_INTERNAL_BIND_PORT=$((internal + n)) \
		LHS_HEALTH_SERVICE_PORT=$((health + n)) \
		LHD_PORT=$((dashboard + n)) \
		"$lh" serve &
	pids+=($!)
done
wait -n "${pids[@]}" # a server that ends by itself ends them all
