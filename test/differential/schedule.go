package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// appear is a step that waits until a search for WfRuns finds some, which belong to the history from then on.
const appear = "appear"

// schedules puts, reads and deletes schedules. Every fourth history waits for one to start a WfRun.
func schedules(n names) historyPlan {
	p := historyPlan{kind: "schedules", calm: true}
	rng := n.rng(2)
	vars := []*lhpb.ThreadVarDef{variableDef("i", lhpb.VariableType_INT, integer(1)), variableDef("s", lhpb.VariableType_STR, nil)}
	s := spec(n.spec(), map[string]*lhpb.ThreadSpec{"main": straight(vars, map[int][]*lhpb.VariableMutation{
		1: {assign("i", lhpb.VariableMutationType_ADD, literal(integer(1)))},
	}, eventNode(n.eventText()), exitNode(nil))})
	p.definitions = []definition{{method: "PutWfSpec", request: s, pause: metadataPause}}
	other := proto.Clone(s).(*lhpb.PutWfSpecRequest)
	other.ThreadSpecs["main"].VariableDefs[0].VarDef.DefaultValue = integer(2)
	if rng.IntN(2) == 0 {
		p.definitions = append(p.definitions, definition{method: "PutWfSpec", request: other, pause: metadataPause})
	}
	ids := []string{n.numbered("plan") + "-none"}
	for i := range 10 {
		d := definition{invalid: true, pause: metadataPause / 4}
		id := &lhpb.ScheduledWfRunId{Id: oneOf(rng, append(ids, ids...)...)}
		switch rng.IntN(6) {
		case 0:
			d.method, d.request = "GetScheduledWfRun", id
		case 1:
			d.method, d.request = "DeleteScheduledWfRun", &lhpb.DeleteScheduledWfRunRequest{Id: id}
		case 2:
			req := &lhpb.SearchScheduledWfRunRequest{WfSpecName: n.spec()}
			if rng.IntN(2) == 0 {
				req.MajorVersion = proto.Int32(int32(rng.IntN(2)))
			}
			if rng.IntN(3) == 0 {
				req.Revision = proto.Int32(int32(rng.IntN(2)))
			}
			d.method, d.request = "SearchScheduledWfRun", req
		default:
			ids = append(ids, fmt.Sprintf("%s-%d", n.numbered("plan"), i))
			req := &lhpb.ScheduleWfRequest{
				Id: proto.String(ids[len(ids)-1]), WfSpecName: n.spec(), CronExpression: oneOf(rng, seldom...),
				Variables: map[string]*lhpb.VariableValue{oneOf(rng, "i", "s", "nobody"): anyValue(rng)},
			}
			if rng.IntN(3) == 0 {
				req.MajorVersion = proto.Int32(int32(rng.IntN(8) / 7))
				if rng.IntN(2) == 0 {
					req.Revision = proto.Int32(int32(rng.IntN(3)))
				}
			}
			if rng.IntN(12) == 0 {
				req.WfSpecName = n.numbered("nobody")
			}
			d.method, d.request = "ScheduleWf", req
		}
		p.definitions = append(p.definitions, d)
	}
	if n.seed/10%4 == 0 {
		id := n.numbered("plan")
		in := oneOf(rng, nil, map[string]*lhpb.VariableValue{"i": integer(40)}, map[string]*lhpb.VariableValue{"s": str("x"), "i": integer(3)})
		p.definitions = append(p.definitions, definition{method: "ScheduleWf", request: &lhpb.ScheduleWfRequest{
			Id: &id, WfSpecName: n.spec(), CronExpression: oneOf(rng, "* * * * *", "*/1 0-23 * * *"), Variables: in,
		}})
		p.begin = func(ctx context.Context, r *recorder) error {
			if err := r.appear(ctx, &lhpb.SearchWfRunRequest{WfSpecName: n.spec()}); err != nil {
				return err
			}
			return r.act(ctx, "DeleteScheduledWfRun", &lhpb.DeleteScheduledWfRunRequest{Id: &lhpb.ScheduledWfRunId{Id: id}})
		}
	}
	return p
}

// seldom are cron expressions that do not come while a history lasts, or are none.
var seldom = []string{
	"0 0 1 1 *", "0 0 31 12 *", "59 23 31 12 0-7", "0 0 29 2 *", "1-5/2 3 1,2 1 *", "0 0 1 1 7", "0 0 31 2 *", "0 0 30 2 1",
	"0 0 1 JAN *", "0 0 1 1 MON", "60 * * * *", "* * * *", "0 0 0 1 1 *", "", "@yearly", "0 0 ? 1 *", "0 0 L 1 *", "0  0 1  1 *", "0 0 1 1 8", "*/70 0 1 1 *", "5-1 0 1 1 *", "0 0 0 1 *",
}

// appear waits for WfRuns that nobody of the history has started.
func (r *recorder) appear(ctx context.Context, req *lhpb.SearchWfRunRequest) error {
	r.history.Steps = append(r.history.Steps, step{Call: appear, Request: r.scrub.message(req), Code: codes.OK.String()})
	if err := r.server.appear(ctx, req, &r.watched); err != nil {
		return ending(restless)
	}
	return nil
}

func (s *server) appear(ctx context.Context, req *lhpb.SearchWfRunRequest, w *watched) error {
	for deadline := time.Now().Add(80 * time.Second); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
		found, err := s.SearchWfRun(ctx, req)
		if err != nil {
			return err
		}
		if len(found.Results) > 0 {
			w.roots = append(w.roots, found.Results...)
			return nil
		}
	}
	return errors.New("no WfRun appeared")
}

func (r *replayer) appear(ctx context.Context, text []byte) *verdict {
	var req lhpb.SearchWfRunRequest
	if err := protojson.Unmarshal(text, &req); err != nil {
		return different("request: %v", err)
	}
	if err := r.server.appear(ctx, &req, &r.watched); err != nil {
		return different("%s: %v", appear, err)
	}
	return nil
}
