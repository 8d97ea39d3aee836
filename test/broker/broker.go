// Package broker runs Kafka brokers for the tests that need some of their own: with listeners of every kind, several of one
// cluster, killed and started again.
package broker

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"littlehorse/test/ports"
)

// Config of an Ensemble.
type Config struct {
	// Count of the brokers; each is a controller, too.
	Count int
	// Places where they run, one for each; all on 127.0.0.1 unless told otherwise.
	Places []Place
	// Listeners besides PLAINTEXT, by name, with their security protocol.
	Listeners map[string]string
	// Properties of all brokers, which win over those that tests usually need.
	Properties map[string]string
	// Users that come with SCRAM, by name, with their password.
	Users map[string]string
}

// Place is where a broker runs: the address that it listens on, which nobody else has, and what is put before its program on the command
// line to bring it there.
type Place struct {
	Host string
	Wrap []string
}

// Ensemble is the brokers of one cluster.
type Ensemble struct {
	Brokers []*Broker
}

// Broker is one of them, through all its restarts.
type Broker struct {
	// Addresses of its listeners by name.
	Addresses map[string]string

	wrap  []string
	dir   string
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has
}

// libs is the folder with the program.
func libs(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("LH_TEST_KAFKA_LIBS")
	if dir == "" {
		t.Fatal("LH_TEST_KAFKA_LIBS names no folder with a broker: run this by make")
	}
	return filepath.Join(dir, "*")
}

// Start runs the brokers and returns when they answer. They end with the test.
func Start(t testing.TB, c Config) *Ensemble {
	t.Helper()
	cluster := newID()
	e := &Ensemble{}
	var voters []string
	for id := 1; id <= c.Count; id++ {
		b := &Broker{Addresses: map[string]string{}, dir: t.TempDir()}
		listeners := append(slices.Sorted(maps.Keys(c.Listeners)), "PLAINTEXT", "CONTROLLER")
		if len(c.Places) > 0 {
			b.wrap = c.Places[id-1].Wrap
			for i, name := range listeners {
				b.Addresses[name] = net.JoinHostPort(c.Places[id-1].Host, fmt.Sprint(firstPort+i))
			}
		} else {
			for _, name := range listeners {
				b.Addresses[name] = net.JoinHostPort("127.0.0.1", ports.Free(t))
			}
		}
		voters = append(voters, fmt.Sprintf("%d@%s", id, b.Addresses["CONTROLLER"]))
		e.Brokers = append(e.Brokers, b)
	}
	for i, b := range e.Brokers {
		b.configure(t, c, i+1, strings.Join(voters, ","))
	}
	var formats []*exec.Cmd
	for _, b := range e.Brokers {
		formats = append(formats, b.format(t, c, cluster))
	}
	for _, f := range formats {
		if err := f.Wait(); err != nil {
			t.Fatalf("format a broker: %v\n%s", err, f.Stdout)
		}
	}
	for _, b := range e.Brokers {
		b.Start(t)
	}
	for _, b := range e.Brokers {
		b.Await(t)
	}
	e.AwaitAll(t)
	return e
}

// firstPort of a broker that has an address of its own.
const firstPort = 9092

// patience is how long brokers may take to answer on a machine that is busy.
const patience = 5 * time.Minute

// Leading is the broker that leads the controllers at present.
func (e *Ensemble) Leading(t testing.TB) *Broker {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(e.Addresses("PLAINTEXT"), ",")...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	req := kmsg.NewPtrDescribeQuorumRequest()
	of, part := kmsg.NewDescribeQuorumRequestTopic(), kmsg.NewDescribeQuorumRequestTopicPartition()
	of.Topic, of.Partitions = "__cluster_metadata", append(of.Partitions, part)
	req.Topics = append(req.Topics, of)
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		resp, err := req.RequestWith(context.Background(), client)
		if err == nil && len(resp.Topics) == 1 && len(resp.Topics[0].Partitions) == 1 {
			if id := int(resp.Topics[0].Partitions[0].LeaderID); id >= 1 && id <= len(e.Brokers) {
				return e.Brokers[id-1]
			}
		}
		if time.Now().After(end) {
			t.Fatalf("nobody leads the controllers: %v, %v", resp, err)
		}
	}
}

// AwaitAll returns when the brokers know one another.
func (e *Ensemble) AwaitAll(t testing.TB) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(e.Addresses("PLAINTEXT"), ",")...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		known, err := admin.ListBrokers(context.Background())
		if err == nil && len(known) == len(e.Brokers) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the brokers do not know one another: %v, %v", known, err)
		}
	}
}

// Addresses of all brokers at the listener with that name.
func (e *Ensemble) Addresses(listener string) string {
	var out []string
	for _, b := range e.Brokers {
		out = append(out, b.Addresses[listener])
	}
	return strings.Join(out, ",")
}

// newID is one as Kafka has them.
func newID() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	b[0] &= 0x7f // not a dash at the beginning
	return base64.RawURLEncoding.EncodeToString(b)
}

// replicas of what brokers keep for themselves.
func (c *Config) replicas() int { return min(c.Count, 3) }

func (b *Broker) configure(t testing.TB, c Config, id int, voters string) {
	t.Helper()
	protocols := maps.Clone(c.Listeners)
	if protocols == nil {
		protocols = map[string]string{}
	}
	protocols["PLAINTEXT"], protocols["CONTROLLER"] = "PLAINTEXT", "PLAINTEXT"
	var listen, advertise, protocol []string
	for _, name := range slices.Sorted(maps.Keys(protocols)) {
		at := name + "://" + b.Addresses[name]
		listen = append(listen, at)
		protocol = append(protocol, name+":"+protocols[name])
		if name != "CONTROLLER" {
			advertise = append(advertise, at)
		}
	}
	properties := map[string]string{
		"process.roles":                            "broker,controller",
		"node.id":                                  fmt.Sprint(id),
		"controller.quorum.voters":                 voters,
		"controller.listener.names":                "CONTROLLER",
		"inter.broker.listener.name":               "PLAINTEXT",
		"listeners":                                strings.Join(listen, ","),
		"advertised.listeners":                     strings.Join(advertise, ","),
		"listener.security.protocol.map":           strings.Join(protocol, ","),
		"log.dirs":                                 b.Data(),
		"offsets.topic.num.partitions":             "1",
		"offsets.topic.replication.factor":         fmt.Sprint(c.replicas()),
		"transaction.state.log.num.partitions":     "3",
		"transaction.state.log.replication.factor": fmt.Sprint(c.replicas()),
		"transaction.state.log.min.isr":            fmt.Sprint(min(c.replicas(), 2)),
		"group.initial.rebalance.delay.ms":         "0",
		"auto.create.topics.enable":                "false",
		"num.network.threads":                      "2",
		"num.io.threads":                           "2",
	}
	maps.Copy(properties, c.Properties)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		fmt.Fprintf(&text, "%s=%s\n", name, properties[name])
	}
	if err := os.WriteFile(b.file(), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (b *Broker) file() string { return filepath.Join(b.dir, "kafka.properties") }

// format begins to make the folder of the broker.
func (b *Broker) format(t testing.TB, c Config, cluster string) *exec.Cmd {
	t.Helper()
	args := []string{"-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", libs(t), "kafka.tools.StorageTool", "format", "-t", cluster, "-c", b.file()}
	for _, user := range slices.Sorted(maps.Keys(c.Users)) {
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			args = append(args, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, user, c.Users[user]))
		}
	}
	cmd := exec.Command("java", args...)
	said := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// Start runs the broker, which was not started yet or was killed.
func (b *Broker) Start(t testing.TB) {
	t.Helper()
	out, err := os.OpenFile(b.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	args := append(slices.Clone(b.wrap), "java", "-Xmx256m", "-Xshare:auto", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", libs(t), "kafka.Kafka", b.file())
	b.cmd = exec.Command(args[0], args[1:]...)
	b.cmd.Stdout, b.cmd.Stderr = out, out
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd, ended := b.cmd, make(chan struct{})
	b.ended = ended
	go func() {
		_ = cmd.Wait() // it is killed
		close(ended)
	}()
	t.Cleanup(func() { kill(cmd, ended) })
}

// Data is the folder of its logs.
func (b *Broker) Data() string { return filepath.Join(b.dir, "data") }

func (b *Broker) log() string { return filepath.Join(b.dir, "kafka.log") }

// Await returns when the broker takes connections.
func (b *Broker) Await(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		conn, err := net.Dial("tcp", b.Addresses["PLAINTEXT"])
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the broker does not answer:\n%s", b.Output())
		}
		select {
		case <-b.ended:
			t.Fatalf("the broker has ended:\n%s", b.Output())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Output is the end of what the broker has printed.
func (b *Broker) Output() string {
	said, err := os.ReadFile(b.log())
	if err != nil {
		return err.Error()
	}
	return string(said[max(0, len(said)-4096):])
}

// Kill ends the broker as kill -9 does and waits until it is gone.
func (b *Broker) Kill() { kill(b.cmd, b.ended) }

func kill(cmd *exec.Cmd, ended <-chan struct{}) {
	select {
	case <-ended:
		return
	default:
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	<-ended
}

// Signal sends a signal to the process.
func (b *Broker) Signal(t testing.TB, what syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(b.cmd.Process.Pid, what); err != nil {
		t.Fatal(err)
	}
}
