package dashboard

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/grpc/status"

	"littlehorse/internal/api"
)

func newTestHandler(places int, roomBytes int64) *handler {
	return &handler{Config: Config{WriteTimeout: DefaultWriteTimeout}, places: make(chan struct{}, places), room: newRoom(roomBytes)}
}

// A batch costs what may be in it, whatever is.
func TestReadingABatchIsBounded(t *testing.T) {
	body := `{"calls": [` + strings.Repeat("{},", api.MaxMessageBytes/3-10) + `{}]}`
	r := httptest.NewRequest(http.MethodPost, "/ui/v1/batch", strings.NewReader(body))
	v := &visit{h: newTestHandler(1, DefaultRoomBytes)}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := v.readBatch(httptest.NewRecorder(), r)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "more than 100 calls") {
		t.Error(err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 6*api.MaxMessageBytes {
		t.Errorf("%d bytes were taken", n)
	}
}

// sending is a request whose body comes as the test lets it.
type sending struct {
	*io.PipeWriter
	code chan int
}

// send lets all of it come.
func (s sending) send(size int) {
	_, _ = s.Write(make([]byte, size)) // what went wrong is told by the answer
	_ = s.Close()
}

func post(t *testing.T, url string, announced int64) sending {
	t.Helper()
	body, to := io.Pipe()
	s := sending{to, make(chan int, 1)}
	r, err := http.NewRequest(http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = announced
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-LH-UI", "1")
	go func() {
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			s.code <- 0
			return
		}
		_ = answer.Body.Close()
		s.code <- answer.StatusCode
	}()
	return s
}

// Who sends a request slowly takes no place, and of the room what has come, which leaves room for others; what the
// requests had is given back to the byte.
func TestRequestsTakeWhatComes(t *testing.T) {
	const places, roomBytes, slow = 2, 64 << 20, 23
	h := newTestHandler(places, roomBytes)
	ends, entered := make(chan struct{}), make(chan struct{}, slow)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := h.posted(w, r)
		if v == nil {
			return
		}
		defer v.leave()
		_, err := io.ReadAll(v.body(w, r))
		if err == nil {
			err = v.enter()
		}
		if err != nil {
			fail(w, status.Convert(err))
			return
		}
		entered <- struct{}{}
		<-ends
	}))
	defer server.Close()
	var waiting []sending
	for range slow {
		s := post(t, server.URL, 1<<20)
		if _, err := s.Write(make([]byte, 1<<19)); err != nil {
			t.Fatal(err)
		}
		waiting = append(waiting, s)
	}
	for roomBytes-h.room.left.Load() < slow*textCopies*(1<<19-8<<10) { // but for what is in buffers
		runtime.Gosched()
	}
	if h.room.plenty() {
		t.Error("the room is not half full")
	}
	quick := post(t, server.URL, 10)
	quick.send(10)
	<-entered
	large := post(t, server.URL, api.MaxMessageBytes)
	large.send(api.MaxMessageBytes)
	<-entered
	full := post(t, server.URL, 10)
	full.send(10)
	if code := <-full.code; code != http.StatusTooManyRequests {
		t.Errorf("with no place left: %d", code)
	}
	for _, s := range waiting {
		_ = s.CloseWithError(io.ErrUnexpectedEOF)
		<-s.code
	}
	close(ends)
	<-quick.code
	<-large.code
	server.Close() // waits for the handlers
	if left := h.room.left.Load(); left != roomBytes || len(h.places) != 0 {
		t.Errorf("%d of %d are left, %d places are taken", left, roomBytes, len(h.places))
	}
}

// A request that comes may fill the room no more than half, so that there is always some for another.
func TestNobodyFillsTheRoom(t *testing.T) {
	h := newTestHandler(1, 32<<20)
	read := func(size int) (*visit, error) {
		v := &visit{h: h}
		_, err := io.ReadAll(v.body(nil, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", size)))))
		return v, err
	}
	for range 2 {
		if _, err := read(api.MaxMessageBytes); err != nil && !errors.Is(err, errRoom) {
			t.Error(err)
		}
	}
	for range 10 {
		if _, err := read(1 << 10); err != nil {
			t.Error(err)
		}
	}
}

// What a text becomes is counted by its parts.
func TestBurdenOfATextIsThatOfItsParts(t *testing.T) {
	if few, many := burden([]byte(strings.Repeat("x", 1<<20))), burden([]byte(strings.Repeat("{},", 1<<10))); few != 0 || many < 1<<17 {
		t.Error(few, many)
	}
}
