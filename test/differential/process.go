package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
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
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	p := &process{address: "127.0.0.1:" + ports[0], data: data, cmd: exec.Command(binary, "serve")}
	p.cmd.Env = append(os.Environ(),
		"LHS_LISTENERS=PLAIN:"+ports[0], "LHS_ADVERTISED_LISTENERS=PLAIN://127.0.0.1:"+ports[0],
		"LHS_HEALTH_SERVICE_PORT="+ports[1], "LHS_INTERNAL_BIND_PORT="+ports[2], "LHD_PORT=0",
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
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
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

// freePorts asks the kernel for ports that nobody listens on.
func freePorts(n int) ([]string, error) {
	var ports []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return ports, nil
}
