package dashboard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"littlehorse/internal/api"
	"littlehorse/internal/lh"
)

// liveChange is what a page is told of a topic.
type liveChange struct {
	Topic string   `json:"topic"`
	What  []string `json:"what"`
}

// live answers GET /ui/v1/live?topic=…: server-sent events that say what has changed, and never how. Last-Event-ID says
// where to go on.
func (h *handler) live(w http.ResponseWriter, r *http.Request) {
	if !own(r, h.Origins...) {
		refuse(w, lh.Errorf(lh.PermissionDenied, "Only pages of this server may listen from a browser"))
		return
	}
	topics, refused := topicsOf(r.URL.Query())
	if refused != nil {
		refuse(w, refused)
		return
	}
	ctx := asCall(r.Context(), r)
	live, err := h.API.OpenLive(ctx, h.Listener, topics, r.Header.Get("Last-Event-ID"))
	if err != nil {
		h.refused(w, err)
		return
	}
	defer live.Close()
	w.Header().Set("Content-Type", "text/event-stream")
	if !h.sendText(w, event("open", live.Position(), struct{}{})) {
		return
	}
	for {
		news, err := live.Next(ctx, h.Heartbeat)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			h.sendText(w, event("end", "", h.told(err)))
			return
		}
		if !h.sendText(w, told(news)) {
			return
		}
	}
}

// topicsOf reads what a page asks for. A misspelt word is refused: the page would wait in vain.
func topicsOf(query url.Values) ([]string, *lh.Error) {
	for name := range query {
		if name != "topic" {
			return nil, lh.Errorf(lh.InvalidArgument, "The query may have topic=…, not %.100s", name)
		}
	}
	return query["topic"], nil
}

// told writes news as events. The last of them has the position behind all: who is cut off before it is told all again.
func told(news api.LiveNews) []byte {
	if len(news.Changes) == 0 {
		return []byte(": nothing new\n\n")
	}
	var text []byte
	for i, c := range news.Changes {
		name, id := "change", ""
		if c.Reset {
			name = "reset"
		}
		if i == len(news.Changes)-1 {
			id = news.Position
		}
		text = append(text, event(name, id, liveChange{c.Topic, append([]string{}, c.What...)})...)
	}
	return text
}

// event is one of them; JSON has no ends of lines.
func event(name, id string, data any) []byte {
	var out bytes.Buffer
	if id != "" {
		fmt.Fprintf(&out, "id: %s\n", id)
	}
	fmt.Fprintf(&out, "event: %s\ndata: ", name)
	to := json.NewEncoder(&out)
	to.SetEscapeHTML(false)
	if err := to.Encode(data); err != nil {
		panic("dashboard: an event cannot be told: " + err.Error())
	}
	out.WriteByte('\n')
	return out.Bytes()
}

// sendText writes at once. It reports whether the client took it in time: one that is too slow is cut off, and goes on
// from his position.
func (h *handler) sendText(w http.ResponseWriter, text []byte) bool {
	c := http.NewResponseController(w)
	if err := c.SetWriteDeadline(time.Now().Add(h.WriteTimeout)); err != nil {
		return false
	}
	if _, err := w.Write(text); err != nil {
		return false
	}
	return c.Flush() == nil
}
