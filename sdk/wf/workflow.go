package wf

import (
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/proto"

	lh "littlehorse/sdk/client"

	"littlehorse/lhpb"
)

const entrypoint = "entrypoint"

// Workflow is a WfSpec in the making.
type Workflow struct {
	name            string
	body            func(*Thread)
	retention       *lhpb.WorkflowRetentionPolicy
	updates         lhpb.AllowedUpdateType
	parent          *lhpb.WfSpec_ParentWfSpecReference
	defaultRetries  int32
	defaultBackoff  *lhpb.ExponentialBackoffRetryPolicy
	defaultTimeout  time.Duration
	threadRetention *lhpb.ThreadRetentionPolicy
	namesLikeGo     bool
	// at is the user's call of New.
	at       position
	mistakes []mistake
}

// mistake is in an option, which is there before a builder is.
type mistake struct {
	at   position
	text string
}

// wrong is an option that Compile reports, at the user's call that made it.
func wrong(format string, args ...any) Option {
	m := mistake{here(), fmt.Sprintf(format, args...)}
	return func(w *Workflow) { w.mistakes = append(w.mistakes, m) }
}

// Option is a setting of a whole workflow.
type Option func(*Workflow)

// New names a workflow and the function that describes its entrypoint thread. The name consists of letters, digits and
// inner hyphens.
func New(name string, body func(*Thread), options ...Option) *Workflow {
	w := &Workflow{name: name, body: body, at: here()}
	for _, option := range options {
		option(w)
	}
	return w
}

// Retention deletes each WfRun that long after it ended. Whole seconds, rounded up.
func Retention(d time.Duration) Option {
	if d < 0 {
		return wrong("Retention must not be negative: %v", d)
	}
	return func(w *Workflow) {
		w.retention = &lhpb.WorkflowRetentionPolicy{WfGcPolicy: &lhpb.WorkflowRetentionPolicy_SecondsAfterWfTermination{
			SecondsAfterWfTermination: seconds(d),
		}}
	}
}

// AllowedUpdates tells which changes a new version may bring; the default allows all.
func AllowedUpdates(t lhpb.AllowedUpdateType) Option {
	return func(w *Workflow) { w.updates = t }
}

// Parent makes every WfRun a child of a run of the named WfSpec, whose public variables may be declared Inherited here.
func Parent(wfSpec string, majorVersion int32) Option {
	return func(w *Workflow) {
		w.parent = &lhpb.WfSpec_ParentWfSpecReference{WfSpecName: wfSpec, WfSpecMajorVersion: majorVersion}
	}
}

// DefaultRetries is used by tasks that set no retries of their own.
func DefaultRetries(n int, backoff ...Backoff) Option {
	if n < 0 || n > math.MaxInt32 {
		return wrong("DefaultRetries must not be negative: %d", n)
	}
	var policy *lhpb.ExponentialBackoffRetryPolicy
	if len(backoff) > 0 {
		var mistake string
		if policy, mistake = backoff[0].proto(); mistake != "" {
			return wrong("default retries: %s", mistake)
		}
	}
	return func(w *Workflow) { w.defaultRetries, w.defaultBackoff = int32(n), policy }
}

// DefaultTimeout is used by tasks that set no timeout of their own. Whole seconds, rounded up.
func DefaultTimeout(d time.Duration) Option {
	if s := seconds(d); s < 1 || s > math.MaxInt32 {
		return wrong("DefaultTimeout must be positive, and less than 68 years: %v", d)
	}
	return func(w *Workflow) { w.defaultTimeout = d }
}

// DefaultThreadRetention deletes each ThreadRun of a thread that sets no retention of its own that long after it ended. Whole
// seconds, rounded up.
func DefaultThreadRetention(d time.Duration) Option {
	if d < 0 {
		return wrong("DefaultThreadRetention must not be negative: %v", d)
	}
	return func(w *Workflow) { w.threadRetention = threadRetention(d) }
}

// NamesLikeGo names the nodes of spawned threads …-SPAWN_THREAD, as the official Go SDK does, instead of …-START_THREAD.
// It is for WfSpecs that must stay equal to ones registered from there.
func NamesLikeGo() Option {
	return func(w *Workflow) { w.namesLikeGo = true }
}

// Name is the name of the WfSpec.
func (w *Workflow) Name() string { return w.name }

// Compile runs the workflow's function and returns the request that registers the WfSpec, or all mistakes at once:
// errors.As with *CompileError finds the first.
func (w *Workflow) Compile() (*lhpb.PutWfSpecRequest, error) {
	b := w.build()
	if err := b.err(); err != nil {
		return nil, err
	}
	return b.request(), nil
}

// PutRequests are the definitions of the events the workflow uses by type, and the WfSpec.
func (w *Workflow) PutRequests() ([]proto.Message, error) {
	b := w.build()
	if err := b.err(); err != nil {
		return nil, err
	}
	var requests []proto.Message
	for _, e := range b.events {
		requests = append(requests, e.put)
	}
	return append(requests, b.request()), nil
}

func (w *Workflow) build() *builder {
	b := &builder{workflow: w, threads: map[string]*Thread{}, varNames: map[string]string{}}
	if !lh.ValidName(w.name) {
		b.failAt(w.at, "workflow name %q: use letters, digits and inner hyphens", w.name)
	}
	for _, m := range w.mistakes {
		b.failAt(m.at, "%s", m.text)
	}
	b.thread(entrypoint, nil, w.body)
	b.compileAll()
	return b
}

func (b *builder) request() *lhpb.PutWfSpecRequest {
	w := b.workflow
	req := &lhpb.PutWfSpecRequest{
		Name: w.name, EntrypointThreadName: entrypoint, ThreadSpecs: map[string]*lhpb.ThreadSpec{},
		AllowedUpdates: w.updates, RetentionPolicy: w.retention, ParentWfSpec: w.parent,
	}
	for name, t := range b.threads {
		if t.spec.RetentionPolicy == nil {
			t.spec.RetentionPolicy = w.threadRetention
		}
		req.ThreadSpecs[name] = t.spec
	}
	return req
}

// seconds rounds up: a wait is never shorter than asked for.
func seconds(d time.Duration) int64 {
	return int64((d + time.Second - 1) / time.Second)
}
