package main

import (
	"context"
	"io"
	"path/filepath"
	"testing"

	"littlehorse/test/ports"
)

// Whoever ends the demo at once, before its workers have reached the server, has ended it well.
func TestDemoEndsBeforeItBegins(t *testing.T) {
	for name, value := range map[string]string{
		"LHS_LISTENERS": "PLAIN:" + ports.Free(t), "LHS_HEALTH_SERVICE_PORT": ports.Free(t), "LHS_INTERNAL_BIND_PORT": ports.Free(t),
		"LHD_PORT": "0", "LHS_CLUSTER_PARTITIONS": "1",
	} {
		t.Setenv(name, value)
	}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	d := demonstration{data: filepath.Join(t.TempDir(), "data")}
	if err := d.run(ctx, "", writes(end), io.Discard); err != nil {
		t.Error(err)
	}
	if ctx.Err() == nil {
		t.Error("the demo has ended before it said that it is ready")
	}
}

// writes is called with each write.
type writes func()

func (w writes) Write(p []byte) (int, error) {
	w()
	return len(p), nil
}
