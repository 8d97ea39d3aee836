package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
)

// process is a server that a measurement starts itself, on free ports of the loopback interface.
type process struct {
	binary string
	dir    string // of its state
	api    string
	port   int
	health string // address of its metrics

	env    []string
	cmd    *exec.Cmd
	began  time.Time
	said   string // file with what it printed
	exited chan struct{}
}

const (
	// startLimit is how long a server may take until it answers.
	startLimit = 5 * time.Minute
	// stopLimit is how long it may take to stop.
	stopLimit = time.Minute
)

// prepare chooses ports for a server over a folder. Settings are NAME=value and win over those of the environment.
func prepare(binary, dir string, settings ...string) (*process, error) {
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	return onPorts(binary, dir, ports, settings...), nil
}

// onPorts is a server whose API, health and internal port are given.
func onPorts(binary, dir string, ports []int, settings ...string) *process {
	text := func(i int) string { return strconv.Itoa(ports[i]) }
	p := &process{
		binary: binary, dir: dir, api: "127.0.0.1:" + text(0), port: ports[0], health: "127.0.0.1:" + text(1),
		said: filepath.Clean(dir) + ".log",
	}
	p.env = append([]string{
		"LHS_BIND_HOST=127.0.0.1", "LHS_LISTENERS=PLAIN:" + text(0), "LHS_LISTENERS_PROTOCOL_MAP=PLAIN:PLAIN",
		"LHS_LISTENERS_AUTHENTICATION_MAP=PLAIN:NONE", "LHS_ADVERTISED_LISTENERS=PLAIN://" + p.api,
		"LHS_HEALTH_SERVICE_PORT=" + text(1), "LHS_INTERNAL_BIND_PORT=" + text(2), "LHD_PORT=0", "LHS_STATE_DIR=" + dir,
	}, settings...)
	return p
}

// overKafka are the settings of a server of a cluster.
func overKafka(id, brokers string, partitions int, more ...string) []string {
	return append([]string{
		"LHS_CLUSTER_ID=" + id, "LHS_KAFKA_BOOTSTRAP_SERVERS=" + brokers, fmt.Sprintf("LHS_CLUSTER_PARTITIONS=%d", partitions), "LHS_LOG_FORMAT=json",
	}, more...)
}

// freePorts asks the kernel for ports that nobody listens on.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// thisProgram is the server to start unless another is named.
func thisProgram(binary string) (string, error) {
	if binary != "" {
		return exec.LookPath(binary)
	}
	return os.Executable()
}

// exec starts the program; it does not wait until it serves.
func (p *process) exec() error {
	log, err := os.Create(p.said)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has its own
	p.cmd = exec.Command(p.binary, "serve")
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return err
	}
	cmd, exited := p.cmd, make(chan struct{})
	p.exited = exited
	go func() {
		defer close(exited)
		_ = cmd.Wait() // that it is gone is all that counts; what it said is in its log
	}()
	return nil
}

// start runs the program until it answers.
func (p *process) start(ctx context.Context) error {
	if err := p.exec(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	client, err := p.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	return p.insist(ctx, func(ctx context.Context) error {
		_, err := client.RPC().GetServerVersion(ctx, &emptypb.Empty{}, grpc.WaitForReady(true))
		return err
	})
}

// version is what the server says of itself.
func (p *process) version(ctx context.Context) (*lhpb.LittleHorseVersion, error) {
	client, err := p.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return client.RPC().GetServerVersion(ctx, &emptypb.Empty{}, grpc.WaitForReady(true))
}

// insist repeats a call until it succeeds, unless the server has ended.
func (p *process) insist(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-p.exited:
			cancel(errors.New("the server has ended"))
		case <-ctx.Done():
		}
	}()
	for {
		err := call(ctx)
		if err == nil {
			return nil
		}
		if wait(ctx, time.Millisecond, nil) != nil {
			return errors.Join(context.Cause(ctx), err, p.lastWords())
		}
	}
}

// dial connects without the patience that a client has with a server that is away.
func (p *process) dial(ctx context.Context) (*lh.Client, error) {
	cfg := lh.DefaultConfig()
	cfg.Host, cfg.Port, cfg.ResourceExhaustedRetry = "127.0.0.1", p.port, false
	quick := backoff.Config{BaseDelay: time.Millisecond, Multiplier: 1, MaxDelay: time.Millisecond}
	return lh.Dial(ctx, cfg, grpc.WithConnectParams(grpc.ConnectParams{Backoff: quick, MinConnectTimeout: time.Second}))
}

// on points a load at the server.
func (p *process) on(s settings) settings {
	s.API, s.ServerPIDs, s.DataDir = p.api, []int{p.cmd.Process.Pid}, p.dir
	return s
}

// kill ends the server as a power cut would.
func (p *process) kill() {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	_ = p.cmd.Process.Kill() // it may be gone already
	<-p.exited
}

// stop ends the server as an operator does.
func (p *process) stop(ctx context.Context) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := wait(ctx, stopLimit, p.exited); err != nil {
		return err
	}
	select {
	case <-p.exited:
		return nil
	default:
		return fmt.Errorf("the server did not stop within %s", stopLimit)
	}
}

// lastWords are the end of what the server has printed.
func (p *process) lastWords() error {
	text, err := os.ReadFile(p.said)
	if err != nil {
		return err
	}
	return fmt.Errorf("the server's last words: %s", bytes.TrimSpace(text[max(0, len(text)-1000):]))
}
