package h2

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/interop/grpc_testing"
)

// TestSpec holds the server against a public test suite of HTTP/2 and HPACK, in its strict form. The suite speaks no gRPC, so its
// requests are answered by a method that takes all of them.
func TestSpec(t *testing.T) {
	s := NewServer(Config{Codec: encoding.GetCodecV2("proto"), MaxCalls: 100})
	s.plain = &method{unary: func(any, context.Context, func(any) error, grpc.UnaryServerInterceptor) (any, error) {
		return &grpc_testing.SimpleResponse{Username: "anybody"}, nil
	}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	defer s.Stop()
	c := &config.Config{
		Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Path: "/", Timeout: 10 * time.Second, MaxHeaderLen: 4000, Strict: true,
	}
	for _, group := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		quietly(t, func() { group.Test(c) })
		t.Logf("%s: %d passed, %d skipped", group.Title(), group.PassedCount, group.SkippedCount)
		if group.PassedCount < 4 {
			t.Errorf("%s: only %d cases ran", group.Title(), group.PassedCount)
		}
		failures(t, group)
	}
}

func failures(t *testing.T, g *spec.TestGroup) {
	for _, c := range g.Tests {
		if c.Result != nil && c.Result.Failed {
			t.Errorf("%s %s: %s\nexpected %q\nseen %v", g.ID(), g.Title(), c.Desc, expected(c.Result.Error), c.Result.Error)
		}
	}
	for _, sub := range g.Groups {
		failures(t, sub)
	}
}

func expected(err error) any {
	var e *spec.TestError
	if errors.As(err, &e) {
		return e.Expected
	}
	return fmt.Sprint(err)
}

// quietly keeps what the suite prints from the output of the tests.
func quietly(t *testing.T, f func()) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := os.Stdout
	os.Stdout = null
	defer func() {
		os.Stdout = out
		_ = null.Close()
	}()
	f()
}
