package dashboard

import (
	"net/http"

	"google.golang.org/grpc/status"
)

// Server is how the server is that serves the pages.
type Server struct {
	Cluster string `json:"cluster"`
	Version string `json:"version"`
	Commit  string `json:"commit"`
	State   string `json:"state"`
	// Problem is what is broken; "" if nothing is.
	Problem    string `json:"problem,omitempty"`
	Started    string `json:"started"` // as RFC 3339 has it
	Partitions int    `json:"partitions"`
	// Log is where the log lies.
	Log string `json:"log"`

	DiskUsageBytes   int64  `json:"diskUsageBytes"`
	DiskFreeBytes    uint64 `json:"diskFreeBytes"`
	DiskReserveBytes uint64 `json:"diskReserveBytes"`
	DiskRoom         string `json:"diskRoom"`

	Listeners []ServerListener `json:"listeners"`
}

// ServerListener is a port of the API.
type ServerListener struct {
	Name           string `json:"name"`
	Address        string `json:"address"`
	Protocol       string `json:"protocol"`
	Authentication string `json:"authentication"`
}

// server answers POST /ui/v1/server, for whoever the listener knows.
func (h *handler) server(w http.ResponseWriter, r *http.Request) {
	v := h.posted(w, r)
	if v == nil {
		return
	}
	defer v.leave()
	if _, err := h.do(r, h.named("Whoami"), v, func() ([]byte, error) { return []byte("{}"), nil }); err != nil {
		fail(w, status.Convert(err))
		return
	}
	writeJSON(w, http.StatusOK, h.Health())
}
