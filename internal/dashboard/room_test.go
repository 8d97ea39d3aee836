package dashboard

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"littlehorse/internal/api"
)

// A batch costs what may be in it, whatever is.
func TestReadingABatchIsBounded(t *testing.T) {
	body := `{"calls": [` + strings.Repeat("{},", api.MaxMessageBytes/3-10) + `{}]}`
	r := httptest.NewRequest(http.MethodPost, "/ui/v1/batch", strings.NewReader(body))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := readBatch(httptest.NewRecorder(), r)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "more than 100 calls") {
		t.Error(err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 6*api.MaxMessageBytes {
		t.Errorf("%d bytes were taken", n)
	}
}

// Requests are refused while those under way have all the room, and what they had is given back to the byte.
func TestRoomOfRequests(t *testing.T) {
	const roomBytes = DefaultRoomBytes
	h := &handler{Config: Config{WriteTimeout: DefaultWriteTimeout}, places: make(chan struct{}, mostCalls), room: newRoom(roomBytes)}
	ends, there := make(chan struct{}), make(chan *visit, mostCalls)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := h.posted(w, r)
		if v == nil {
			return
		}
		defer v.leave()
		v.has(1 << 20)
		there <- v
		<-ends
	}))
	defer server.Close()
	post := func() (int, error) {
		r, err := http.NewRequest(http.MethodPost, server.URL, strings.NewReader(strings.Repeat("x", api.MaxMessageBytes)))
		if err != nil {
			return 0, err
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-LH-UI", "1")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err
		}
		return answer.StatusCode, answer.Body.Close()
	}
	const most = roomBytes / (roomBytes/mostCalls + (textCopies*4+1)<<20)
	codes := make(chan int, most)
	for range most {
		go func() {
			code, _ := post()
			codes <- code
		}()
	}
	for range most {
		<-there
	}
	if code, err := post(); code != http.StatusTooManyRequests || err != nil {
		t.Errorf("one more: %d %v", code, err)
	}
	close(ends)
	for range most {
		<-codes
	}
	if left := h.room.left.Load(); left != roomBytes || len(h.places) != 0 {
		t.Errorf("%d of %d are left", left, roomBytes)
	}
}

// What a text becomes is counted by its parts.
func TestBurdenOfATextIsThatOfItsParts(t *testing.T) {
	if few, many := burden([]byte(strings.Repeat("x", 1<<20))), burden([]byte(strings.Repeat("{},", 1<<10))); few != 0 || many < 1<<17 {
		t.Error(few, many)
	}
}
