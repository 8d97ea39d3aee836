package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"littlehorse/internal/auth"
	"littlehorse/internal/dashboard"
	"littlehorse/internal/log/kafka"
	"littlehorse/internal/machine"
)

// openDashboard opens the port of the dashboard, if there is to be one. It talks as its listener does.
func (s *Server) openDashboard(ctx context.Context) (err error) {
	d := s.cfg.Dashboard
	if s.dashboard, err = s.openHTTP(ctx, d.BindHost, d.Port, d.Port > 0); err != nil {
		return fmt.Errorf("port of the dashboard, LHD_PORT: %w", err)
	}
	if s.dashboard == nil {
		return nil
	}
	s.dashboard.net = &limited{Listener: s.dashboard.net, name: "dashboard", most: int64(s.cfg.MaxConnections), log: s.log}
	l := s.dashboardListener().Listener
	if l.Protocol == Plain {
		return nil
	}
	k, err := s.keyring(l)
	if err != nil {
		return err
	}
	s.dashboard.net = tls.NewListener(s.dashboard.net, k.forHTTP())
	return nil
}

// serveDashboard serves the port of the dashboard, if it was opened.
func (s *Server) serveDashboard() {
	if s.dashboard == nil {
		return
	}
	l := s.dashboardListener()
	_, open := l.authenticator().(auth.None)
	local := s.dashboard.net.Addr().(*net.TCPAddr).IP.IsLoopback()
	c := dashboard.Config{
		Health: s.toldOfAll,
		API:    s.face, Listener: l.forAPI(), LocalOnly: open && local, Open: open, OutputStream: s.cfg.Dashboard.OutputStream, Log: s.log,
		Login:     s.cfg.Dashboard.asked(),
		Origins:   s.cfg.Dashboard.Origins,
		Heartbeat: dashboard.DefaultHeartbeat, WriteTimeout: dashboard.DefaultWriteTimeout, RoomBytes: s.cfg.dashboardMemory(),
	}
	s.dashboard.serve(&s.serving, s.log, s.dashboard.counted(dashboard.New(c)))
}

// toldOfAll is what the dashboard says of the server, and of those beside it.
func (s *Server) toldOfAll(ctx context.Context) dashboard.Server {
	d := s.told()
	if s.members != nil {
		d.Members, d.Unowned = s.members.told(ctx, d)
	}
	return d
}

// told is what the dashboard says of the server.
func (s *Server) told() dashboard.Server {
	state, why := s.coreState()
	d := dashboard.Server{
		Cluster: s.cfg.ClusterID, Version: s.cfg.Version, Commit: s.cfg.Commit, State: state,
		Started: s.began.UTC().Format(time.RFC3339), Partitions: s.cfg.Partitions, Log: "the server's own, in the folder of its data",
	}
	if why != nil {
		d.Problem = why.Error()
	}
	if brokers := s.cfg.Kafka.Brokers; len(brokers) > 0 {
		d.Log = "Apache Kafka, " + strings.Join(brokers, ", ")
	}
	if disk, err := s.disk(); err == nil {
		d.DiskUsageBytes, d.DiskFreeBytes, d.DiskReserveBytes, d.DiskRoom = disk.UsageBytes, disk.FreeBytes, disk.ReserveBytes, disk.Room
	}
	if state == stateRunning {
		served := s.servedPartitions() // queues are of those that are followed, too
		for _, q := range s.host.Stats().Queues {
			if q.Stream.Kind == machine.Core && slices.Contains(served, int(q.Stream.Partition)) {
				d.Serves = append(d.Serves, dashboard.ServerPartition{Number: int(q.Stream.Partition), Position: q.Position, Waiting: q.Records})
			}
		}
	}
	s.eachStandby(func(of machine.Stream, at kafka.Standby) {
		if of.Kind == machine.Core {
			d.Follows = append(d.Follows, dashboard.ServerCopy{Number: int(of.Partition), Behind: at.Lag(), End: at.End})
		}
	})
	if state == stateRunning && s.kafka != nil {
		is := s.kafka.Checkpoints()
		d.Checkpoints = &dashboard.ServerCheckpoints{Written: is.Written, Bytes: is.Bytes, Failed: is.Failed, BehindMs: is.Behind.Milliseconds()}
	}
	if at := s.copied.Load(); at != 0 {
		d.BackedUp = time.UnixMilli(at).UTC().Format(time.RFC3339)
	}
	for _, l := range s.listeners {
		d.Listeners = append(d.Listeners, dashboard.ServerListener{
			Name: l.Name, Address: s.Addr(l.Name), Protocol: l.Protocol.String(), Authentication: l.Authentication.String(),
		})
	}
	return d
}

// dashboardListener is the listener whose authentication holds.
func (s *Server) dashboardListener() *opened {
	return s.listeners[s.cfg.dashboardListener()]
}

// dashboardListener is which of the listeners that is: the first if none is named.
func (c *Config) dashboardListener() int {
	return max(0, slices.IndexFunc(c.Listeners, func(l Listener) bool { return l.Name == c.Dashboard.Listener }))
}

// dashboardWarnings tell who may read what is served on the port, and on the way to it.
func (c *Config) dashboardWarnings() []Notice {
	d := c.Dashboard
	if d.Port <= 0 || len(c.Listeners) == 0 {
		return nil
	}
	l := c.Listeners[c.dashboardListener()]
	open := l.Authenticator == nil && l.Authentication == NoAuthentication
	var out []Notice
	switch {
	case auth.IsLoopback(d.BindHost):
	case open:
		out = append(out, Notice{"LHD_BIND_HOST", "the dashboard is not authenticated: whoever reaches its port may do what the principal \"anonymous\" may"})
	case l.Protocol == Plain:
		out = append(out, Notice{"LHD_BIND_HOST", "the dashboard is not encrypted: put a proxy with TLS before its port"})
	}
	if a := d.asked(); auth.InClear(a.Address) {
		out = append(out, Notice{"LHD_OAUTH_CALLBACK_URL", "people log in in clear: whoever listens on the way can go on in their name"})
	}
	if a := d.asked(); auth.InClear(a.Issuer) {
		out = append(out, Notice{"LHD_OAUTH_ISSUER_URI", "the OpenID provider is asked in clear: use https unless it is on this machine"})
	}
	if d.OutputStream && open {
		out = append(out, Notice{"LHD_OUTPUT_STREAM", "the output stream is not authenticated: whoever reaches its port may read all values of all tenants, unmasked"})
	}
	for _, o := range d.Origins {
		if auth.InClear(string(o)) {
			out = append(out, Notice{"LHD_CORS_ALLOWED_ORIGINS", "pages of " + string(o) + " come in clear: whoever is on the way can change them, and call"})
		}
	}
	if len(d.Origins) > 0 && open {
		out = append(out, Notice{"LHD_CORS_ALLOWED_ORIGINS", "calls are not authenticated: pages of these origins may do what the principal \"anonymous\" may, in every browser that reaches the port"})
	}
	return out
}

// DashboardAddr is the address of the dashboard's port; "" if there is none.
func (s *Server) DashboardAddr() string { return s.dashboard.addr() }

// DashboardURL is where a browser finds the dashboard; "" if there is none.
func (s *Server) DashboardURL() string {
	addr := s.DashboardAddr()
	switch {
	case addr == "":
		return ""
	case s.dashboardListener().Protocol == Plain:
		return "http://" + addr
	default:
		return "https://" + addr
	}
}

// counted lets drain wait for requests, even for those whose connection is cut.
func (p *httpPort) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.running.Add(1)
		defer p.running.Done()
		h.ServeHTTP(w, r)
	})
}

// grace is how long a client may take to accept the end of what he is sent. Whoever is cut off comes back with his
// position.
const grace = 2 * time.Second

// drain lets requests end, and cuts them off when ctx is done.
func (p *httpPort) drain(ctx context.Context) {
	if p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if p.server == nil || p.server.Shutdown(ctx) != nil {
		p.stop()
	}
	p.running.Wait()
}
