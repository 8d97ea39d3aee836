package api

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"littlehorse/internal/auth"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
)

// Bounds of live streams.
const (
	maxLives = 1000
	// MaxLiveTopics bounds what one stream is about.
	MaxLiveTopics = 64
	// maxKnownTopics bounds the topics of all streams, and of those that may come.
	maxKnownTopics = 1 << 16
	// topicKept is how long a topic is known that nobody listens to: until then whoever comes back learns exactly
	// what he missed.
	topicKept = 30 * time.Second
	// newsEvery is how often a stream has news at most.
	newsEvery = 200 * time.Millisecond
)

// aspect is a part of what a topic is about.
type aspect uint8

const (
	aspectRun aspect = iota
	aspectThreads
	aspectNodes
	aspectVariables
	aspectTasks
	aspectEvents
	aspectUserTasks
	aspectChildren
	aspectList
	aspectQueue
	aspectWorkers
	aspects
)

var aspectNames = [aspects]string{
	"run", "threads", "nodes", "variables", "tasks", "events", "userTasks", "children", "list", "queue", "workers",
}

// aspectOfRun says what a row under a WfRun is of.
var aspectOfRun = map[keys.RunKind]aspect{
	keys.KindWfRun:         aspectRun,
	keys.KindThreadRun:     aspectThreads,
	keys.KindInactive:      aspectThreads,
	keys.KindNodeRun:       aspectNodes,
	keys.KindVariable:      aspectVariables,
	keys.KindTaskRun:       aspectTasks,
	keys.KindCheckpoint:    aspectTasks,
	keys.KindExternalEvent: aspectEvents,
	keys.KindWorkflowEvent: aspectEvents,
	keys.KindUserTaskRun:   aspectUserTasks,
}

// The kinds of topics. Behind those with a colon stands a name: of a WfRun with all below it, a WfSpec, a TaskDef.
const (
	topicRun         = "run:"
	topicSpec        = "spec:"
	topicTask        = "task:"
	topicRuns        = "runs"
	topicUserTasks   = "usertasks"
	topicEvents      = "events"
	topicSchedules   = "schedules"
	topicJobs        = "jobs"
	topicDefinitions = "definitions"
)

// topicNeeds says what a listener must be allowed.
var topicNeeds = map[string][]auth.Required{
	topicRun:         one(workflow, read),
	topicSpec:        one(workflow, read),
	topicTask:        one(task, read),
	topicRuns:        one(workflow, read),
	topicUserTasks:   one(userTask, read),
	topicEvents:      one(externalEvent, read),
	topicSchedules:   one(workflow, read),
	topicJobs:        one(workflow, read),
	topicDefinitions: one(workflow, read),
}

// needsOfTopics are what a listener to all of them must be allowed.
func needsOfTopics(topics []string) (needs []auth.Required, err *lh.Error) {
	if len(topics) == 0 || len(topics) > MaxLiveTopics {
		return nil, lh.Errorf(lh.InvalidArgument, "A live stream is about 1 to %d topics, not %d", MaxLiveTopics, len(topics))
	}
	for _, topic := range topics {
		kind, name := splitTopic(topic)
		of, known := topicNeeds[kind]
		if !known || len(topic) > maxTopicBytes || name == "" && strings.HasSuffix(kind, ":") {
			return nil, lh.Errorf(lh.InvalidArgument, "There is no topic %.100q: one is runs, usertasks, events, schedules, jobs or definitions, "+
				"or run:, spec: or task: with a name", topic)
		}
		needs = append(needs, of...)
	}
	return needs, nil
}

func splitTopic(topic string) (kind, name string) {
	i := strings.IndexByte(topic, ':') + 1
	if i == 0 {
		return topic, ""
	}
	return topic[:i], topic[i:]
}

// maxTopicBytes holds the longest id of a WfRun.
const maxTopicBytes = 4096

// Live tells what changes of the topics of one listener. It says what has changed, not how: whoever wants to know reads.
// It is used by one goroutine.
type Live struct {
	service  *Service
	listener *Listener
	needs    []auth.Required
	topics   map[string]*liveTopic
	resets   map[string]bool // topics of which it is not known what was missed
	at       uint64          // number of the last commit whose news were given
	rung     chan struct{}
	judged   time.Time
	given    time.Time
}

// LiveNews is what a listener is told at once.
type LiveNews struct {
	// Position behind all that was told so far.
	Position string
	Changes  []LiveChange
}

// LiveChange says of a topic what has changed.
type LiveChange struct {
	Topic string
	// Reset says that anything may have changed.
	Reset bool
	What  []string
}

// liveTopic is what is known of a topic while somebody listens to it, or might come back.
type liveTopic struct {
	since   uint64 // commits behind this are known
	changed [aspects]uint64
	lives   map[*Live]struct{}
	left    time.Time // when nobody listened any longer
}

// topicKey has the parts of a topic, so that a commit looks one up without making its text.
type topicKey struct{ tenant, kind, name string }

func keyOfTopic(tenant, topic string) topicKey {
	kind, name := splitTopic(topic)
	return topicKey{tenant, kind, name}
}

// liveHub are all topics that somebody wants to know of.
type liveHub struct {
	known  atomic.Int64
	mu     sync.Mutex
	name   string // of this process: positions of another say nothing here
	number uint64 // of the last commit, or of the last topic that became known
	topics map[topicKey]*liveTopic
	lives  int
	swept  time.Time
}

// AnnounceLive makes topics known, so that whoever reads now and listens from the position on misses nothing.
func (s *Service) AnnounceLive(ctx context.Context, l *Listener, topics []string) (position string, err error) {
	caller, _, refused := s.admitToTopics(ctx, l, topics)
	if refused != nil {
		return "", refused
	}
	h := &s.lives
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, topic := range topics {
		t, refused := h.topic(keyOfTopic(caller.tenant, topic), s.now())
		if refused != nil {
			return "", refused
		}
		t.left = s.now()
	}
	return h.position(h.number), nil
}

// admitToTopics admits whoever wants to know of the topics as any call is admitted.
func (s *Service) admitToTopics(ctx context.Context, l *Listener, topics []string) (caller *call, needs []auth.Required, refused *lh.Error) {
	if needs, refused = needsOfTopics(topics); refused != nil {
		return nil, nil, refused
	}
	caller = &call{Context: ctx, listener: l}
	if refused = s.admit(caller, needs); refused != nil {
		return nil, nil, refused
	}
	return caller, needs, nil
}

// OpenLive admits a listener as any call is admitted. The position is one that AnnounceLive or Next has given, or "" for
// now. Whoever opens it closes it.
func (s *Service) OpenLive(ctx context.Context, l *Listener, topics []string, position string) (*Live, error) {
	caller, needs, refused := s.admitToTopics(ctx, l, topics)
	if refused != nil {
		return nil, refused
	}
	live := &Live{
		service: s, listener: l, needs: needs, topics: map[string]*liveTopic{}, resets: map[string]bool{},
		rung: make(chan struct{}, 1), judged: s.now(),
	}
	if refused := s.lives.open(live, caller.tenant, topics, position, s.now()); refused != nil {
		return nil, refused
	}
	return live, nil
}

// LiveStreams is how many listeners there are.
func (s *Service) LiveStreams() int {
	s.lives.mu.Lock()
	defer s.lives.mu.Unlock()
	return s.lives.lives
}

func (h *liveHub) open(live *Live, tenant string, topics []string, position string, now time.Time) *lh.Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lives >= maxLives {
		return lh.Errorf(lh.ResourceExhausted, "There are %d live streams already", maxLives)
	}
	from, known := h.parse(position)
	for _, topic := range topics {
		t, refused := h.topic(keyOfTopic(tenant, topic), now)
		if refused != nil {
			h.leave(live, now)
			return refused
		}
		t.lives[live], live.topics[topic] = struct{}{}, t
		if position != "" && (!known || from < t.since) {
			live.resets[topic] = true
		}
	}
	live.at = h.number
	if known {
		live.at = from
	}
	h.lives++
	live.rung <- struct{}{}
	return nil
}

// topic is one that is known from now on.
func (h *liveHub) topic(k topicKey, now time.Time) (*liveTopic, *lh.Error) {
	h.sweep(now)
	t := h.topics[k]
	if t != nil {
		return t, nil
	}
	if len(h.topics) >= maxKnownTopics {
		return nil, lh.Errorf(lh.ResourceExhausted, "Live streams are about %d topics already", maxKnownTopics)
	}
	h.number++ // what was committed before was counted only if somebody listened
	t = &liveTopic{since: h.number, lives: map[*Live]struct{}{}, left: now}
	h.topics[k] = t
	h.known.Add(1)
	return t, nil
}

// sweep forgets, from time to time, the topics to which nobody has come back.
func (h *liveHub) sweep(now time.Time) {
	if now.Sub(h.swept) < topicKept {
		return
	}
	h.swept = now
	for k, t := range h.topics {
		if len(t.lives) == 0 && now.Sub(t.left) >= topicKept {
			delete(h.topics, k)
			h.known.Add(-1)
		}
	}
}

// leave takes a listener from his topics.
func (h *liveHub) leave(live *Live, now time.Time) {
	for _, t := range live.topics {
		delete(t.lives, live)
		t.left = now
	}
}

func (h *liveHub) position(number uint64) string {
	return h.name + "." + strconv.FormatUint(number, 36)
}

// parse is false for a position of another process.
func (h *liveHub) parse(position string) (number uint64, known bool) {
	name, text, _ := strings.Cut(position, ".")
	number, err := strconv.ParseUint(text, 36, 64)
	return number, err == nil && name == h.name && number <= h.number
}

func newLiveHub() liveHub {
	return liveHub{name: hex.EncodeToString(random16()[:8]), topics: map[topicKey]*liveTopic{}}
}

// Position behind all that was told so far.
func (l *Live) Position() string { return l.service.lives.position(l.at) }

// Close ends the stream.
func (l *Live) Close() {
	h := &l.service.lives
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lives--
	h.leave(l, l.service.now())
}

// Next gives the next news: at once if there are any, else when there are, or none after patience. However slow the
// listener is, he keeps nobody waiting, and is told once of what has changed often.
func (l *Live) Next(ctx context.Context, patience time.Duration) (LiveNews, error) {
	if err := l.judge(ctx); err != nil {
		return LiveNews{}, err
	}
	if err := l.pause(ctx, newsEvery-time.Since(l.given)); err != nil {
		return LiveNews{}, err
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		select {
		case <-l.rung:
			if news := l.news(); len(news.Changes) > 0 {
				l.given = time.Now()
				return news, nil
			}
		case <-timeout.C:
			return l.news(), nil
		case <-l.service.closing:
			return LiveNews{}, shuttingDown()
		case <-ctx.Done():
			return LiveNews{}, ctx.Err()
		}
	}
}

func (l *Live) pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-l.service.closing:
		return shuttingDown()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// judge looks from time to time whether the listener may still listen.
func (l *Live) judge(ctx context.Context) error {
	now := l.service.now()
	if now.Sub(l.judged) < judgeEvery {
		return nil
	}
	if refused := l.service.admit(&call{Context: ctx, listener: l.listener}, l.needs); refused != nil {
		return refused
	}
	l.judged = now
	return nil
}

// news are what has changed since they were taken last.
func (l *Live) news() LiveNews {
	h := &l.service.lives
	h.mu.Lock()
	defer h.mu.Unlock()
	out := LiveNews{Position: h.position(h.number)}
	for topic, t := range l.topics {
		if l.resets[topic] {
			out.Changes = append(out.Changes, LiveChange{Topic: topic, Reset: true})
			continue
		}
		if what := t.changedSince(l.at); len(what) > 0 {
			out.Changes = append(out.Changes, LiveChange{Topic: topic, What: what})
		}
	}
	l.at = h.number
	clear(l.resets)
	slices.SortFunc(out.Changes, func(a, b LiveChange) int { return cmp.Compare(a.Topic, b.Topic) })
	return out
}

func (t *liveTopic) changedSince(number uint64) (what []string) {
	for a, at := range t.changed {
		if at > number {
			what = append(what, aspectNames[a])
		}
	}
	return what
}

// committed tells listeners of a commit. It costs nothing while there are none.
func (h *liveHub) committed(stream machine.Stream, changes []machine.Change, now func() time.Time) {
	if h.known.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.number++
	h.sweep(now())
	if stream.Kind == machine.Metadata {
		h.definitions()
		return
	}
	for _, c := range changes {
		if about, err := keys.ParseAbout(c.Key); err == nil { // else it is nothing that a topic is about
			h.about(about)
		}
	}
}

// definitions says that something of the metadata has changed: of whatever tenant, for it changes rarely.
func (h *liveHub) definitions() {
	for k, t := range h.topics {
		if k.kind == topicDefinitions || k.kind == topicJobs {
			t.change(aspectList, h.number)
		}
	}
}

func (h *liveHub) about(k keys.About) {
	switch k.Space {
	case keys.SpaceRun:
		h.ofRun(k)
	case keys.SpaceQueue:
		h.changed(topicKey{k.Tenant, topicTask, k.Name}, aspectQueue)
	case keys.SpaceObject:
		h.ofObject(k)
	case keys.SpaceTag:
		h.ofTag(k)
	}
}

func (h *liveHub) ofRun(k keys.About) {
	what, shown := aspectOfRun[keys.RunKind(k.Kind)]
	if !shown {
		return
	}
	h.changed(topicKey{k.Tenant, topicRun, k.Name}, what)
	for i := strings.LastIndexByte(k.Name, '_'); i > 0; i = strings.LastIndexByte(k.Name[:i], '_') {
		h.changed(topicKey{k.Tenant, topicRun, k.Name[:i]}, aspectChildren)
	}
	switch what {
	case aspectThreads:
		h.changed(topicKey{k.Tenant, topicRuns, ""}, what)
	case aspectUserTasks:
		h.changed(topicKey{k.Tenant, topicUserTasks, ""}, what)
	}
}

func (h *liveHub) ofObject(k keys.About) {
	switch keys.ObjectKind(k.Kind) {
	case keys.KindTaskWorkerGroup:
		h.changed(topicKey{k.Tenant, topicTask, k.Name}, aspectWorkers)
	case keys.KindSchedule:
		h.changed(topicKey{k.Tenant, topicSchedules, ""}, aspectList)
	case keys.KindBulkShare:
		h.changed(topicKey{k.Tenant, topicJobs, ""}, aspectList)
	}
}

func (h *liveHub) ofTag(k keys.About) {
	switch keys.TagKind(k.Kind) {
	case keys.TagWfRun:
		h.changed(topicKey{k.Tenant, topicRuns, ""}, aspectList)
		h.changed(topicKey{k.Tenant, topicSpec, k.Name}, aspectList)
	case keys.TagTaskRun:
		h.changed(topicKey{k.Tenant, topicTask, k.Name}, aspectList)
	case keys.TagUserTaskRun, keys.TagUserTaskOwner:
		h.changed(topicKey{k.Tenant, topicUserTasks, ""}, aspectList)
	case keys.TagExternalEvent, keys.TagCorrelatedEvent, keys.TagWorkflowEvent:
		h.changed(topicKey{k.Tenant, topicEvents, ""}, aspectList)
	case keys.TagSchedule:
		h.changed(topicKey{k.Tenant, topicSchedules, ""}, aspectList)
	}
}

func (h *liveHub) changed(k topicKey, what aspect) {
	if t := h.topics[k]; t != nil {
		t.change(what, h.number)
	}
}

func (t *liveTopic) change(what aspect, number uint64) {
	t.changed[what] = number
	for live := range t.lives {
		select {
		case live.rung <- struct{}{}:
		default:
		}
	}
}
