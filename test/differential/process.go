package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/test/ports"
)

// process is our server, started for one use of the program.
type process struct {
	address string
	cmd     *exec.Cmd
	data    string
}

// start runs the binary over an empty folder on free ports. The limit of ThreadRuns is the original's.
func start(ctx context.Context, binary string) (*process, error) {
	data, err := os.MkdirTemp("", "lh-differential-")
	if err != nil {
		return nil, err
	}
	var at [3]string
	for i := range at {
		if at[i], err = ports.FreeAt("127.0.0.1"); err != nil {
			return nil, err
		}
	}
	p := &process{address: "127.0.0.1:" + at[0], data: data, cmd: exec.Command(binary, "serve")}
	p.cmd.Env = append(os.Environ(),
		"LHS_LISTENERS=PLAIN:"+at[0], "LHS_ADVERTISED_LISTENERS=PLAIN://127.0.0.1:"+at[0],
		"LHS_HEALTH_SERVICE_PORT="+at[1], "LHS_INTERNAL_BIND_PORT="+at[2], "LHD_PORT=0",
		"LHS_STATE_DIR="+data, "LHS_X_MAX_THREAD_RUNS_PER_WF_RUN=65",
	)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", binary, err)
	}
	s, err := dial(p.address)
	if err != nil {
		return nil, err
	}
	defer s.conn.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if _, err := s.GetServerVersion(ctx, &emptypb.Empty{}, grpc.WaitForReady(true)); err != nil {
		p.stop()
		return nil, fmt.Errorf("%s does not answer: %w", binary, err)
	}
	return p, nil
}

func (p *process) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = os.RemoveAll(p.data)
}
