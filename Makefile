# One entry for everything: `make` explains itself, and CI runs the same targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN     := .cache/bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)

# The slow tiers have targets of their own.
SLOW := /(test/[a-z0-9]+|internal/sim)$$
# Rooms with goroutines, tested under the race detector; "make test" tests them so alone.
LIVE := ./internal/store/... ./internal/log/... ./internal/partition/... ./internal/taskqueue/... ./internal/clock/... \
        ./internal/cluster/... ./internal/catalog/... ./internal/api/... ./internal/h2/... ./internal/server/... \
        ./internal/telemetry/... ./sdk/...

# What `make test` and CI run, in this order.
STAGES := lint verify docs unit guard race sim crash kafka conformance differential e2e browser

# Tests that drive the real binary take this one instead of building their own.
export LH_TEST_BINARY := $(CURDIR)/bin/lh

##@ Use

.PHONY: build
build: ## Build bin/lh, one static binary, and bin/lhctl, another name for it
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/lh ./cmd/lh
	ln -sf lh bin/lhctl

.PHONY: run
run: build ## Build and start a server with something to see on it; needs nothing but Go
	bin/lh demo

.PHONY: cluster
cluster: build ## Three servers of one cluster over one broker, on ports 2023 to 2025, until Ctrl-C; PORT, SERVERS: tools/kafka/cluster.sh
	tools/need.sh javac mvn
	tools/kafka/with.sh tools/kafka/cluster.sh bin/lh

##@ Test

.PHONY: test
test: ## Everything a change must pass; fetches what is missing (6 to 20 minutes on 2 cores)
	UNRACED=1 tools/stages.sh $(STAGES)

.PHONY: unit
unit: build ## Rules of the house, scenarios, properties and contracts, in seconds
	go test -timeout 25m $$(go list ./... | grep -vE '$(SLOW)' $(if $(UNRACED),| grep -vxF "$$(go list $(LIVE))"))

.PHONY: scenario
scenario: ## The engine told as text; REWRITE=1 writes what it does now
	go test ./internal/engine $(if $(REWRITE),-rewrite)

.PHONY: race
race: build ## The rooms with goroutines under the race detector
	tools/need.sh gcc
	go test -race -timeout 25m $$(go list $(LIVE))

.PHONY: sim
sim: ## Simulate a cluster under many seeds, or under one: make sim SEED=42
	go test ./internal/sim $(if $(SEED),-seed $(SEED))

.PHONY: crash
crash: build ## Kill the real server again and again; nothing acknowledged may be lost
	tools/need.sh strace unshare
	go test -timeout 25m ./test/crash

.PHONY: kafka
kafka: build ## The log and the real server over a real broker, in a minute; LH_KAFKA_ROUNDS=n kills more often
	tools/need.sh javac mvn
	tools/kafka/with.sh go test -count=1 -timeout 25m -p 1 ./internal/log/kafka ./test/kafka

.PHONY: cluster-test
cluster-test: build ## Three servers and three brokers through random faults, for hours; SEED=n ROUNDS=200 FAULTS=1,9 IN_TURN=1 SESSION=6 RUN=name KAFKA_VERSION=3.8.1
	tools/need.sh javac mvn python3 python3-venv node npm unshare ip strace
	go test -c -o .cache/faults.test ./test/faults
	LH_TEST_KAFKA_LIBS=$$(tools/kafka/libs.sh $(KAFKA_VERSION)) LH_TEST_PYTHON=$$(tools/python.sh) LH_TEST_JAVA=$$(tools/java.sh) LH_TEST_JAVASCRIPT=$$(tools/javascript.sh) \
	  unshare -Urnm .cache/faults.test -test.v -test.timeout 24h $(if $(RUN),-test.run '$(RUN)')

.PHONY: e2e
e2e: build ## The real binary from outside: command line, SDK, what users of such engines suffered
	go test -timeout 25m -parallel 4 ./test/e2e ./test/wounds ./test/docs

.PHONY: browser
browser: build ## The dashboard is what its sources make, and does in a real browser what people want of it
	tools/need.sh node npm chromium
	npm --prefix web ci
	npm --prefix web test
	npm --prefix web run build
	cd web && node committed.mjs
	go test -count=1 -timeout 25m -v ./test/browser

.PHONY: conformance
conformance: build ## The official Python, Java and JavaScript clients against our server
	tools/need.sh python3 python3-venv javac mvn node npm
	go test -timeout 25m -parallel 4 -p 1 ./test/conformance ./test/languages

.PHONY: specs
specs: ## Record anew which WfSpecs the official Python and Java clients build; the Go SDK is compared with them
	tools/need.sh python3 python3-venv javac mvn
	go test -count=1 ./test/conformance -run RecordedSpecs -args -record-specs

.PHONY: pace
pace: build ## Official Python and Java workers do WfRuns of 100 tasks here, and by turns elsewhere: make pace [ORACLE=host:port] [OURS=host:port]
	tools/need.sh python3 python3-venv javac mvn
	go test -timeout 30m ./test/conformance -run '^$$' -bench Pace -benchtime 1x -args $(if $(OURS),-endpoint $(OURS)) $(if $(ORACLE),-rival $(ORACLE))

.PHONY: oracle
oracle: ## The same work on a running original and on ours: make oracle ORACLE=host:port [OURS=host:port]
	$(if $(ORACLE),,$(error ORACLE=host:port names the original to ask))
	tools/need.sh python3 python3-venv javac mvn node npm
	go test -timeout 20m ./test/conformance -args -endpoint $(ORACLE)
	$(MAKE) differential ORACLE=$(ORACLE)

.PHONY: differential
differential: build ## Random workflows as the original did them; new ones with ORACLE=host:port [OURS=host:port] [SEEDS=1-2000] [TARGET=20]
	go run ./test/differential $(if $(ORACLE),-original $(ORACLE) -seeds $(or $(SEEDS),1-200),-file test/differential/testdata/recorded.zst) \
	  $(if $(OURS),-ours $(OURS),-binary bin/lh) -target $(or $(TARGET),0)

.PHONY: differential-whole
differential-whole: build ## All histories that were ever recorded, a quarter of an hour; FILES="b1 rare" names some of whole/
	go run ./test/differential -binary bin/lh \
	  -file "$$(ls $(patsubst %,test/differential/testdata/whole/%.zst,$(or $(FILES),*)) | paste -sd,)"

.PHONY: planted
planted: ## Engine bugs put into copies of the sources must be found by the recorded histories; BUGS="engine-2 §9" names some
	go run ./test/differential -file test/differential/testdata/planted/histories.zst -slots 16 \
	  -planted test/differential/testdata/planted/bugs.txt -only '$(BUGS)'

.PHONY: guard
guard: build ## What a TaskRun costs may not get worse; UPDATE=1 makes what it costs now the limit
	bin/lh bench guard internal/bench/testdata/guard.txt \
	  --record $(if $(UPDATE),internal/bench/testdata/guard-history.txt --update,.cache/guard.txt)

.PHONY: fuzz
fuzz: ## Every fuzz target for FUZZTIME (10s)
	tools/fuzz.sh $(or $(FUZZTIME),10s)

.PHONY: bench
bench: ## Go benchmarks of the rooms; BENCH names some of them
	go test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem ./internal/... ./sdk/...

##@ Keep

.PHONY: lint
lint: $(BIN)/golangci-lint $(BIN)/buf $(BIN)/chart ## Static checks of Go, protobuf, and what deploys it
	$(BIN)/golangci-lint run ./...
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code
	go test -count=1 ./test/deploy

.PHONY: fmt
fmt: $(BIN)/golangci-lint $(BIN)/buf ## Format Go and protobuf
	$(BIN)/golangci-lint fmt ./...
	$(BIN)/buf format --write

.PHONY: gen
gen: gen-tools ## Generate the Go code of proto/
	tools/gen.sh

.PHONY: verify
verify: gen-tools $(BIN)/licences ## Generated code, go.mod, licences of dependencies and schemas are as they should be
	tools/gen.sh --check
	go mod tidy -diff
	$(BIN)/licences
	tools/wire.sh
	last=$$(git describe --tags --abbrev=0 2>/dev/null || true); \
	  if [ -n "$$last" ]; then $(BIN)/buf breaking --against ".git#tag=$$last"; fi

.PHONY: web
web: ## Build the dashboard anew from web/src into web/dist, which is committed
	tools/need.sh node npm
	npm --prefix web ci
	npm --prefix web run build

.PHONY: docs
docs: ## The documents as a site in .cache/docs/site; a link or anchor that leads nowhere is an error
	tools/need.sh python3 python3-venv
	tools/site/build.sh .cache/docs

.PHONY: started
started: ## Do what a newcomer is told, from an empty home, and print how long each command takes; LANGS="go python" names some
	tools/need.sh python3 python3-venv javac mvn node npm
	go run ./test/started $(LANGS)

.PHONY: rename
rename: ## Change the module path everywhere: make rename MODULE=example.org/horse
	$(if $(MODULE),,$(error MODULE=path names the new module path))
	tools/rename.sh '$(MODULE)'
	$(MAKE) gen

.PHONY: clean
clean: ## Remove what was built; data of servers stays
	rm -rf bin .cache

.PHONY: help
help:
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

# Tools are built at the versions of tools/go.mod. The two generators whose output calls a library of ours
# come from go.mod, so that generator and library cannot differ.

.PHONY: gen-tools
gen-tools: $(addprefix $(BIN)/,buf sortmaps protoc-gen-go protoc-gen-go-grpc protoc-gen-go-vtproto)

$(BIN)/buf: tools/go.mod
	go -C tools build -o ../$@ github.com/bufbuild/buf/cmd/buf
$(BIN)/golangci-lint: tools/go.mod
	go -C tools build -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(BIN)/protoc-gen-go-grpc: tools/go.mod
	go -C tools build -o ../$@ google.golang.org/grpc/cmd/protoc-gen-go-grpc
$(BIN)/sortmaps: tools/sortmaps/main.go
	go -C tools build -o ../$@ ./sortmaps
$(BIN)/chart: tools/chart/main.go tools/chart/go.mod
	go -C tools/chart build -o ../../$@ .
$(BIN)/licences: tools/licences/main.go
	go -C tools build -o ../$@ ./licences
$(BIN)/protoc-gen-go: go.mod
	go build -o $@ google.golang.org/protobuf/cmd/protoc-gen-go
$(BIN)/protoc-gen-go-vtproto: go.mod
	go build -o $@ github.com/planetscale/vtprotobuf/cmd/protoc-gen-go-vtproto
