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
	// Heartbeat is how often a stream without news says so. WriteTimeout is how long a client may take to accept
	// what he is sent at once, before he is cut off.
	Heartbeat, WriteTimeout time.Duration
	Log                     *slog.Logger
}

// Defaults of Config.
const (
	DefaultHeartbeat    = 10 * time.Second
	DefaultWriteTimeout = 30 * time.Second
)

type handler struct{ Config }

// New makes the handler of the dashboard's port.
func New(c Config) http.Handler {
	h := &handler{c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /output/{topic}", h.output)
	return h.guarded(mux)
}

func (h *handler) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if h.LocalOnly && !isLocal(r.Host) {
			refuse(w, lh.Errorf(lh.PermissionDenied, "This port is only for this machine: ask for localhost"))
			return
		}
		next.ServeHTTP(w, r)
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
