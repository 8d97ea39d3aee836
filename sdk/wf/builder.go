package wf

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// CompileError is one mistake in a workflow.
type CompileError struct {
	// File and Line of the user's call; empty when no single call is to blame.
	File string
	Line int
	// Message is what is wrong.
	Message string
}

// Error is the place and the message.
func (e *CompileError) Error() string {
	if e.File == "" {
		return e.Message
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message)
}

type position struct {
	file string
	line int
}

// sdkRoot is the folder of the SDK's packages as the compiler saw it.
var sdkRoot = func() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.ToSlash(filepath.Dir(filepath.Dir(file))) + "/"
}()

// here finds the innermost call outside the SDK.
func here() position {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.File, sdkRoot) || strings.HasSuffix(frame.File, "_test.go") {
			return position{frame.File, frame.Line}
		}
		if !more {
			return position{}
		}
	}
}

// builder is the state of one Compile.
type builder struct {
	workflow *Workflow
	threads  map[string]*Thread
	queue    []*Thread // declared, not yet compiled
	active   *Thread
	varNames map[string]string // by name: the thread that declares it
	events   []*eventDef
	spawns   []spawn
	errs     []error
}

// eventDef is an event definition that the workflow brings with it.
type eventDef struct {
	name string
	put  proto.Message
}

// spawn is checked when all threads are known.
type spawn struct {
	at     position
	thread string
	inputs map[string]*operand
}

func (b *builder) fail(format string, args ...any) { b.failAt(here(), format, args...) }

func (b *builder) failAt(at position, format string, args ...any) {
	b.errs = append(b.errs, &CompileError{File: at.file, Line: at.line, Message: fmt.Sprintf(format, args...)})
}

// thread declares a thread; its body runs when those declared before it are done.
func (b *builder) thread(name string, parent *Thread, body func(*Thread)) *Thread {
	if b.threads[name] != nil {
		b.fail("two threads are named %q", name)
		name = fmt.Sprintf("%s-%d", name, len(b.threads))
	}
	t := &Thread{
		b: b, name: name, parent: parent, body: body,
		spec: &lhpb.ThreadSpec{Nodes: map[string]*lhpb.Node{}}, next: &lhpb.Edge{},
	}
	b.threads[name] = t
	b.queue = append(b.queue, t)
	return t
}

// maxThreads ends workflows whose threads declare threads without end.
const maxThreads = 10_000

func (b *builder) compileAll() {
	for len(b.queue) > 0 {
		if len(b.threads) > maxThreads {
			b.failAt(b.workflow.at, "workflow %s: more than %d threads", b.workflow.name, maxThreads)
			return
		}
		t := b.queue[0]
		b.queue = b.queue[1:]
		b.active = t
		t.compile()
	}
	b.active = nil
	for _, s := range b.spawns {
		b.checkSpawn(s)
	}
}

func (b *builder) checkSpawn(s spawn) {
	child := b.threads[s.thread]
	declared := map[string]*lhpb.ThreadVarDef{}
	for _, def := range child.spec.VariableDefs {
		name := def.VarDef.Name
		declared[name] = def
		if _, given := s.inputs[name]; def.Required && !given {
			b.failAt(s.at, "thread %q needs its required variable %q", s.thread, name)
		}
	}
	for _, name := range sortedNames(s.inputs) {
		def := declared[name]
		if def == nil {
			b.failAt(s.at, "thread %q has no variable %q", s.thread, name)
			continue
		}
		if from := s.inputs[name].typ; !assignable(from, def.VarDef.TypeDef) {
			b.failAt(s.at, "variable %q of thread %q is %s, not %s", name, s.thread, typeText(def.VarDef.TypeDef), typeText(from))
		}
	}
}

func (b *builder) define(name string, put proto.Message) {
	for _, e := range b.events {
		if e.name != name || fmt.Sprintf("%T", e.put) != fmt.Sprintf("%T", put) {
			continue
		}
		if !proto.Equal(e.put, put) {
			b.fail("event %q is used with two different types or settings", name)
		}
		return
	}
	b.events = append(b.events, &eventDef{name: name, put: put})
}

func (b *builder) err() error {
	if len(b.errs) == 0 {
		return nil
	}
	return fmt.Errorf("workflow %s:\n%w", b.workflow.name, errors.Join(b.errs...))
}
