BIN   := .cache/bin

gen-tools: $(BIN)/buf $(BIN)/protoc-gen-go-grpc $(BIN)/sortmaps $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-vtproto

gen: gen-tools
	tools/gen.sh

$(BIN)/buf: tools/go.mod
	go -C tools build -o ../$@ github.com/bufbuild/buf/cmd/buf
$(BIN)/golangci-lint: tools/go.mod
	go -C tools build -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(BIN)/protoc-gen-go-grpc: tools/go.mod
	go -C tools build -o ../$@ google.golang.org/grpc/cmd/protoc-gen-go-grpc
$(BIN)/sortmaps: tools/sortmaps/main.go
	go -C tools build -o ../$@ ./sortmaps
$(BIN)/protoc-gen-go: go.mod
	go build -o $@ google.golang.org/protobuf/cmd/protoc-gen-go
$(BIN)/protoc-gen-go-vtproto: go.mod
	go build -o $@ github.com/planetscale/vtprotobuf/cmd/protoc-gen-go-vtproto
.PHONY: gen gen-tools
