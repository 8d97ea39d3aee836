package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// ControlDir is a folder in the state folder that belongs to the running server and is no part of the data. Nobody
// but the server's own user may enter it.
const ControlDir = "control"

// ControlSocket is the socket in it. Its requests come from this machine and from the server's own user, who could
// read all data anyway; so they need no other permission.
const ControlSocket = "server.sock"

// Checkpoint is the answer to POST /checkpoint. The copy of the store in Dir is there until the caller closes the
// connection. Once what he made of it is durable, and before he closes, he says so with POST /copied: the backup counts as
// made from then on.
type Checkpoint struct {
	Dir string `json:"dir"`
	// Taken is a moment before the copy was begun: what was acknowledged until then is in it.
	Taken time.Time `json:"taken"`
}

// openControl makes the socket. A server without one works, but is not backed up while it runs.
func (s *Server) openControl(ctx context.Context) error {
	if s.cfg.FS != nil {
		return nil
	}
	dir := filepath.Join(s.cfg.StateDir, ControlDir)
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		return fmt.Errorf("control folder: %w", err)
	}
	n, err := new(net.ListenConfig).Listen(ctx, "unix", filepath.Join(dir, ControlSocket))
	if err != nil {
		s.log.Warn("no control socket: lh backup works only while the server is stopped", "err", err)
		return nil
	}
	s.control = &httpPort{net: n}
	return nil
}

func (s *Server) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /checkpoint", func(w http.ResponseWriter, r *http.Request) {
		if !s.mayLend(r.Context()) {
			http.Error(w, "another backup is under way, or the server is stopping", http.StatusConflict)
			return
		}
		defer func() { <-s.lending }()
		if err := s.lendCheckpoint(w, r); err != nil {
			s.log.Error("backup", "err", err)
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("POST /copied", func(w http.ResponseWriter, _ *http.Request) {
		lent := s.lent.Load()
		if lent == 0 {
			http.Error(w, "nothing is being copied", http.StatusConflict)
			return
		}
		s.copied.Store(lent)
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// lendPatience is how long a backup waits for another one: of one that was killed the server hears a moment later, and what
// was lent to it is removed first.
const lendPatience = 10 * time.Second

// mayLend takes the turn of a backup, unless another one has it for long.
func (s *Server) mayLend(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, lendPatience)
	defer cancel()
	select {
	case s.lending <- struct{}{}:
		return true
	case <-s.stopping:
	case <-ctx.Done():
	}
	return false
}

// lendCheckpoint makes a checkpoint and keeps it as long as the caller, or the server, is there.
func (s *Server) lendCheckpoint(w http.ResponseWriter, r *http.Request) (err error) {
	dir, err := filepath.Abs(filepath.Join(s.cfg.StateDir, ControlDir, "checkpoint"))
	if err != nil {
		return err
	}
	taken := time.Now().UTC()
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := s.store.Checkpoint(dir); err != nil {
		return err
	}
	s.lent.Store(taken.UnixMilli())
	defer s.lent.Store(0)
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(Checkpoint{Dir: dir, Taken: taken}); err != nil {
		return err
	}
	if err := http.NewResponseController(w).Flush(); err != nil {
		return err
	}
	select {
	case <-r.Context().Done():
	case <-s.stopping:
	}
	return nil
}
