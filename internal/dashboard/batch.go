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

	"littlehorse/internal/api"
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

// batchAsked is a batch: its calls, and the topics of which the page will want to hear.
type batchAsked struct {
	Calls  batchCalls  `json:"calls"`
	Topics batchTopics `json:"topics"`
}

// batchAnswers are what became of its calls, and where the live stream begins.
type batchAnswers struct {
	Answers  []batchAnswer `json:"answers"`
	Position string        `json:"position,omitempty"`
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
	asked, err := v.readBatch(w, r)
	if err == nil {
		err = v.enter()
	}
	if err != nil {
		fail(w, status.Convert(err))
		return
	}
	position := h.announced(r, asked.Topics)
	calls := asked.Calls
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
	writeJSON(w, http.StatusOK, batchAnswers{answers, position})
}

// announced is the position from which a page that reads now hears of all that changes behind what it has read; "" if it
// may not listen.
func (h *handler) announced(r *http.Request, topics []string) string {
	if len(topics) == 0 {
		return ""
	}
	position, err := h.API.AnnounceLive(asCall(r.Context(), r), h.Listener, topics)
	if err != nil {
		return "" // the stream says why
	}
	return position
}

func (v *visit) readBatch(w http.ResponseWriter, r *http.Request) (asked batchAsked, err error) {
	from := json.NewDecoder(v.body(w, r))
	from.DisallowUnknownFields()
	switch err := from.Decode(&asked); {
	case errors.Is(err, errRoom):
		return asked, errRoom
	case err != nil:
		return asked, status.Errorf(codes.InvalidArgument, "The batch cannot be read: %v", err)
	}
	unhurried(w)
	return asked, nil
}

// batchCalls and batchTopics are no more than a batch may have, however many are in the text.
type (
	batchCalls  []batchCall
	batchTopics []string
)

// UnmarshalJSON implements json.Unmarshaler.
func (c *batchCalls) UnmarshalJSON(text []byte) (err error) {
	*c, err = few[batchCall](text, "calls", mostInBatch)
	return err
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *batchTopics) UnmarshalJSON(text []byte) (err error) {
	*c, err = few[string](text, "topics", api.MaxLiveTopics)
	return err
}

// few reads a list that is not long.
func few[T any](text []byte, name string, most int) (list []T, err error) {
	from := json.NewDecoder(bytes.NewReader(text))
	from.DisallowUnknownFields()
	if begin, err := from.Token(); err != nil || begin != json.Delim('[') {
		return nil, fmt.Errorf("the %s are no list", name)
	}
	for from.More() {
		if len(list) == most {
			return nil, fmt.Errorf("it has more than %d %s", most, name)
		}
		var one T
		if err := from.Decode(&one); err != nil {
			return nil, fmt.Errorf("%d of the %s: %w", len(list), name, err)
		}
		list = append(list, one)
	}
	return list, nil
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
	text, err := h.do(r, rpc, v, asJSON, func() ([]byte, error) { return c.Request, nil })
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
