package dashboard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"littlehorse/internal/api"
	"littlehorse/internal/lh"
)

// inJSON writes enums and numbers that are zero, too: TASK_SCHEDULED is one.
var inJSON = protojson.MarshalOptions{EmitDefaultValues: true}

// recordLine is one record of an output topic.
type recordLine struct {
	Partition int             `json:"partition"`
	Number    uint64          `json:"number"`
	Key       string          `json:"key"`
	Record    json.RawMessage `json:"record"`
}

// gapLine says that records are gone that were not read.
type gapLine struct {
	Gap struct {
		Partition int    `json:"partition"`
		First     uint64 `json:"first"`
		Last      uint64 `json:"last"`
	} `json:"gap"`
}

// positionLine says where to go on behind all lines above it.
type positionLine struct {
	Position string `json:"position"`
}

// errorLine ends a stream.
type errorLine struct {
	Error problem `json:"error"`
}

// output streams an output topic as lines of JSON.
func (h *handler) output(w http.ResponseWriter, r *http.Request) {
	position, follow, refused := outputQuery(r)
	if refused != nil {
		refuse(w, refused)
		return
	}
	ctx := asCall(r.Context(), r)
	topic, err := h.API.OpenOutput(ctx, h.Listener, r.PathValue("topic"), position)
	if err != nil {
		h.refused(w, err)
		return
	}
	defer topic.Close()
	w.Header().Set("Content-Type", "application/x-ndjson")
	patience := time.Duration(0)
	if follow {
		patience = h.Heartbeat
	}
	if follow && !h.send(w, positionLine{topic.Position()}) {
		return
	}
	for {
		batch, err := topic.Next(ctx, patience)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			h.send(w, errorLine{h.told(err)})
			return
		}
		lines, err := linesOf(batch)
		if err != nil {
			h.send(w, errorLine{h.told(err)})
			return
		}
		if !h.send(w, lines...) {
			return
		}
		if !follow && len(batch.Records)+len(batch.Gaps) == 0 {
			return
		}
	}
}

// outputQuery reads what is asked for. A misspelt word is refused: it may have been meant to bound the stream.
func outputQuery(r *http.Request) (position string, follow bool, refused *lh.Error) {
	follow = true
	for name, values := range r.URL.Query() {
		value := values[len(values)-1]
		switch {
		case name == "position":
			position = value
		case name == "follow" && (value == "true" || value == "false"):
			follow = value == "true"
		default:
			return "", false, lh.Errorf(lh.InvalidArgument, "The query may have position=… and follow=true or false, not %s=%s", name, value)
		}
	}
	return position, follow, nil
}

func linesOf(b api.OutputBatch) ([]any, error) {
	lines := make([]any, 0, len(b.Gaps)+len(b.Records)+1)
	for _, g := range b.Gaps {
		var line gapLine
		line.Gap.Partition, line.Gap.First, line.Gap.Last = g.Partition, g.First, g.Last
		lines = append(lines, line)
	}
	for _, r := range b.Records {
		text, err := inJSON.Marshal(r.Value)
		if err != nil {
			return nil, fmt.Errorf("output record %d of partition %d: %w", r.Number, r.Partition, err)
		}
		lines = append(lines, recordLine{r.Partition, r.Number, r.Key, text})
	}
	return append(lines, positionLine{b.Position}), nil
}

// send writes lines at once. It reports whether the client took them in time.
func (h *handler) send(w http.ResponseWriter, lines ...any) bool {
	var text bytes.Buffer
	to := json.NewEncoder(&text)
	to.SetEscapeHTML(false)
	for _, line := range lines {
		if err := to.Encode(line); err != nil {
			h.Log.Error("output stream ended", "err", err)
			return false
		}
	}
	return h.sendText(w, text.Bytes())
}

func (h *handler) refused(w http.ResponseWriter, err error) {
	h.told(err)
	refuse(w, err)
}

// told is what a client is told of an error; one that nobody meant for him is logged.
func (h *handler) told(err error) problem {
	if lh.AsError(err) == nil {
		h.Log.Error("output stream failed", "err", err)
	}
	return problemOf(err)
}
