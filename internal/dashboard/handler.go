package dashboard

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"littlehorse/internal/api"
	"littlehorse/internal/lh"
)

// Config of the handler.
type Config struct {
	// API answers.
	API *api.Service
	// Listener whose callers those who come over HTTP are.
	Listener *api.Listener
	// LocalOnly refuses requests that name another host than this machine: with neither authentication nor a network
	// to keep strangers out, a page in a browser must not reach the port by a name of its own.
	LocalOnly bool
	// Open says that nobody is asked who he is: the pages tell it.
	Open bool
	// Login is by which provider people log in; without an Issuer they bring tokens of their own, or none.
	Login Login
	// Origins of others whose pages may call.
	Origins []Origin
	// Health tells how the server is, and those beside it.
	Health func(context.Context) Server
	// OutputStream serves the output topics.
	OutputStream bool
	// RoomBytes is what requests and replies may take in memory; 0 is DefaultRoomBytes.
	RoomBytes int64
	// Heartbeat is how often a stream without news says so. WriteTimeout is how long a client may take to accept
	// what he is sent at once, or to send his request, before he is cut off.
	Heartbeat, WriteTimeout time.Duration
	Log                     *slog.Logger
}

// Defaults of Config.
const (
	DefaultHeartbeat    = 10 * time.Second
	DefaultWriteTimeout = 30 * time.Second
	DefaultRoomBytes    = 128 << 20
)

type handler struct {
	Config
	calls *api.Calls
	// places of calls that are under way.
	places chan struct{}
	room   *room
	login  *login // nil: nobody logs in here
}

// New makes the handler of the dashboard's port.
func New(c Config) http.Handler {
	if c.RoomBytes == 0 {
		c.RoomBytes = DefaultRoomBytes
	}
	h := &handler{Config: c, calls: c.API.Calls(c.Listener), places: make(chan struct{}, mostCalls), room: newRoom(c.RoomBytes)}
	mux := http.NewServeMux()
	if c.OutputStream {
		mux.HandleFunc("GET /output/{topic}", h.output)
	}
	mux.HandleFunc("/api/", h.call)
	mux.HandleFunc("/ui/v1/batch", h.batch)
	mux.HandleFunc("/ui/v1/server", h.server)
	mux.HandleFunc("GET /ui/v1/about", h.about)
	mux.HandleFunc("GET /ui/v1/live", h.live)
	mux.HandleFunc("/ui/", unknown)
	mux.HandleFunc("/output/", unknown)
	mux.HandleFunc("/", loadPages().serve)
	if c.Login.Issuer == "" {
		return h.guarded(h.crossing(mux))
	}
	h.login = newLogin(c.Login, c.Log, func(ctx context.Context, r *http.Request) error { return c.API.Known(asCall(ctx, r), c.Listener) })
	h.login.register(mux)
	return h.guarded(h.crossing(h.login.inNameOf(mux)))
}

// about tells a page what it must know before it makes a call.
func (h *handler) about(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"open": h.Open, "version": api.Version(), "login": h.login != nil, "loggedIn": h.login != nil && r.Header.Get("Authorization") != "",
	})
}

func unknown(w http.ResponseWriter, r *http.Request) {
	refuse(w, lh.Errorf(lh.NotFound, "There is nothing at %s", r.URL.Path))
}

// headers of all that is served. What a page shows of a workflow can load nothing and send nothing anywhere, even if it
// became markup by a bug.
var headers = map[string]string{
	"X-Content-Type-Options": "nosniff",
	"Referrer-Policy":        "same-origin",
	"Cache-Control":          "no-store",
	"Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; " +
		"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
}

func (h *handler) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		// That of the request before, on the same connection, is over.
		if http.NewResponseController(w).SetWriteDeadline(time.Now().Add(h.WriteTimeout)) != nil {
			return
		}
		if h.LocalOnly && !isLocal(r.Host) {
			refuse(w, lh.Errorf(lh.PermissionDenied, "This port is only for this machine: ask for localhost"))
			return
		}
		next.ServeHTTP(w, r)
		// What is left of the request is thrown away, but not waited for.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.WriteTimeout)) // where it fails, nobody is there
	})
}

// isLocal reports whether the Host of a request is this machine.
func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// asCall makes of a request what package api knows of a call: who is at the other end, and what he says of himself.
func asCall(ctx context.Context, r *http.Request) context.Context {
	said := metadata.MD{}
	for _, name := range []string{"authorization", "tenantid"} {
		if values := r.Header.Values(name); len(values) > 0 {
			said.Set(name, values...)
		}
	}
	from := &peer.Peer{LocalAddr: localAddr(r)}
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		from.Addr = net.TCPAddrFromAddrPort(addr)
	}
	if r.TLS != nil {
		from.AuthInfo = credentials.TLSInfo{
			State:          *r.TLS,
			CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
		}
	}
	return peer.NewContext(metadata.NewIncomingContext(ctx, said), from)
}

func localAddr(r *http.Request) net.Addr {
	addr, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return addr
}

// problem is how a refusal is told.
type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func problemOf(err error) problem {
	e := lh.AsError(err)
	if e == nil {
		e = lh.Errorf(lh.Internal, "An unexpected internal error occurred. Please contact support for assistance.")
	}
	return problem{api.CodeName(e.Code), e.Message}
}

var httpCodes = map[lh.Code]int{
	lh.InvalidArgument: http.StatusBadRequest, lh.Unauthenticated: http.StatusUnauthorized,
	lh.PermissionDenied: http.StatusForbidden, lh.NotFound: http.StatusNotFound,
	lh.ResourceExhausted: http.StatusTooManyRequests, lh.Unavailable: http.StatusServiceUnavailable,
	lh.DeadlineExceeded: http.StatusGatewayTimeout,
}

// refuse answers a request that gets nothing.
func refuse(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	if e := lh.AsError(err); e != nil && httpCodes[e.Code] != 0 {
		code = httpCodes[e.Code]
	}
	if code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]problem{"error": problemOf(err)}) // nobody is there to be told
}
