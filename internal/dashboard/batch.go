package dashboard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Bounds of a batch.
const (
	mostInBatch  = 100
	batchWorkers = 4
	// mostBatchBytes bounds what a batch answers: calls beyond it are refused one by one.
	mostBatchBytes = 16 << 20
)

// batchCall is one call of many.
type batchCall struct {
	RPC     string          `json:"rpc"`
	Request json.RawMessage `json:"request"`
}

// batchAnswer is what became of it.
type batchAnswer struct {
	Reply json.RawMessage `json:"reply,omitempty"`
	Error *connectError   `json:"error,omitempty"`
}

// batch answers POST /ui/v1/batch: many calls of a page in one request, each as if it had come alone.
func (h *handler) batch(w http.ResponseWriter, r *http.Request) {
	v := h.posted(w, r)
	if v == nil {
		return
	}
	defer v.leave()
	if refused := h.API.Known(asCall(r.Context(), r), h.Listener); refused != nil {
		fail(w, status.Convert(refused))
		return
	}
	calls, err := v.readBatch(w, r)
	if err == nil {
		err = v.enter()
	}
	if err != nil {
		fail(w, status.Convert(err))
		return
	}
	answers := make([]batchAnswer, len(calls))
	var left budget
	left.left = mostBatchBytes
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(batchWorkers, len(calls)) {
		workers.Go(func() {
			for i := range next {
				answers[i] = h.one(r, calls[i], v, &left)
			}
		})
	}
	for i := range calls {
		next <- i
	}
	close(next)
	workers.Wait()
	if http.NewResponseController(w).SetWriteDeadline(time.Now().Add(h.WriteTimeout)) != nil {
		return // nobody is there
	}
	writeJSON(w, http.StatusOK, map[string][]batchAnswer{"answers": answers})
}

func (v *visit) readBatch(w http.ResponseWriter, r *http.Request) ([]batchCall, error) {
	var asked struct{ Calls batchCalls }
	from := json.NewDecoder(v.body(w, r))
	from.DisallowUnknownFields()
	switch err := from.Decode(&asked); {
	case errors.Is(err, errRoom):
		return nil, errRoom
	case err != nil:
		return nil, status.Errorf(codes.InvalidArgument, "The batch cannot be read: %v", err)
	}
	unhurried(w)
	return asked.Calls, nil
}

// batchCalls are no more than a batch may have, however many are in the text.
type batchCalls []batchCall

// UnmarshalJSON implements json.Unmarshaler.
func (c *batchCalls) UnmarshalJSON(text []byte) error {
	from := json.NewDecoder(bytes.NewReader(text))
	from.DisallowUnknownFields()
	if begin, err := from.Token(); err != nil || begin != json.Delim('[') {
		return errors.New("the calls are no list")
	}
	*c = nil
	for from.More() {
		if len(*c) == mostInBatch {
			return fmt.Errorf("it has more than %d calls", mostInBatch)
		}
		var one batchCall
		if err := from.Decode(&one); err != nil {
			return fmt.Errorf("call %d: %w", len(*c), err)
		}
		*c = append(*c, one)
	}
	return nil
}

// one makes a call of a batch.
func (h *handler) one(r *http.Request, c batchCall, v *visit, left *budget) batchAnswer {
	rpc := h.named(c.RPC)
	if rpc == nil || rpc.Streams() {
		return refusal(status.Newf(codes.Unimplemented, "There is no RPC %s of one message each way", c.RPC))
	}
	if !left.some() {
		return refusal(status.Newf(codes.ResourceExhausted, "The answers of the batch have more than %d bytes", mostBatchBytes))
	}
	text, err := h.do(r, rpc, v, func() ([]byte, error) { return c.Request, nil })
	if err != nil {
		return refusal(status.Convert(err))
	}
	left.take(len(text))
	return batchAnswer{Reply: text}
}

func refusal(s *status.Status) batchAnswer {
	told := toldOf(s)
	return batchAnswer{Error: &told}
}

// budget of bytes, shared by workers.
type budget struct {
	mu   sync.Mutex
	left int
}

func (b *budget) some() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left > 0
}

func (b *budget) take(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left -= n
}
