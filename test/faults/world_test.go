package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/lhpb"
	"littlehorse/test/broker"
	"littlehorse/test/lhserver"
)

// Addresses in the network of the world.
const (
	clientHost = "10.77.0.2"
	serverHost = "10.77.0.1%d"
	brokerHost = "10.77.0.2%d"
)

const (
	servers    = 3
	brokers    = 3
	partitions = 6
	// diskMiB is the size of each server's disk.
	diskMiB = 256
)

// session is how long a server may be silent before the others go on without it: SESSION, in seconds. On a machine that is so busy that servers
// which live are silent for longer, nothing is shown but that.
var session = sessionTime()

func sessionTime() time.Duration {
	if n, err := strconv.Atoi(os.Getenv("SESSION")); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	return 6 * time.Second
}

// patience is how long anything may take that is to happen at all, on a machine that is busy.
const patience = 5 * time.Minute

// again is how often a client tries to connect: a server that comes back is not to wait for it.
var again = backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.5, MaxDelay: time.Second}

// world is a cluster of servers over a cluster of brokers, each server with a network and a disk of its own.
type world struct {
	*testing.T
	rng     *rand.Rand
	cluster string
	brokers *broker.Ensemble
	homes   []*place // of the brokers
	sites   []*site
	load    *load
}

// place is a network of its own, with one address in the network of the world.
type place struct {
	host   string
	holder *exec.Cmd // keeps the namespace
}

// site is a server with what it stands on.
type site struct {
	*lhserver.Server
	*place
	number int
	disk   string
	conn   *grpc.ClientConn
	client lhpb.LittleHorseClient
	began  bool
	said   strings.Builder // by the processes before the present one
}

// launch starts the server, for the first time or again.
func (s *site) launch(t testing.TB) {
	t.Helper()
	s.remember()
	s.Launch(t)
}

// remember keeps what the present process has said.
func (s *site) remember() {
	if s.began {
		s.said.WriteString(s.Output() + "\n---\n")
	}
	s.began = true
}

// ended tells whether the process is gone though nobody has killed it.
func (s *site) ended() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.PID()))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

// await returns when the server answers.
func (s *site) await(w *world) {
	w.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		switch {
		case s.answers(w):
			return
		case s.ended():
			w.tellAll()
			w.Fatalf("server %d has ended: %s", s.number, s.lastWords())
		case time.Now().After(end):
			w.tellAll()
			w.Fatalf("server %d does not answer: %s", s.number, s.lastWords())
		}
	}
}

// answers tells whether the server does, within the time of a call.
func (s *site) answers(w *world) bool {
	ctx, cancel := bounded(w.Context())
	defer cancel()
	_, err := s.client.GetServerVersion(ctx, &emptypb.Empty{})
	return err == nil
}

// until repeats what is not so yet.
func (w *world) until(what string, is func(context.Context) error) {
	w.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(breath) {
		ctx, cancel := bounded(w.Context())
		err := is(ctx)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			w.tellAll()
			w.Fatalf("%s: %v", what, err)
		}
	}
}

// begin starts a run at the server whose turn it is.
func (w *world) begin(turn int, spec, id string) {
	w.Helper()
	w.until("run "+id+" begins", func(ctx context.Context) error {
		_, err := w.sites[turn%servers].client.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: spec, Id: &id})
		if status.Code(err) == codes.AlreadyExists {
			return nil
		}
		return err
	})
}

// kafka is a client of the brokers, until the test ends.
func (w *world) kafka(options ...kgo.Opt) *kgo.Client {
	w.Helper()
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(strings.Split(w.brokers.Addresses("PLAINTEXT"), ",")...))...)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(client.Close)
	return client
}

// newWorld starts brokers and servers, with so many copies of each partition besides its owner's.
func newWorld(t *testing.T, seed uint64, standbys int) *world {
	t.Helper()
	w := &world{T: t, rng: rand.New(rand.NewPCG(seed, 7)), cluster: fmt.Sprintf("faults-%d", seed)}
	w.command("ip", "link", "set", "lo", "up")
	w.command("ip", "link", "add", "br0", "type", "bridge")
	w.Cleanup(func() { w.command("ip", "link", "del", "br0") })
	w.command("ip", "addr", "add", clientHost+"/24", "dev", "br0")
	w.command("ip", "link", "set", "br0", "up")
	var places []broker.Place
	for n := range brokers {
		at := w.newPlace(fmt.Sprintf("home%d", n), fmt.Sprintf(brokerHost, n+1))
		w.homes, places = append(w.homes, at), append(places, broker.Place{Host: at.host, Wrap: at.enter()})
	}
	w.brokers = broker.Start(t, broker.Config{Count: brokers, Places: places, Properties: map[string]string{
		"group.min.session.timeout.ms":          "1000",
		"broker.session.timeout.ms":             ms(session),
		"broker.heartbeat.interval.ms":          ms(session / 6),
		"replica.lag.time.max.ms":               ms(2 * session),
		"controller.quorum.fetch.timeout.ms":    ms(session * 2 / 3),
		"controller.quorum.election.timeout.ms": ms(session / 3),
		"min.insync.replicas":                   "2",
		"log.cleaner.dedupe.buffer.size":        "8388608",
	}})
	for n := range servers {
		w.sites = append(w.sites, w.newSite(n, standbys))
	}
	for _, s := range w.sites {
		s.launch(t)
	}
	for _, s := range w.sites {
		s.await(w)
	}
	return w
}

// ms is a time as a setting.
func ms(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// command runs a program that must succeed.
func (w *world) command(name string, args ...string) {
	w.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		w.Fatalf("%s %s: %v: %s\nthis test needs network namespaces: run it by make cluster-test", name, strings.Join(args, " "), err, out)
	}
}

// newPlace makes a network with the address, until the test ends.
func (w *world) newPlace(link, host string) *place {
	w.Helper()
	p := &place{host: host, holder: exec.Command("unshare", "-n", "sleep", "infinity")}
	p.holder.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.holder.Start(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = p.holder.Process.Kill(); _ = p.holder.Wait() })
	pid := strconv.Itoa(p.holder.Process.Pid)
	for end := time.Now().Add(time.Minute); network(pid) == network("self") || network(pid) == ""; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.Fatal("unshare makes no network namespace")
		}
	}
	w.command("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", pid)
	w.Cleanup(func() { w.command("ip", "link", "del", link) })
	w.command("ip", "link", "set", link, "master", "br0", "up")
	w.inside(p, "ip", "link", "set", "lo", "up")
	w.inside(p, "ip", "addr", "add", host+"/24", "dev", "eth0")
	w.inside(p, "ip", "link", "set", "eth0", "up")
	return p
}

// enter is what is put before a program so that it runs in the network.
func (p *place) enter() []string {
	return []string{"nsenter", "-t", strconv.Itoa(p.holder.Process.Pid), "-n", "--"}
}

func (w *world) newSite(n int, standbys int) *site {
	s := &site{number: n, disk: w.TempDir(), place: w.newPlace(fmt.Sprintf("site%d", n), fmt.Sprintf(serverHost, n+1))}
	w.command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", diskMiB), "none", s.disk)
	w.Cleanup(func() { _ = exec.Command("umount", "-l", s.disk).Run() })
	s.Server = lhserver.New(w, filepath.Join(s.disk, "data"),
		"LHS_CLUSTER_ID="+w.cluster, fmt.Sprintf("LHS_CLUSTER_PARTITIONS=%d", partitions), fmt.Sprintf("LHS_INSTANCE_ID=%d", n),
		"LHS_KAFKA_BOOTSTRAP_SERVERS="+w.brokers.Addresses("PLAINTEXT"), "LHS_REPLICATION_FACTOR=3",
		"LHS_LISTENERS=PLAIN:2023", "LHS_ADVERTISED_LISTENERS=PLAIN://"+s.host+":2023", "LHS_HEALTH_SERVICE_PORT=1822",
		"LHS_INTERNAL_BIND_PORT=2011", "LHS_INTERNAL_ADVERTISED_HOST="+s.host,
		"LHS_STREAMS_SESSION_TIMEOUT="+ms(session), fmt.Sprintf("LHS_STREAMS_NUM_STANDBY_REPLICAS=%d", standbys),
		"LHS_X_CHECKPOINT_INTERVAL_MS=3000", "LHS_X_COMMAND_RETENTION_MS=15000",
		"LHS_STORE_MEMORY_BYTES=16777216", "LHS_LOG_FORMAT=text")
	s.API, s.Health = net.JoinHostPort(s.host, "2023"), net.JoinHostPort(s.host, "1822")
	s.Wrap = s.enter()
	var err error
	s.conn, err = grpc.NewClient(s.API, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: again, MinConnectTimeout: time.Second}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 2 * time.Second}))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = s.conn.Close() })
	s.client = lhpb.NewLittleHorseClient(s.conn)
	return s
}

// network names the network namespace of a process.
func network(pid string) string {
	name, err := os.Readlink("/proc/" + pid + "/ns/net")
	if err != nil {
		return ""
	}
	return name
}

// inside runs a program in a network.
func (w *world) inside(p *place, args ...string) {
	w.Helper()
	all := append(p.enter(), args...)
	w.command(all[0], all[1:]...)
}

// cut lets nothing go from a network to others, and so nothing come back either, until heal is called.
func (w *world) cut(p *place, hosts ...string) (heal func()) {
	for _, h := range hosts {
		w.inside(p, "ip", "route", "add", "blackhole", h+"/32")
	}
	return func() {
		for _, h := range hosts {
			w.inside(p, "ip", "route", "del", "blackhole", h+"/32")
		}
	}
}

// peers are the addresses of the other servers.
func (w *world) peers(s *site) (out []string) {
	for _, other := range w.sites {
		if other != s {
			out = append(out, other.host)
		}
	}
	return out
}

// others are the addresses of the brokers but one; of all if it is nil.
func (w *world) others(home *place) (out []string) {
	for _, other := range w.homes {
		if other != home {
			out = append(out, other.host)
		}
	}
	return out
}

// pause lets some time pass, which is part of the fault.
func (w *world) pause(least, most time.Duration) {
	time.Sleep(least + time.Duration(w.rng.Int64N(int64(most-least)+1)))
}

func (s *site) signal(t testing.TB, what syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(s.PID(), what); err != nil {
		t.Fatal(err)
	}
}

// bounded is a context for one call.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 5*time.Second)
}
