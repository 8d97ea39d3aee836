package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/code"
)

// Command follows one command from its submission to its answer: through the log, the engine and the commit. A nil
// Command follows nothing, and costs nothing.
type Command struct {
	traces *Traces
	ctx    context.Context // the command's own span
	span   trace.Span

	submitted, taken, applied time.Time
}

// Command begins to follow a command on behalf of the caller in ctx; nil unless he is traced. name and stream are asked
// for only then.
func (t *Traces) Command(ctx context.Context, name, stream func() string) *Command {
	if t == nil || !trace.SpanContextFromContext(ctx).IsSampled() {
		return nil
	}
	c := &Command{traces: t, submitted: time.Now()}
	c.ctx, c.span = t.tracer.Start(ctx, name(), trace.WithTimestamp(c.submitted), trace.WithAttributes(attribute.String(aboutStream, stream())))
	return c
}

// Taken says that the log has handed the command out.
func (c *Command) Taken() {
	if c != nil {
		c.taken = time.Now()
	}
}

// Applied says that the engine is through with it.
func (c *Command) Applied() {
	if c != nil {
		c.applied = time.Now()
	}
}

// Queued says that the command has put the task with that key into its queue.
func (c *Command) Queued(key string) {
	if c != nil {
		c.traces.origins.put(key, c.span.SpanContext())
	}
}

// Answered ends it, with 0 or the code of a refusal.
func (c *Command) Answered(refusal uint32) {
	if c == nil {
		return
	}
	now, outcome := time.Now(), codeName(refusal)
	c.stage("log append", c.submitted, c.taken)
	c.stage("apply", c.taken, c.applied)
	c.stage("commit", c.applied, now)
	c.span.SetAttributes(attribute.String(aboutOutcome, outcome))
	if refusal != 0 {
		c.span.SetStatus(codes.Error, outcome)
	}
	c.span.End(trace.WithTimestamp(now))
}

// codeName is the name of a status code as metrics and documents write it.
func codeName(c uint32) string { return code.Code(c).String() }

// stage makes a span of a part that was reached.
func (c *Command) stage(name string, from, to time.Time) {
	if from.IsZero() || to.IsZero() {
		return
	}
	_, span := c.traces.tracer.Start(c.ctx, name, trace.WithTimestamp(from))
	span.End(trace.WithTimestamp(to))
}

// HandOut is a task on its way to a worker. A nil HandOut follows nothing.
type HandOut struct{ span trace.Span }

// HandOut begins to follow the task with that key of its queue, as part of the trace of the command that put it there.
// The claim is submitted with the context that is returned.
func (t *Traces) HandOut(key, taskDef, worker string) (context.Context, *HandOut) {
	if t == nil {
		return context.Background(), nil
	}
	from := t.origins.take(key)
	if !from.IsValid() {
		return context.Background(), nil
	}
	return t.handOut(trace.ContextWithSpanContext(context.Background(), from), taskDef, worker)
}

// HandedOut tells of a task that went to a worker in the same step as the report of the caller in ctx.
func (t *Traces) HandedOut(ctx context.Context, taskDef, worker string) {
	if t == nil || !trace.SpanContextFromContext(ctx).IsSampled() {
		return
	}
	_, h := t.handOut(ctx, taskDef, worker)
	h.End(0)
}

func (t *Traces) handOut(ctx context.Context, taskDef, worker string) (context.Context, *HandOut) {
	ctx, span := t.tracer.Start(ctx, "hand-out", trace.WithAttributes(attribute.String(AboutTaskDef, taskDef), attribute.String(aboutWorker, worker)))
	return ctx, &HandOut{span}
}

// End says how it ended, with 0 when the task is the worker's, or with the code of a refusal.
func (h *HandOut) End(refusal uint32) {
	if h == nil {
		return
	}
	h.span.SetAttributes(attribute.String(aboutOutcome, codeName(refusal)))
	h.span.End()
}
