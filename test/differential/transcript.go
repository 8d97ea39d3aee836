package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// step is one command of a history, what the original answered and the state it left.
type step struct {
	// Call is the name of an RPC, or claim.
	Call    string          `json:"call"`
	Request json.RawMessage `json:"request,omitempty"`
	Code    string          `json:"code"`
	Answer  json.RawMessage `json:"answer,omitempty"`
	// Wait is for how many milliseconds the state must be left alone: a timer that it does not show runs.
	Wait int `json:"wait,omitempty"`
	// State is all that could be read at rest after the command; absent where the next command follows at once.
	State json.RawMessage `json:"state,omitempty"`
}

// claims is the request of a claim: take tasks of a TaskDef from its queue.
type claims struct {
	TaskDef string `json:"taskDef"`
	Count   int    `json:"count"`
}

const claim = "claim"

// history is what one seed made of the original.
type history struct {
	Seed  uint64         `json:"seed"`
	Kind  string         `json:"kind"`
	Steps []step         `json:"steps"`
	End   string         `json:"end"`
	Cells map[string]int `json:"cells"` // see coverage.go
}

// transcript is a file of histories, and of the definitions that they share.
type transcript struct {
	Definitions []step
	Histories   []*history
}

// save writes one JSON line for the definitions and one for each history.
func (t *transcript) save(path string) error {
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(zstd.MaxWindowSize/8),
		zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	e := json.NewEncoder(z)
	e.SetEscapeHTML(false)
	if err := e.Encode(t.Definitions); err != nil {
		return err
	}
	for _, h := range t.Histories {
		if err := e.Encode(h); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

func load(path string) (*transcript, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := zstd.NewReader(bufio.NewReader(f), zstd.WithDecoderMaxWindow(zstd.MaxWindowSize))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	d := json.NewDecoder(z)
	t := &transcript{}
	if err := d.Decode(&t.Definitions); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for {
		h := &history{}
		if err := d.Decode(h); err == io.EOF {
			return t, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		t.Histories = append(t.Histories, h)
	}
}

// moment stands for every time in a transcript: that there is one is a fact, which one is not.
const moment = "2001-01-01T00:00:00Z"

var times = map[string]bool{
	"arrivalTime": true, "createdAt": true, "endTime": true, "eventTime": true, "maturationTime": true,
	"scheduleTime": true, "scheduledAt": true, "scheduledTime": true, "startTime": true, "time": true,
}

var (
	generatedID = regexp.MustCompile(`[0-9a-f]{32}`)
	knownID     = regexp.MustCompile(`%id-(\d+)%`)
)

// prefixMark stands for the prefix of all names.
const prefixMark = "@@"

// scrubber takes out of texts what is a server's own: prefix, times and generated ids. Those get numbers in
// the order in which they appear.
type scrubber struct {
	prefix string
	ids    map[string]string
	real   []string
}

func newScrubber(prefix string) *scrubber { return &scrubber{prefix: prefix, ids: map[string]string{}} }

func (s *scrubber) clone() *scrubber {
	c := newScrubber(s.prefix)
	c.real = append(c.real, s.real...)
	for k, v := range s.ids {
		c.ids[k] = v
	}
	return c
}

func (s *scrubber) value(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, k := range sortedKeys(v) {
			out[s.text(k)] = s.value(k, v[k])
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = s.value(key, e)
		}
		return out
	case string:
		if times[key] {
			return moment
		}
		return s.text(v)
	}
	return v
}

func (s *scrubber) text(t string) string {
	t = strings.ReplaceAll(t, s.prefix, prefixMark)
	return generatedID.ReplaceAllStringFunc(t, func(id string) string {
		if _, known := s.ids[id]; !known {
			s.real = append(s.real, id)
			s.ids[id] = fmt.Sprintf("%%id-%d%%", len(s.real))
		}
		return s.ids[id]
	})
}

// restore is the way back, for what is sent to a server.
func (s *scrubber) restore(text []byte) ([]byte, error) {
	var missing error
	text = bytes.ReplaceAll(text, []byte(prefixMark), []byte(s.prefix))
	text = knownID.ReplaceAllFunc(text, func(m []byte) []byte {
		var n int
		if _, err := fmt.Sscanf(string(m), "%%id-%d%%", &n); err != nil || n < 1 || n > len(s.real) {
			missing = fmt.Errorf("there is no %s", m)
			return m
		}
		return []byte(s.real[n-1])
	})
	return text, missing
}

func (s *scrubber) message(m proto.Message) json.RawMessage {
	return encode(s.value("", jsonValue(m)))
}

func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return json.RawMessage(`"` + err.Error() + `"`)
	}
	return bytes.TrimSpace(b.Bytes())
}

// watched is what a history's state is made of: the WfRuns it started and the CorrelatedEvents it put.
type watched struct {
	roots []*lhpb.WfRunId
	keys  []*lhpb.CorrelatedEventId
}

func (w *watched) note(req proto.Message) {
	switch r := req.(type) {
	case *lhpb.RunWfRequest:
		w.roots = append(w.roots, &lhpb.WfRunId{Id: r.GetId(), ParentWfRunId: r.ParentWfRunId})
	case *lhpb.PutCorrelatedEventRequest:
		w.keys = append(w.keys, &lhpb.CorrelatedEventId{Key: r.Key, ExternalEventDefId: r.ExternalEventDefId})
	}
}

// decode reads a state back from its scrubbed form.
func decode(text []byte) (*state, error) {
	var raw struct {
		Runs []map[string][]json.RawMessage `json:"runs"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	out := &state{}
	for _, o := range raw.Runs {
		r := &run{}
		var err error
		read := func(name string, into func() proto.Message) {
			for _, m := range o[name] {
				if e := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(m, into()); e != nil {
					err = e
				}
			}
		}
		read("wfRun", func() proto.Message { r.WfRun = &lhpb.WfRun{}; return r.WfRun })
		read("nodeRuns", func() proto.Message { return grow(&r.Nodes) })
		read("variables", func() proto.Message { return grow(&r.Variables) })
		read("taskRuns", func() proto.Message { return grow(&r.Tasks) })
		read("userTaskRuns", func() proto.Message { return grow(&r.UserTasks) })
		read("externalEvents", func() proto.Message { return grow(&r.Events) })
		read("workflowEvents", func() proto.Message { return grow(&r.Thrown) })
		read("archived", func() proto.Message { return grow(&r.Archived) })
		if err != nil {
			return nil, err
		}
		out.Runs = append(out.Runs, r)
	}
	return out, nil
}

func grow[T any](l *[]*T) *T {
	m := new(T)
	*l = append(*l, m)
	return m
}
