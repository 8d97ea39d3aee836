package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"littlehorse/examples/internal/rehearsal"
	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
)

// asHello makes the test's binary the program itself.
const asHello = "LH_TEST_AS_HELLO"

func TestMain(m *testing.M) {
	if os.Getenv(asHello) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestHello(t *testing.T) {
	rehearsal.UseServer(t)
	var said bytes.Buffer
	program := exec.CommandContext(t.Context(), os.Args[0])
	program.Env = append(os.Environ(), asHello+"=1")
	program.Stderr = &said
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()

	cfg, err := lh.LoadConfig()
	if err != nil {
		t.Fatal(err)
	}
	client, err := lh.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	rehearsal.Eventually(t, func() bool {
		_, err := client.RPC().GetLatestWfSpec(t.Context(), &lhpb.GetLatestWfSpecRequest{Name: "hello"})
		return err == nil
	})
	id, err := client.Run(t.Context(), "hello", lh.Input{"name": "Ana"})
	if err != nil {
		t.Fatal(err)
	}
	run, err := client.Await(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if got := run.ThreadRuns[0].GetOutput().GetStr(); run.Status != lhpb.LHStatus_COMPLETED || got != "hello Ana" {
		t.Errorf("%v: %q", run.Status, got)
	}
	if err := program.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, said.String())
	}
}

func TestTheWorkflow(t *testing.T) {
	run := lhtest.Start(t, greet, hello).Run("hello", lh.Input{"name": "Ana"})
	run.Completed(t)
	if got := lhtest.Output[string](run); got != "hello Ana" {
		t.Error(got)
	}
}

// A newcomer has less than 40 lines to read.
func TestHelloIsShort(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(string(source)) {
		if strings.TrimSpace(line) != "" {
			lines++
		}
	}
	if lines >= 40 {
		t.Errorf("main.go has %d lines", lines)
	}
}
