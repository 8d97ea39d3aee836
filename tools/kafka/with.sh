#!/usr/bin/env bash
# Runs a command beside a broker of its own: one node, on loopback, in a new folder. LH_TEST_KAFKA tells the command where
# it is, LH_TEST_KAFKA_LIBS where its program is. The broker comes from its published package, in the version KAFKA_VERSION
# if that is set, with the lines of BROKER_PROPERTIES among its settings; java and mvn are needed.
#
#   tools/kafka/with.sh go test ./test/kafka
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
libs=$("$here/libs.sh" ${KAFKA_VERSION:+"$KAFKA_VERSION"})

dir=$(mktemp -d)
broker=
finish() {
	if [ -n "$broker" ]; then
		kill "$broker" 2>/dev/null || true
		wait "$broker" 2>/dev/null || true
	fi
	rm -rf "$dir"
}
trap finish EXIT

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
	local p
	for p in $(shuf -i 21000-29999 -n 100); do
		listening "$p" || { echo "$p"; return; }
	done
	return 1
}

port=$(free_port)
controller=$(free_port)
cat >"$dir/kafka.properties" <<C
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$dir/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
auto.create.topics.enable=false
log.cleaner.backoff.ms=200
${BROKER_PROPERTIES:-}
C
tool() { java -cp "$libs/*" kafka.tools.StorageTool "$@" 2>>"$dir/format.log"; }
tool format -t "$(tool random-uuid)" -c "$dir/kafka.properties" >>"$dir/format.log" || { cat "$dir/format.log" >&2; exit 1; }
java -Xmx384m -cp "$libs/*" kafka.Kafka "$dir/kafka.properties" >"$dir/kafka.log" 2>&1 &
broker=$!
for _ in $(seq 1 2400); do
	listening "$port" && break
	kill -0 "$broker" 2>/dev/null || { echo "the broker died:" >&2; tail -20 "$dir/kafka.log" >&2; exit 1; }
	sleep 0.05
done
listening "$port" || { echo "the broker does not listen after 2 minutes" >&2; exit 1; }

LH_TEST_KAFKA=127.0.0.1:$port LH_TEST_KAFKA_LIBS=$libs "$@"
