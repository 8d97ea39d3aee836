package engine_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"littlehorse/internal/engine"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
	sdk "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
)

// leftOutFile lists which commands of the scripts are not said to a server, and why. It is written by -rewrite.
const leftOutFile = "testdata/harness/left-out.txt"

// TestScenariosThroughTheHarness plays the scripts of TestScenarios on a server of sdk/lhtest as well, command by command, over
// the API. It answers what the engine answers, and after each command all that a client can read of the WfRuns that the command
// has changed is, field by field, what the engine has made of them: users test against what is specified here.
func TestScenariosThroughTheHarness(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	all := &played{leftOut: map[string]int{}}
	for _, path := range scripts {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		t.Run(name, func(t *testing.T) { playScript(t, path, name, all) })
	}
	if t.Failed() || all.scripts < len(scripts) { // some of the scripts alone say nothing of what is left out
		return
	}
	if f := flag.Lookup("rewrite"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(leftOutFile, []byte(all.text()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(leftOutFile); err != nil || string(want) != all.text() {
		t.Errorf("%s is stale (go test ./internal/engine -run Harness -rewrite): %v\n%s", leftOutFile, err, all.text())
	}
}

// played is what was said to servers, and what was not.
type played struct {
	scripts, said int
	leftOut       map[string]int
}

func (p *played) text() string {
	var b strings.Builder
	left := 0
	for _, n := range p.leftOut {
		left += n
	}
	fmt.Fprintf(&b, "# Commands of the scripts that the harness of the SDK is not told, for the reason given.\n")
	fmt.Fprintf(&b, "# %d commands of %d scripts are played through it, %d are not.\n", p.said, p.scripts, left)
	for _, line := range slices.Sorted(maps.Keys(p.leftOut)) {
		fmt.Fprintf(&b, "%s", line)
		if n := p.leftOut[line]; n > 1 {
			fmt.Fprintf(&b, " (%d times)", n)
		}
		fmt.Fprintln(&b)
	}
	return b.String()
}

func playScript(t *testing.T, path, name string, all *played) {
	server := lhtest.StartWith(t, lhtest.Options{Epoch: time.Unix(0, 0)})
	p := &player{
		scenario: &scenario{world: newWorld(engine.DefaultConfig()), t: t}, played: all, name: name,
		api: server.Client().RPC(), clock: extra.NewClockServiceClient(server.Client().Conn()),
		theirs: map[string]string{}, ours: map[string]string{}, strayed: map[string]bool{},
	}
	p.each = p.follow
	datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
		p.t, p.at = t, d.Pos
		p.play(d)
		return d.Expected // which is what TestScenarios is about
	})
	all.scripts++
}

// player plays a script in an engine of its own, and to a server.
type player struct {
	*scenario
	*played
	name  string
	api   lhpb.LittleHorseClient
	clock extra.ClockServiceClient
	at    string // the command, as file and line

	// theirs are the server's ids for those that the engine has made up, ours the other way round.
	theirs, ours map[string]string
	// strayed are the WfRuns for which the server was not told a command.
	strayed map[string]bool
	// over is why nothing more can be played.
	over string
	// ownParts says that the script has work done in other parts than the server: only where they lead to is the same.
	ownParts bool

	first   *pb.Record // of the command
	reply   machine.Reply
	touched map[string]bool // WfRuns that the command has changed
}

func (p *player) follow(_ map[keys.Key][]byte, r *pb.Record, fx machine.Effects) {
	if p.first == nil {
		p.first, p.reply = r, fx.Reply
	}
	for _, c := range fx.Changes {
		if c.Key.Space() != keys.SpaceRun {
			continue
		}
		k, err := keys.ParseRun(c.Key)
		if err != nil {
			p.t.Fatal(err)
		}
		p.touched[k.WfRun] = true
	}
}

// looks are the commands that print what the engine holds.
var looks = []string{"show", "full", "tags", "keys", "counts", "count", "metrics", "replay"}

func (p *player) play(d *datadriven.TestData) {
	a := p.argsOf(d)
	p.first, p.reply, p.touched = nil, machine.Reply{}, map[string]bool{}
	p.out.Reset()
	known := p.meta.latest()
	p.command(d)
	if slices.Contains(looks, d.Cmd) {
		return
	}
	why := p.over
	if why == "" && (len(a.words) > 0 && p.strayed[a.words[0]] || p.strayed[a.options["parent"]]) {
		why = "the WfRun has gone another way"
	}
	if why == "" {
		why = p.tell(d, a, known)
	}
	if why == "" {
		p.advance(0) // a server is left when all has happened that the present brings
		p.said++
		p.compare()
		return
	}
	line := d.Cmd
	for _, arg := range d.CmdArgs {
		line += " " + arg.String()
	}
	p.leftOut[p.name+": "+line+": "+why]++
	for id := range p.touched {
		p.strayed[id] = true
	}
}

// tell says a command to the server. It returns why that cannot be done.
func (p *player) tell(d *datadriven.TestData, a args, known *definitions) (why string) {
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	switch d.Cmd {
	case "wfspec":
		spec, err := p.api.PutWfSpec(ctx, specScript(a.words[0], d.Input))
		said := "refused: " + status.Convert(err).Message()
		if err == nil {
			said = "WfSpec " + specID(spec.Id)
		}
		if want := strings.TrimSpace(p.out.String()); said != want {
			p.t.Errorf("%s: it says %q, not %q", p.at, said, want)
		}
	case "taskdef", "eventdef", "throwdef", "usertaskdef":
		p.define(ctx, d.Cmd, a.words[0], known)
	case "undef":
		if why := p.undefine(ctx, a.words[0], a.words[1], known); why != "" {
			return why
		}
	case "publish":
		p.must(p.api.PutTenant(ctx, &lhpb.PutTenantRequest{Id: tenant, OutputTopicConfig: p.meta.latest().output}))
	case "plan":
		answer, err := p.api.PutWorkflowMigrationPlan(ctx, planRequest(a, d.Input))
		want := p.meta.latest().plans[a.words[0]]
		if err != nil {
			said := fmt.Sprintf("= %s %s", codeName(lh.Code(status.Code(err))), status.Convert(err).Message())
			if want := strings.TrimSpace(p.out.String()); said != want {
				p.t.Errorf("%s: it says %q, not %q", p.at, said, want)
			}
			break
		}
		answer.CreatedAt = want.CreatedAt
		p.same("the plan", want, answer)
	case "advance":
		by, err := time.ParseDuration(a.words[0])
		if err != nil {
			p.t.Fatal(err)
		}
		p.pass(ctx, by)
	case "config":
		for limit := range a.options {
			if slices.Contains([]string{"threads", "bytes", "outputs", "inline", "fanout"}, limit) {
				p.over = "the limits are those of the script, not of the product"
			}
		}
		p.ownParts = true
		return cmp.Or(p.over, "the parts in which work is done are those of the product")
	case "down":
		p.over = "time has passed while nobody was there"
		return p.over
	case "early-timer":
		return "no client fires a timer"
	default:
		return p.send(ctx)
	}
	p.pass(ctx, 0)
	return ""
}

// pass moves the clock, waiting for no worker, and returns when all has happened.
func (p *player) pass(ctx context.Context, d time.Duration) {
	p.t.Helper()
	p.must(p.clock.AdvanceClock(ctx, &extra.AdvanceClockRequest{Duration: durationpb.New(d), Patience: durationpb.New(0)}))
}

func (p *player) must(_ proto.Message, err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("%s: %v", p.at, err)
	}
}

// define puts what the engine has been given; a definition of the name that there is goes before.
func (p *player) define(ctx context.Context, kind, name string, known *definitions) {
	p.undefine(ctx, kind, name, known)
	switch now := p.meta.latest(); kind {
	case "taskdef":
		d := now.taskDefs[name]
		p.must(p.api.PutTaskDef(ctx, &lhpb.PutTaskDefRequest{Name: name, InputVars: d.InputVars, ReturnType: d.ReturnType}))
	case "eventdef":
		d := now.events[name]
		p.must(p.api.PutExternalEventDef(ctx, &lhpb.PutExternalEventDefRequest{
			Name: name, RetentionPolicy: d.RetentionPolicy, ContentType: d.TypeInformation, CorrelatedEventConfig: d.CorrelatedEventConfig,
		}))
	case "throwdef":
		p.must(p.api.PutWorkflowEventDef(ctx, &lhpb.PutWorkflowEventDefRequest{Name: name, ContentType: now.wfEvents[name].ContentType}))
	case "usertaskdef":
		p.must(p.api.PutUserTaskDef(ctx, &lhpb.PutUserTaskDefRequest{Name: name, Fields: now.userTasks[name].Fields}))
	}
}

// undefine deletes all versions of a definition that there were. It returns why that is refused: what is in use stays.
func (p *player) undefine(ctx context.Context, kind, name string, known *definitions) (why string) {
	var err error
	switch {
	case kind == "taskdef" && known.taskDefs[name] != nil:
		_, err = p.api.DeleteTaskDef(ctx, &lhpb.DeleteTaskDefRequest{Id: &lhpb.TaskDefId{Name: name}})
	case kind == "eventdef" && known.events[name] != nil:
		_, err = p.api.DeleteExternalEventDef(ctx, &lhpb.DeleteExternalEventDefRequest{Id: &lhpb.ExternalEventDefId{Name: name}})
	case kind == "throwdef" && known.wfEvents[name] != nil:
		_, err = p.api.DeleteWorkflowEventDef(ctx, &lhpb.DeleteWorkflowEventDefRequest{Id: &lhpb.WorkflowEventDefId{Name: name}})
	case kind == "usertaskdef" && known.userTasks[name] != nil:
		_, err = p.api.DeleteUserTaskDef(ctx, &lhpb.DeleteUserTaskDefRequest{Id: &lhpb.UserTaskDefId{Name: name}})
	case kind == "plan" && known.plans[name] != nil:
		_, err = p.api.DeleteWorkflowMigrationPlan(ctx, &lhpb.DeleteWorkflowMigrationPlanRequest{Id: &lhpb.WorkflowMigrationPlanId{Name: name}})
	case kind == "wfspec":
		for _, g := range known.wfSpecs[name] {
			if _, err = p.api.DeleteWfSpec(ctx, &lhpb.DeleteWfSpecRequest{Id: g.Spec.Id}); err != nil {
				break
			}
		}
	}
	if status.Code(err) == codes.FailedPrecondition {
		p.over = "what is in use is not deleted"
		return p.over
	}
	if err != nil {
		p.t.Fatalf("%s: %v", p.at, err)
	}
	return ""
}

// send makes the call whose record the command has begun with, and compares the answers.
func (p *player) send(ctx context.Context) (why string) {
	var answer proto.Message
	var err error
	switch c := p.first.GetCommand().(type) {
	case *pb.Record_RunWf:
		answer, err = ask(ctx, p, p.api.RunWf, c.RunWf.Request)
	case *pb.Record_ClaimTask:
		if p.reply.Value == nil {
			return "there is nothing to claim"
		}
	case *pb.Record_ReportTask:
		if c.ReportTask.Oversized {
			return "the server itself finds what is too large"
		}
		answer, err = ask(ctx, p, p.api.ReportTask, c.ReportTask.Report)
	case *pb.Record_PutCheckpoint:
		answer, err = ask(ctx, p, p.api.PutCheckpoint, c.PutCheckpoint)
	case *pb.Record_CompleteUserTaskRun:
		answer, err = ask(ctx, p, p.api.CompleteUserTaskRun, c.CompleteUserTaskRun)
	case *pb.Record_CancelUserTaskRun:
		answer, err = ask(ctx, p, p.api.CancelUserTaskRun, c.CancelUserTaskRun)
	case *pb.Record_AssignUserTaskRun:
		answer, err = ask(ctx, p, p.api.AssignUserTaskRun, c.AssignUserTaskRun)
	case *pb.Record_SaveUserTaskRunProgress:
		answer, err = ask(ctx, p, p.api.SaveUserTaskRunProgress, c.SaveUserTaskRunProgress)
	case *pb.Record_PutUserTaskRunComment:
		answer, err = ask(ctx, p, p.api.PutUserTaskRunComment, c.PutUserTaskRunComment)
	case *pb.Record_EditUserTaskRunComment:
		answer, err = ask(ctx, p, p.api.EditUserTaskRunComment, c.EditUserTaskRunComment)
	case *pb.Record_DeleteUserTaskRunComment:
		answer, err = ask(ctx, p, p.api.DeleteUserTaskRunComment, c.DeleteUserTaskRunComment)
	case *pb.Record_PutExternalEvent:
		answer, err = ask(ctx, p, p.api.PutExternalEvent, c.PutExternalEvent)
	case *pb.Record_PutCorrelatedEvent:
		answer, err = ask(ctx, p, p.api.PutCorrelatedEvent, c.PutCorrelatedEvent)
	case *pb.Record_DeleteCorrelatedEvent:
		answer, err = ask(ctx, p, p.api.DeleteCorrelatedEvent, c.DeleteCorrelatedEvent)
	case *pb.Record_StopWfRun:
		answer, err = ask(ctx, p, p.api.StopWfRun, c.StopWfRun)
	case *pb.Record_ResumeWfRun:
		answer, err = ask(ctx, p, p.api.ResumeWfRun, c.ResumeWfRun)
	case *pb.Record_RescueThreadRun:
		answer, err = ask(ctx, p, p.api.RescueThreadRun, c.RescueThreadRun)
	case *pb.Record_DeleteWfRun:
		answer, err = ask(ctx, p, p.api.DeleteWfRun, c.DeleteWfRun)
	case *pb.Record_ScheduleWf:
		answer, err = ask(ctx, p, p.api.ScheduleWf, c.ScheduleWf.Request)
	case *pb.Record_DeleteScheduledWfRun:
		answer, err = ask(ctx, p, p.api.DeleteScheduledWfRun, c.DeleteScheduledWfRun)
	case *pb.Record_ApplyWorkflowMigrationPlan:
		answer, err = ask(ctx, p, p.api.ApplyWorkflowMigrationPlan, c.ApplyWorkflowMigrationPlan)
	case *pb.Record_RegisterTaskWorker, *pb.Record_DeleteTaskDef:
		return "which servers and workers there are is not for a client to say"
	case *pb.Record_BulkDelete, *pb.Record_BulkAct, *pb.Record_BulkMatch, *pb.Record_EndBulkAct:
		return "a client asks for a whole job, not for the share of a partition"
	default:
		p.t.Fatalf("%s: no call for %T", p.at, c)
	}
	p.answered(answer, err)
	p.pass(ctx, 0)
	if task := handedOut(p.reply.Value); task != nil {
		p.take(ctx, task)
		p.pass(ctx, 0)
	}
	return ""
}

// handedOut is the task that the answer hands out.
func handedOut(answer proto.Message) *lhpb.ScheduledTask {
	switch a := answer.(type) {
	case *lhpb.ScheduledTask:
		return a
	case *pb.Started:
		return a.Task
	}
	return nil
}

// ask makes a call with the server's own ids in it.
func ask[Q, A proto.Message](ctx context.Context, p *player, rpc func(context.Context, Q, ...grpc.CallOption) (A, error), request Q) (proto.Message, error) {
	text := p.translated(jsonOf(p.t, request))
	theirs := request.ProtoReflect().New().Interface().(Q)
	if err := protojson.Unmarshal([]byte(text), theirs); err != nil {
		p.t.Fatal(err)
	}
	return rpc(ctx, theirs)
}

// answered compares what the server says with what the engine says.
func (p *player) answered(answer proto.Message, err error) {
	p.t.Helper()
	code, message := codes.OK, ""
	if e := p.reply.Err; e != nil {
		code, message = codes.Code(e.Code), e.Message
	}
	// The edge says more than the engine of what it looks up itself.
	if status.Code(err) != code || !strings.HasPrefix(status.Convert(err).Message(), p.translated(message)) {
		p.t.Errorf("%s: it says %v %q, not %v %q", p.at, status.Code(err), status.Convert(err).Message(), code, message)
		return
	}
	want := p.reply.Value
	if started, is := want.(*pb.Started); is {
		want = started.WfRun
	}
	if err == nil && !p.ownParts && want != nil && answer != nil && want.ProtoReflect().Descriptor() == answer.ProtoReflect().Descriptor() {
		p.same("the answer", want, answer)
	}
}

// take is a worker that takes tasks until it gets this one. Servers hand out the oldest; what it gets besides strays.
func (p *player) take(ctx context.Context, want *lhpb.ScheduledTask) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := p.api.PollTask(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	worker := "a"
	if c := p.first.GetClaimTask(); c != nil {
		worker = c.Credit.WorkerId
	} else if c := p.first.GetReportTask(); c != nil {
		worker = c.Offer.WorkerId
	} else if c := p.first.GetRunWf(); c != nil {
		worker = c.Offer.WorkerId
	}
	for {
		if err := stream.Send(&lhpb.PollTaskRequest{TaskDefId: want.TaskDefId, ClientId: worker}); err != nil {
			p.t.Fatalf("%s: %v", p.at, err)
		}
		got, err := stream.Recv()
		switch {
		case err != nil:
			p.t.Fatalf("%s: %v", p.at, err)
		case got.Result == nil:
			continue
		}
		run, task := p.translated(lh.WfRunIDString(want.TaskRunId.WfRunId)), got.Result.TaskRunId
		if lh.WfRunIDString(task.WfRunId) == run && task.TaskGuid == want.TaskRunId.TaskGuid {
			p.same("the task", want, got.Result)
			return
		}
		p.strayed[p.back(lh.WfRunIDString(task.WfRunId))] = true
		p.leftOut[p.name+": a worker gets an older task first"]++
	}
}

// compare compares the WfRuns that the command has changed. One whose id is made up is known from another that names it.
func (p *player) compare() {
	p.t.Helper()
	rest := slices.Sorted(maps.Keys(p.touched))
	rest = slices.DeleteFunc(rest, func(id string) bool { return p.strayed[id] })
	for len(rest) > 0 {
		known := slices.IndexFunc(rest, func(id string) bool { return !strings.Contains(p.open(id), unknown) })
		if known < 0 {
			if !p.find(rest) {
				p.t.Errorf("%s: the server has no WfRuns for %q", p.at, rest)
				return
			}
			continue
		}
		id := rest[known]
		rest = slices.Delete(rest, known, known+1)
		p.match("WfRun "+short(id), p.stored(id), p.read(p.translated(id)))
	}
}

// find pairs WfRuns that nothing names, which schedules have started, with those of the server, by their age.
func (p *player) find(ids []string) bool {
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	begun := func(w *lhpb.WfRun) time.Time { return w.StartTime.AsTime() }
	var ours, theirs []*lhpb.WfRun
	names := map[string]bool{}
	for _, id := range ids {
		if row := get[pb.WfRunRow](p.world, run(id).WfRun()); row != nil {
			ours = append(ours, row.WfRun)
			names[row.WfRun.WfSpecId.Name] = true
		}
	}
	for name := range names {
		for id, err := range sdk.All(ctx, p.api.SearchWfRun, &lhpb.SearchWfRunRequest{WfSpecName: name}) {
			if err != nil {
				p.t.Fatalf("%s: %v", p.at, err)
			}
			w, err := p.api.GetWfRun(ctx, id)
			p.must(w, err)
			if strings.Contains(p.blind(lh.WfRunIDString(id)), unknown) {
				theirs = append(theirs, w)
			}
		}
	}
	older := func(a, b *lhpb.WfRun) int { return begun(a).Compare(begun(b)) }
	slices.SortFunc(ours, older)
	slices.SortFunc(theirs, older)
	if len(ours) == 0 || len(ours) != len(theirs) {
		return false
	}
	for i := range ours {
		if !p.pair(lh.WfRunIDString(ours[i].Id), lh.WfRunIDString(theirs[i].Id)) {
			return false
		}
	}
	return true
}

// stored is what there is of a WfRun for a client to read.
func (p *player) stored(id string) []string {
	var out []string
	r := run(id)
	for _, k := range p.state.Keys() {
		at, err := keys.ParseRun(k)
		if !k.HasPrefix(r.All()) || err != nil {
			continue
		}
		switch at.Kind {
		case keys.KindTaskRun:
			out = append(out, jsonOf(p.t, wholeTaskRun(p.t, p.state, k)))
		case keys.KindWfRun, keys.KindThreadRun, keys.KindNodeRun, keys.KindVariable, keys.KindCheckpoint,
			keys.KindExternalEvent, keys.KindWorkflowEvent, keys.KindUserTaskRun, keys.KindInactive:
			out = append(out, jsonOf(p.t, public(decode(at.Kind, p.state.Bytes(k)))))
		}
	}
	return out
}

// read is all of a WfRun that the server gives.
func (p *player) read(id string) []string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	at := lh.ParseWfRunID(id)
	var out []string
	add := func(m proto.Message) { out = append(out, jsonOf(p.t, m)) }
	w, err := p.api.GetWfRun(ctx, at)
	if status.Code(err) != codes.NotFound { // events may wait for it
		p.must(w, err)
		p.addThreads(ctx, w, add)
	}
	eachOf(p, sdk.All(ctx, p.api.ListNodeRuns, &lhpb.ListNodeRunsRequest{WfRunId: at}), add)
	eachOf(p, sdk.All(ctx, p.api.ListVariables, &lhpb.ListVariablesRequest{WfRunId: at}), add)
	eachOf(p, sdk.All(ctx, p.api.ListTaskRuns, &lhpb.ListTaskRunsRequest{WfRunId: at}), func(m proto.Message) {
		add(m)
		task := m.(*lhpb.TaskRun)
		for n := range task.TotalCheckpoints {
			c, err := p.api.GetCheckpoint(ctx, &lhpb.CheckpointId{TaskRun: task.Id, CheckpointNumber: n})
			p.must(c, err)
			add(c)
		}
	})
	eachOf(p, sdk.All(ctx, p.api.ListExternalEvents, &lhpb.ListExternalEventsRequest{WfRunId: at}), add)
	eachOf(p, sdk.All(ctx, p.api.ListWorkflowEvents, &lhpb.ListWorkflowEventsRequest{WfRunId: at}), add)
	eachOf(p, sdk.All(ctx, p.api.ListUserTaskRuns, &lhpb.ListUserTaskRunRequest{WfRunId: at}), add)
	return out
}

// addThreads adds a WfRun and all its ThreadRuns, the archived ones among them.
func (p *player) addThreads(ctx context.Context, w *lhpb.WfRun, add func(proto.Message)) {
	p.t.Helper()
	active := map[int32]bool{}
	for _, t := range w.ThreadRuns {
		active[t.Number] = true
		add(t)
	}
	for n := range w.GreatestThreadrunNumber + 1 {
		if active[n] {
			continue
		}
		t, err := p.api.GetInactiveThreadRun(ctx, &lhpb.InactiveThreadRunId{WfRunId: w.Id, ThreadRunNumber: n})
		if status.Code(err) == codes.NotFound {
			continue // it is gone altogether
		}
		p.must(t, err)
		add(t)
	}
	w.ThreadRuns = nil
	add(w)
}

// eachOf visits all that a list finds.
func eachOf[T proto.Message](p *player, found iter.Seq2[T, error], visit func(proto.Message)) {
	p.t.Helper()
	for m, err := range found {
		p.must(m, err)
		visit(m)
	}
}

// same compares a message of the engine with one of the server.
func (p *player) same(what string, want, got proto.Message) {
	p.t.Helper()
	p.match(what, []string{jsonOf(p.t, want)}, []string{jsonOf(p.t, got)})
}

// match compares texts of the engine with those of the server, in any order. Ids that both have made up stand for each other
// from then on.
func (p *player) match(what string, want, got []string) {
	p.t.Helper()
	slices.SortFunc(want, func(a, b string) int { return cmp.Compare(p.open(a), p.open(b)) })
	slices.SortFunc(got, func(a, b string) int { return cmp.Compare(p.blind(a), p.blind(b)) })
	for i := range max(len(want), len(got)) {
		w, g := "nothing", "nothing"
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) {
			g = got[i]
		}
		if !alike(p.open(w), p.blind(g)) || !p.pair(w, g) {
			p.t.Errorf("%s: %s: the server has\n%s\nand the engine\n%s", p.at, what, g, w)
			return
		}
	}
}

// mask is what a client sees of a value that is hidden.
const mask = `{"str":"*****"}`

// alike compares a text of the engine with one of the server, where values may be hidden.
func alike(ours, theirs string) bool {
	if ours == theirs || !strings.Contains(theirs, mask) {
		return ours == theirs
	}
	var a, b any
	return json.Unmarshal([]byte(ours), &a) == nil && json.Unmarshal([]byte(theirs), &b) == nil && sameUnlessHidden(a, b)
}

func sameUnlessHidden(ours, theirs any) bool {
	switch b := theirs.(type) {
	case map[string]any:
		if len(b) == 1 && b["str"] == "*****" {
			return true
		}
		a, is := ours.(map[string]any)
		return is && maps.EqualFunc(a, b, sameUnlessHidden)
	case []any:
		a, is := ours.([]any)
		return is && slices.EqualFunc(a, b, sameUnlessHidden)
	default:
		return ours == theirs
	}
}

// madeUp is an id that a record leads to.
var madeUp = regexp.MustCompile(`[0-9a-f]{32}`)

// unknown stands for an id that has no counterpart yet.
const unknown = "?"

// open puts the server's ids in the places of ours, and leaves out those that have no counterpart yet.
func (p *player) open(text string) string {
	return madeUp.ReplaceAllStringFunc(text, func(id string) string { return cmp.Or(p.theirs[id], unknown) })
}

// blind leaves out the server's ids that have no counterpart yet.
func (p *player) blind(text string) string {
	return madeUp.ReplaceAllStringFunc(text, func(id string) string {
		if p.ours[id] == "" {
			return unknown
		}
		return id
	})
}

// translated puts the server's ids in the places of ours that it knows.
func (p *player) translated(text string) string {
	return madeUp.ReplaceAllStringFunc(text, func(id string) string { return cmp.Or(p.theirs[id], id) })
}

func (p *player) back(text string) string {
	return madeUp.ReplaceAllStringFunc(text, func(id string) string { return cmp.Or(p.ours[id], id) })
}

// pair takes in which ids stand for each other. It tells whether that fits what is known.
func (p *player) pair(ours, theirs string) bool {
	a, b := madeUp.FindAllString(ours, -1), madeUp.FindAllString(theirs, -1)
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if cmp.Or(p.theirs[a[i]], b[i]) != b[i] || cmp.Or(p.ours[b[i]], a[i]) != a[i] {
			return false
		}
		p.theirs[a[i]], p.ours[b[i]] = b[i], a[i]
	}
	return true
}

func jsonOf(t *testing.T, m proto.Message) string {
	t.Helper()
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Compact(&out, text); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
