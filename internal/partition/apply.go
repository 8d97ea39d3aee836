package partition

import (
	"fmt"
	"runtime/debug"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/log"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// apply gives one record to its machine and makes what follows part of the batch.
func (l *Lane) apply(e log.Entry) {
	l.host.applied.Add(1)
	p := l.parts[e.Stream]
	w := p.take(e.Record.GetHeader())
	p.tick(e)
	w.trace.Taken()
	if w.timer != nil {
		l.cache.recall(p, w.timer.early)
		l.pump.taken(w.timer)
		l.filling.timers++
	}
	began, bytes := l.host.elapsed(), l.filling.bytes
	effects := l.effects(p, e)
	applying := l.host.elapsed().Sub(began)
	l.filling.applied = append(l.filling.applied, applying)
	l.filling.kinds[kindOf(e.Record)]++
	w.trace.Applied()
	ly := l.layerOf(p)
	ly.position, ly.clockNs = e.Offset, p.clockNs
	if p.version != p.written {
		ly.version, p.written = p.version, p.version
	}
	for _, c := range effects.Changes {
		l.change(ly, c)
		if w.trace != nil && c.Value != nil && c.Key.Space() == keys.SpaceQueue {
			w.trace.Queued(string(c.Key))
		}
	}
	for i, out := range effects.Emit {
		l.emit(p, emitted(e, out, i))
	}
	if w.number != 0 {
		l.filling.answers = append(l.filling.answers, answer{waiter: w, part: p, reply: effects.Reply})
	}
	l.filling.records++
	wrote := l.filling.bytes - bytes
	spent := cost(applying, wrote)
	l.filling.cost += spent
	if e.Record.GetContinue() != nil {
		p.goesOn = spent
	}
	switch {
	case w.line != nil:
		l.chargeCommit(w.line)
		w.line.spend(l.filling.number, spent, wrote, l.paceTime())
	case e.Record.GetContinue() != nil:
		l.charge(p, originOf(e.Record), spent, wrote)
	}
	if e.Record.GetRunWf() != nil && wrote > heldBytes {
		l.charge(p, begun(e.Record), 0, wrote) // as it began it will go on
	}
}

// emit makes a record that follows part of the batch. One that goes on with the work of a WfRun gets no place in the log yet: whoever came behind it would
// have to wait for it. It waits in line once the batch is synced.
func (l *Lane) emit(p *part, e log.Emit) {
	if e.Record.GetContinue() != nil && e.To == p.stream {
		l.filling.goOn = append(l.filling.goOn, further{p, e.Record})
		return
	}
	l.filling.emits = append(l.filling.emits, e)
}

// tick moves the partition's clock and catalog version forward and writes them into the header.
func (p *part) tick(e log.Entry) {
	if e.Record.Header == nil {
		e.Record.Header = &pb.Header{}
	}
	hd := e.Record.Header
	p.clockNs = max(p.clockNs, e.AtNs)
	hd.AtNs = p.clockNs
	if hd.EngineVersion = e.Engine; e.Engine == 0 {
		hd.EngineVersion = machine.EngineVersion
	}
	if p.stream.Kind == machine.Metadata {
		hd.CatalogVersion = e.Offset
		return
	}
	p.version = max(p.version, hd.CatalogVersion)
	hd.CatalogVersion = p.version
}

// emitted gives a record that follows from e what its header lacks.
func emitted(e log.Entry, out machine.Emit, n int) log.Emit {
	if out.Record.Header == nil {
		out.Record.Header = &pb.Header{}
	}
	hd, cause := out.Record.Header, e.Record.Header
	hd.AtNs, hd.CatalogVersion = cause.AtNs, cause.CatalogVersion
	if len(hd.RequestId) == 0 {
		hd.RequestId = requestID("emitted", e.Stream, e.Offset, uint64(n))
	}
	return log.Emit{From: e.Stream, To: out.To, Record: out.Record}
}

// bears refuses streams with a record that has ended the process too often.
func (c *Config) bears(streams []machine.Stream) error {
	for _, s := range streams {
		if offset := c.Marks.Lethal(s, c.Skips); offset != 0 {
			return fmt.Errorf("%w: record %d of %s has ended it %d times", ErrLethal, offset, s, maxDeaths)
		}
	}
	return nil
}

// effects calls the machine. A failed read or a panic leaves nothing but the answer; with FatalReads a failed read leaves
// nothing at all, for the Host has failed and what is applied is not committed.
func (l *Lane) effects(p *part, e log.Entry) (effects machine.Effects) {
	if skips := l.host.cfg.Skips; skips != nil && skips(e.Stream, e.Offset) {
		l.log.Warn("a record was skipped, as an operator has decided", "stream", e.Stream.String(), "offset", e.Offset, "command", fmt.Sprintf("%T", e.Record.GetCommand()))
		return machine.Refuse(lh.Errorf(lh.Internal, "the request was dropped, for it ends servers"))
	}
	v := &view{lane: l, part: p}
	p.mark.begins(e.Offset)
	defer func() {
		broken := recover()
		if broken == nil || v.err != nil || !l.host.cfg.FatalPanics {
			p.mark.ends(e.Offset)
		}
		if v.err != nil {
			l.host.readErrors.Add(1)
			l.log.Error("state cannot be read", "stream", e.Stream.String(), "offset", e.Offset, "err", v.err)
			if l.host.cfg.FatalReads {
				l.host.fail(fmt.Errorf("partition: read the state of %s: %w", e.Stream, v.err))
			}
			effects = machine.Refuse(lh.Errorf(lh.Unavailable, "the state cannot be read: try again"))
			return
		}
		if broken == nil {
			return
		}
		if l.host.cfg.FatalPanics {
			panic(broken)
		}
		l.host.panics.Add(1)
		l.log.Error("a record was dropped because the machine panicked", "stream", e.Stream.String(), "offset", e.Offset,
			"command", fmt.Sprintf("%T", e.Record.GetCommand()), "err", lh.Cause(broken), "stack", string(debug.Stack()))
		effects = machine.Refuse(lh.Errorf(lh.Internal, "internal error: the request was dropped, the server's log says more"))
	}()
	effects = p.machine.Apply(v, e.Record)
	for i := range effects.Emit {
		if effects.Emit[i].To == (machine.Stream{}) {
			effects.Emit[i].To = e.Stream
		}
	}
	l.check(effects)
	return effects
}

// check panics on effects that no machine may have.
func (l *Lane) check(effects machine.Effects) {
	for _, c := range effects.Changes {
		if s := c.Key.Space(); s == keys.SpaceLane || s == 0 {
			panic(fmt.Sprintf("a machine wrote the key %q, which is not its own", c.Key))
		}
	}
	for _, out := range effects.Emit {
		if !l.host.targets[out.To] || out.Record == nil {
			panic(fmt.Sprintf("a machine emitted for %s, which does not exist", out.To))
		}
	}
}
