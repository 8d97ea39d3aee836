package engine_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/engine"
	"littlehorse/internal/engine/check"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// TestScenarios runs the scripts of testdata. Each command prints what it changed: lines of objects as they
// are now, "+" and "-" for rows of queue and timers, "=" for the answer. Every script is replayed in the end.
//
// holds: SchedulingReadsNoIndex
func TestScenarios(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { runScript(t, path) })
	}
}

func runScript(t *testing.T, path string) {
	s := &scenario{world: newWorld(engine.DefaultConfig()), t: t}
	s.each = s.note
	datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
		s.out.Reset()
		s.command(d)
		for _, bad := range check.Correlations([]machine.View{s.state}) {
			t.Errorf("%s: %v", d.Pos, bad)
		}
		return s.out.String()
	})
	if err := s.replay(); err != nil {
		t.Errorf("replay: %v", err)
	}
	if bulk := strings.HasPrefix(filepath.Base(path), "bulk"); s.indexed > 0 && !bulk {
		t.Errorf("only jobs that search for WfRuns may read an index; it was read %d times", s.indexed)
	}
}

type scenario struct {
	*world
	t   *testing.T
	out strings.Builder
	// metricsShown shows counters and what is sent of them, which most scripts are not about.
	metricsShown bool
}

func (s *scenario) printf(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

// args of a command: words by position, and options.
type args struct {
	words   []string
	options map[string]string
}

func (s *scenario) argsOf(d *datadriven.TestData) args {
	a := args{options: map[string]string{}}
	for _, arg := range d.CmdArgs {
		if len(arg.Vals) == 0 {
			a.words = append(a.words, s.childNamed(arg.Key))
		} else {
			a.options[arg.Key] = strings.Join(arg.Vals, ",")
		}
	}
	return a
}

// childNamed finds the WfRun that "parent_*" stands for: the parent's newest child.
func (s *scenario) childNamed(word string) string {
	parent, is := strings.CutSuffix(word, "_*")
	if !is {
		return word
	}
	found := word
	prefix := keys.In(tenant).Tag(keys.TagWfRunParent).Text(parent).Prefix()
	for _, k := range s.state.Keys() {
		if k.HasPrefix(prefix) {
			_, id, _ := keys.ParseTagRow(prefix, k)
			found = id.WfRun
		}
	}
	return found
}

func (a args) int(name string) int32 {
	if v, ok := a.options[name]; ok {
		return int32(mustInt(v))
	}
	return 0
}

func (a args) optionalInt(name string) *int32 {
	if _, ok := a.options[name]; !ok {
		return nil
	}
	n := a.int(name)
	return &n
}

func (s *scenario) command(d *datadriven.TestData) {
	a := s.argsOf(d)
	switch d.Cmd {
	case "config":
		s.configure(a)
	case "wfspec":
		s.putWfSpec(a.words[0], d.Input)
	case "taskdef":
		s.putTaskDef(a.words[0], d.Input)
	case "eventdef":
		s.putEventDef(a)
	case "throwdef":
		s.meta.next().wfEvents[a.words[0]] = &lhpb.WorkflowEventDef{Id: &lhpb.WorkflowEventDefId{Name: a.words[0]}, ContentType: returnType(a)}
	case "undef":
		s.undef(a)
	case "run":
		s.run(a, d.Input)
	case "claim":
		s.do(&pb.Record{Command: &pb.Record_ClaimTask{ClaimTask: &pb.ClaimTask{
			TaskRunId: taskRunID(a), Attempt: s.attempt(a), Credit: s.credit(a),
		}}})
	case "report":
		s.report(a, d.Input)
	case "checkpoint":
		s.checkpoint(a, d.Input)
	case "usertaskdef":
		s.putUserTaskDef(a.words[0], d.Input)
	case "assign":
		s.assign(a)
	case "save":
		s.save(a, d.Input)
	case "complete":
		s.do(&pb.Record{Command: &pb.Record_CompleteUserTaskRun{CompleteUserTaskRun: &lhpb.CompleteUserTaskRunRequest{
			UserTaskRunId: userTaskRunID(a), UserId: a.options["user"], Results: variables(d.Input),
		}}})
	case "cancel":
		s.do(&pb.Record{Command: &pb.Record_CancelUserTaskRun{CancelUserTaskRun: &lhpb.CancelUserTaskRunRequest{UserTaskRunId: userTaskRunID(a)}}})
	case "comment":
		s.comment(a, d.Input)
	case "event":
		s.event(a, d.Input)
	case "advance":
		by, err := time.ParseDuration(a.words[0])
		if err != nil {
			panic(err)
		}
		s.advance(by)
	case "down":
		by, err := time.ParseDuration(a.words[0])
		if err != nil {
			panic(err)
		}
		s.nowNs += by.Nanoseconds()
	case "metrics":
		s.metricsShown = true
	case "publish":
		level := lhpb.OutputTopicConfig_OutputTopicRecordingLevel_value[a.words[0]]
		s.meta.next().output = &lhpb.OutputTopicConfig{DefaultRecordingLevel: lhpb.OutputTopicConfig_OutputTopicRecordingLevel(level)}
	case "counts":
		s.printCounts()
	case "early-timer":
		k, _, _ := s.nextTimer()
		s.do(&pb.Record{Command: &pb.Record_TimerFired{TimerFired: &pb.TimerFired{Key: []byte(k)}}})
	case "stop":
		s.do(&pb.Record{Command: &pb.Record_StopWfRun{StopWfRun: &lhpb.StopWfRunRequest{
			WfRunId: lh.ParseWfRunID(a.words[0]), ThreadRunNumber: a.int("thread"),
		}}})
	case "resume":
		s.do(&pb.Record{Command: &pb.Record_ResumeWfRun{ResumeWfRun: &lhpb.ResumeWfRunRequest{
			WfRunId: lh.ParseWfRunID(a.words[0]), ThreadRunNumber: a.int("thread"),
		}}})
	case "rescue":
		s.do(&pb.Record{Command: &pb.Record_RescueThreadRun{RescueThreadRun: &lhpb.RescueThreadRunRequest{
			WfRunId: lh.ParseWfRunID(a.words[0]), ThreadRunNumber: a.int("thread"), SkipCurrentNode: slices.Contains(a.words, "skip"),
		}}})
	case "bulk-delete":
		s.bulkDelete(a)
	case "bulk-act":
		s.bulkAct(a)
	case "end-bulk-act":
		s.do(&pb.Record{Command: &pb.Record_EndBulkAct{EndBulkAct: &lhpb.BulkJobId{Id: a.words[0]}}})
		s.goOn()
	case "plan":
		s.putPlan(a, d.Input)
	case "migrate":
		s.migrate(a, d.Input)
	case "delete":
		s.do(&pb.Record{Command: &pb.Record_DeleteWfRun{DeleteWfRun: &lhpb.DeleteWfRunRequest{Id: lh.ParseWfRunID(a.words[0])}}})
	case "register":
		s.register(a)
	case "forget-workers":
		s.do(&pb.Record{Command: &pb.Record_DeleteTaskDef{DeleteTaskDef: &lhpb.DeleteTaskDefRequest{Id: &lhpb.TaskDefId{Name: a.words[0]}}}})
	case "correlate":
		s.correlate(a, d.Input)
	case "delete-correlated":
		s.do(&pb.Record{Command: &pb.Record_DeleteCorrelatedEvent{DeleteCorrelatedEvent: &lhpb.DeleteCorrelatedEventRequest{
			Id: &lhpb.CorrelatedEventId{Key: a.words[0], ExternalEventDefId: &lhpb.ExternalEventDefId{Name: a.words[1]}},
		}}})
	case "schedule":
		s.schedule(a, d.Input)
	case "unschedule":
		s.do(&pb.Record{Command: &pb.Record_DeleteScheduledWfRun{DeleteScheduledWfRun: &lhpb.DeleteScheduledWfRunRequest{
			Id: &lhpb.ScheduledWfRunId{Id: a.words[0]},
		}}})
	case "show":
		s.show(a.words[0])
	case "full":
		s.full(a.words[0], strings.Join(a.words[1:], " "))
	case "tags":
		s.printTags()
	case "keys":
		s.printKeys(0)
	case "count":
		s.count()
	case "replay":
		if err := s.replay(); err != nil {
			s.printf("%v", err)
		} else {
			s.printf("same bytes")
		}
	default:
		panic("no command " + d.Cmd)
	}
}

func (s *scenario) configure(a args) {
	for name, v := range a.options {
		n := int(mustInt(v))
		switch name {
		case "threads":
			s.config.MaxThreadRuns = n
		case "steps":
			s.config.MaxSteps = n
		case "fanout":
			s.config.FanOutChunk = n
		case "inline":
			s.config.InlineThreads = n
		case "bytes":
			s.config.MaxRecordBytes = n
		case "apart":
			s.config.ApartBytes = n
		case "delete":
			s.config.DeleteChunk = n
		case "outputs":
			s.config.OutputRecords = n
		case "bulk":
			s.config.MaxBulkDeletes = n
		case "flush":
			s.config.FlushChunk = n
		case "correlate":
			s.config.CorrelateChunk = n
		default:
			panic("no limit " + name)
		}
	}
	s.engine = engine.New(s.meta, s.config)
}

func (s *scenario) putWfSpec(name, text string) {
	w, err := s.meta.put(specScript(name, text))
	if err != nil {
		s.printf("refused: %v", err)
		return
	}
	s.printf("WfSpec %s", specID(w.Id))
}

func (s *scenario) putTaskDef(name, text string) {
	def := &lhpb.TaskDef{Id: &lhpb.TaskDefId{Name: name}, ReturnType: &lhpb.ReturnType{}}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "returns":
			def.ReturnType.ReturnType = maybeMasked(words[1:])
		default:
			def.InputVars = append(def.InputVars, &lhpb.VariableDef{Name: words[0], TypeDef: maybeMasked(words[1:])})
		}
	}
	s.meta.next().taskDefs[name] = def
}

// maybeMasked reads "STR" and "STR masked".
func maybeMasked(words []string) *lhpb.TypeDefinition {
	t := typeDef(words[0])
	if len(words) > 1 && words[1] == "masked" {
		t = t.CloneVT()
		t.Masked = true
	}
	return t
}

func returnType(a args) *lhpb.ReturnType {
	if t, ok := a.options["type"]; ok {
		return &lhpb.ReturnType{ReturnType: typeDef(t)}
	}
	return nil
}

func (s *scenario) putEventDef(a args) {
	def := &lhpb.ExternalEventDef{Id: &lhpb.ExternalEventDefId{Name: a.words[0]}, TypeInformation: returnType(a)}
	if r, ok := a.options["retention"]; ok {
		def.RetentionPolicy = &lhpb.ExternalEventRetentionPolicy{ExtEvtGcPolicy: &lhpb.ExternalEventRetentionPolicy_SecondsAfterPut{SecondsAfterPut: mustInt(r)}}
	}
	if slices.Contains(a.words, "correlated") {
		def.CorrelatedEventConfig = &lhpb.CorrelatedEventConfig{DeleteAfterFirstCorrelation: slices.Contains(a.words, "once")}
		if ttl, ok := a.options["ttl"]; ok {
			seconds := mustInt(ttl)
			def.CorrelatedEventConfig.TtlSeconds = &seconds
		}
	}
	if slices.Contains(a.words, "void") {
		def.TypeInformation = &lhpb.ReturnType{}
	}
	s.meta.next().events[a.words[0]] = def
}

func (s *scenario) undef(a args) {
	d := s.meta.next()
	switch a.words[0] {
	case "taskdef":
		delete(d.taskDefs, a.words[1])
	case "wfspec":
		delete(d.wfSpecs, a.words[1])
	case "eventdef":
		delete(d.events, a.words[1])
	case "usertaskdef":
		delete(d.userTasks, a.words[1])
	case "plan":
		delete(d.plans, a.words[1])
	}
}

func (s *scenario) run(a args, input string) {
	r := &lhpb.RunWfRequest{WfSpecName: a.words[0]}
	id := a.options["id"]
	r.Id = &id
	if p, ok := a.options["parent"]; ok {
		r.ParentWfRunId = lh.ParseWfRunID(p)
	}
	r.Variables = variables(input)
	spec := s.meta.latest().newest(a.words[0], -1)
	c := &pb.RunWf{Request: r}
	if spec != nil {
		c.WfSpecId = spec.Spec.Id
	}
	if _, ok := a.options["offer"]; ok {
		c.Offer = s.credit(a)
	}
	s.do(&pb.Record{Command: &pb.Record_RunWf{RunWf: c}})
}

// variables reads lines of "name = value".
func variables(input string) map[string]*lhpb.VariableValue {
	out := map[string]*lhpb.VariableValue{}
	for _, line := range strings.Split(strings.TrimSpace(input), "\n") {
		if line != "" {
			name, v := cut2(line, "=")
			out[name] = literal(v)
		}
	}
	return out
}

func (s *scenario) correlate(a args, input string) {
	r := &lhpb.PutCorrelatedEventRequest{Key: a.words[0], ExternalEventDefId: &lhpb.ExternalEventDefId{Name: a.words[1]}}
	if strings.TrimSpace(input) != "" {
		r.Content = literal(input)
	}
	s.do(&pb.Record{Command: &pb.Record_PutCorrelatedEvent{PutCorrelatedEvent: r}})
}

// schedule <spec> id=<id> cron=*/5_*_*_*_* [major= revision= parent=], with variables as input. A version that does
// not exist is refused by the edge, not here.
func (s *scenario) schedule(a args, input string) {
	id := a.options["id"]
	r := &lhpb.ScheduleWfRequest{
		Id: &id, WfSpecName: a.words[0], CronExpression: strings.ReplaceAll(a.options["cron"], "_", " "),
		MajorVersion: a.optionalInt("major"), Revision: a.optionalInt("revision"), Variables: variables(input),
	}
	if p, ok := a.options["parent"]; ok {
		r.ParentWfRunId = lh.ParseWfRunID(p)
	}
	c := &pb.ScheduleWf{Request: r}
	if g := s.meta.latest().newest(a.words[0], -1); g != nil {
		c.WfSpecId = g.Spec.Id
	}
	s.do(&pb.Record{Command: &pb.Record_ScheduleWf{ScheduleWf: c}})
}

func taskRunID(a args) *lhpb.TaskRunId {
	return &lhpb.TaskRunId{WfRunId: lh.ParseWfRunID(a.words[0]), TaskGuid: a.words[1]}
}

// attempt is the one named, else the latest.
func (s *scenario) attempt(a args) int32 {
	if _, ok := a.options["attempt"]; ok {
		return a.int("attempt")
	}
	if k := get[lhpb.TaskRun](s.world, run(a.words[0]).TaskRun(a.words[1])); k != nil {
		return int32(len(k.Attempts) - 1)
	}
	return 0
}

func (s *scenario) credit(a args) *pb.Credit {
	worker := a.options["worker"]
	if worker == "" {
		worker = "a"
	}
	return &pb.Credit{WorkerId: worker, TaskDefId: &lhpb.TaskDefId{Name: a.options["offer"]}, Incarnation: "test", Number: uint64(len(s.records))}
}

func (s *scenario) report(a args, input string) {
	r := &lhpb.ReportTaskRun{TaskRunId: taskRunID(a), AttemptNumber: s.attempt(a), Status: lhpb.TaskStatus_TASK_SUCCESS}
	if status, ok := a.options["status"]; ok {
		r.Status = lhpb.TaskStatus(lhpb.TaskStatus_value["TASK_"+status])
	}
	if at, ok := a.options["time"]; ok {
		r.Time = &timestamppb.Timestamp{Seconds: mustInt(at)}
	}
	if text, ok := a.options["log"]; ok {
		r.LogOutput = value.Str(text)
	}
	words := splitArgs(input)
	switch {
	case len(words) == 0:
	case r.Status == lhpb.TaskStatus_TASK_SUCCESS:
		r.Result = &lhpb.ReportTaskRun_Output{Output: literal(input)}
	case r.Status == lhpb.TaskStatus_TASK_EXCEPTION || len(words) > 1:
		e := &lhpb.LHTaskException{Name: mustUnquote(words[0]), Message: mustUnquote(words[1])}
		if len(words) > 2 {
			e.Content = literal(words[2])
		}
		r.Result = &lhpb.ReportTaskRun_Exception{Exception: e}
	default:
		r.Result = &lhpb.ReportTaskRun_Error{Error: &lhpb.LHTaskError{Type: lhpb.LHErrorType_TASK_FAILURE, Message: mustUnquote(input)}}
	}
	c := &pb.ReportTask{Report: r}
	_, c.Oversized = a.options["oversized"]
	if _, ok := a.options["offer"]; ok {
		c.Offer = s.credit(a)
	}
	s.do(&pb.Record{Command: &pb.Record_ReportTask{ReportTask: c}})
}

func (s *scenario) checkpoint(a args, input string) {
	r := &lhpb.PutCheckpointRequest{TaskRunId: taskRunID(a), TaskAttempt: a.int("attempt"), Value: literal(input)}
	if text, ok := a.options["log"]; ok {
		r.Logs = &text
	}
	s.do(&pb.Record{Command: &pb.Record_PutCheckpoint{PutCheckpoint: r}})
}

func (s *scenario) event(a args, input string) {
	r := &lhpb.PutExternalEventRequest{
		WfRunId: lh.ParseWfRunID(a.words[0]), ExternalEventDefId: &lhpb.ExternalEventDefId{Name: a.words[1]},
		ThreadRunNumber: a.optionalInt("thread"), NodeRunPosition: a.optionalInt("node"),
	}
	if g, ok := a.options["guid"]; ok {
		r.Guid = &g
	} else {
		g := "e" + strconv.Itoa(s.commands())
		r.Guid = &g
	}
	if strings.TrimSpace(input) != "" {
		r.Content = literal(input)
	}
	s.do(&pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: r}})
}

func (s *scenario) putUserTaskDef(name, text string) {
	def := &lhpb.UserTaskDef{Name: name}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if words := strings.Fields(line); len(words) > 0 {
			def.Fields = append(def.Fields, &lhpb.UserTaskField{
				Name: words[0], Type: lhpb.VariableType(lhpb.VariableType_value[words[1]]), Required: slices.Contains(words, "required"),
			})
		}
	}
	s.meta.next().userTasks[name] = def
}

func userTaskRunID(a args) *lhpb.UserTaskRunId {
	return &lhpb.UserTaskRunId{WfRunId: lh.ParseWfRunID(a.words[0]), UserTaskGuid: a.words[1]}
}

func (s *scenario) assign(a args) {
	r := &lhpb.AssignUserTaskRunRequest{UserTaskRunId: userTaskRunID(a), OverrideClaim: slices.Contains(a.words, "override")}
	if user, ok := a.options["user"]; ok {
		r.UserId = &user
	}
	if group, ok := a.options["group"]; ok {
		r.UserGroup = &group
	}
	s.do(&pb.Record{Command: &pb.Record_AssignUserTaskRun{AssignUserTaskRun: r}})
}

func (s *scenario) save(a args, input string) {
	r := &lhpb.SaveUserTaskRunProgressRequest{UserTaskRunId: userTaskRunID(a), UserId: a.options["user"], Results: variables(input)}
	if slices.Contains(a.words, "anyway") {
		r.Policy = lhpb.SaveUserTaskRunProgressRequest_IGNORE_CLAIM
	}
	s.do(&pb.Record{Command: &pb.Record_SaveUserTaskRunProgress{SaveUserTaskRunProgress: r}})
}

// comment adds one; with "edit" or "delete" and a number it changes that one.
func (s *scenario) comment(a args, text string) {
	id, user, number := userTaskRunID(a), a.options["user"], a.int("number")
	text = strings.TrimSpace(text)
	switch {
	case slices.Contains(a.words, "edit"):
		s.do(&pb.Record{Command: &pb.Record_EditUserTaskRunComment{EditUserTaskRunComment: &lhpb.EditUserTaskRunCommentRequest{
			UserTaskRunId: id, UserCommentId: number, UserId: user, Comment: text,
		}}})
	case slices.Contains(a.words, "delete"):
		s.do(&pb.Record{Command: &pb.Record_DeleteUserTaskRunComment{DeleteUserTaskRunComment: &lhpb.DeleteUserTaskRunCommentRequest{
			UserTaskRunId: id, UserCommentId: number, UserId: user,
		}}})
	default:
		s.do(&pb.Record{Command: &pb.Record_PutUserTaskRunComment{PutUserTaskRunComment: &lhpb.PutUserTaskRunCommentRequest{
			UserTaskRunId: id, UserId: user, Comment: text,
		}}})
	}
}

func (s *scenario) register(a args) {
	c := &pb.RegisterTaskWorker{Request: &lhpb.RegisterTaskWorkerRequest{
		TaskWorkerId: a.words[0], TaskDefId: &lhpb.TaskDefId{Name: a.words[1]},
	}}
	for _, h := range strings.Split(a.options["hosts"], ",") {
		host, port, ok := strings.Cut(strings.TrimSpace(h), ":")
		if ok {
			c.Servers = append(c.Servers, &lhpb.LHHostInfo{Host: host, Port: int32(mustInt(port))})
		}
	}
	s.do(&pb.Record{Command: &pb.Record_RegisterTaskWorker{RegisterTaskWorker: c}})
}

// note prints what a record changed.
func (s *scenario) note(before map[keys.Key][]byte, r *pb.Record, fx machine.Effects) {
	if t := r.GetTimerFired(); t != nil {
		if timer, err := keys.ParseTimer(keys.Key(t.Key)); err == nil && s.shows(keys.Key(t.Key)) {
			s.printf("@ %s", s.clock(timer.DueNs))
		}
	}
	switch c := r.Command.(type) {
	case *pb.Record_Continue:
		s.printf("> continue")
	case *pb.Record_Correlate:
		s.printf("> correlate %s", nodeRunID(c.Correlate.NodeRunId))
	case *pb.Record_Uncorrelate:
		s.printf("> uncorrelate %s", nodeRunID(c.Uncorrelate.NodeRunId))
	}
	for _, c := range fx.Changes {
		if s.shows(c.Key) {
			s.printChange(c, before[c.Key])
		}
	}
	s.elide()
	s.printMetrics(fx)
	judge(s.t, s.world, before, r, fx)
	switch {
	case fx.Reply.Err != nil:
		s.printf("= %s %s", codeName(fx.Reply.Err.Code), fx.Reply.Err.Message)
	case fx.Reply.Value != nil:
		s.printf("= %s", summary(fx.Reply.Value))
	}
}

// elide leaves out the middle of long lists of NodeRuns and ThreadRuns.
func (s *scenario) elide() {
	const most, head, tail = 24, 3, 5
	var out []string
	lines := strings.Split(s.out.String(), "\n")
	for len(lines) > 0 {
		n := 0
		for n < len(lines) && kindOfLine(lines[n]) == kindOfLine(lines[0]) {
			n++
		}
		if n > most && kindOfLine(lines[0]) != "" {
			out = append(out, lines[:head]...)
			out = append(out, fmt.Sprintf("  ... %d more", n-head-tail))
			out = append(out, lines[n-tail:n]...)
		} else {
			out = append(out, lines[:n]...)
		}
		lines = lines[n:]
	}
	s.out.Reset()
	s.out.WriteString(strings.Join(out, "\n"))
}

var listedLine = regexp.MustCompile(`^  (\d+/\d+ |\d+ |archived: |\d+\.\S+ = )`)

// kindOfLine tells lines of NodeRuns, ThreadRuns and so on apart; empty for all others.
func kindOfLine(line string) string {
	m := listedLine.FindStringSubmatch(line)
	switch {
	case m == nil:
		return ""
	case strings.Contains(m[1], "/"):
		return "node"
	case strings.Contains(m[1], "."):
		return "variable"
	case m[1] == "archived: ":
		return "archived"
	default:
		return "thread"
	}
}

var codeNames = map[lh.Code]string{
	lh.InvalidArgument: "INVALID_ARGUMENT", lh.NotFound: "NOT_FOUND", lh.AlreadyExists: "ALREADY_EXISTS",
	lh.FailedPrecondition: "FAILED_PRECONDITION", lh.ResourceExhausted: "RESOURCE_EXHAUSTED",
}

func codeName(c lh.Code) string {
	if n, ok := codeNames[c]; ok {
		return n
	}
	return fmt.Sprintf("code %d", c)
}

// shows tells the rows that scripts print.
func (s *scenario) shows(k keys.Key) bool {
	if s.metricsShown {
		return true
	}
	return k.Space() != keys.SpaceCount && !flushes(k) && !awaitsLost(k)
}

func (s *scenario) printMetrics(fx machine.Effects) {
	for _, e := range fx.Emit {
		if p := e.Record.GetBulkJobProgress(); p != nil {
			s.printf("! %s %s %s", p.BulkJobId.Id, p.Status, s.clock(p.LastSeenKey.AsTime().UnixNano()))
		}
		if u := e.Record.GetMetricUpdate(); u != nil && s.metricsShown {
			s.printf("! %s %s %s", objectName(u.Window), u.Window.WindowStart.AsTime().Format("15:04"), countsText(u.Counts))
		}
	}
}

func objectName(w *lhpb.MetricWindowId) string {
	switch {
	case w.GetWfSpecId() != nil:
		return "WfSpec " + specID(w.GetWfSpecId())
	case w.GetTaskDefId() != nil:
		return "TaskDef " + w.GetTaskDefId().Name
	default:
		return w.GetMetricType().String()
	}
}

// countsText lists the counters that count something: field, count, and shortest/longest/sum in milliseconds.
func countsText(counts []*pb.Count) string {
	var out []string
	for i, c := range counts {
		if c.Count != 0 {
			out = append(out, fmt.Sprintf("%d:%d(%d/%d/%d)", i+1, c.Count, c.MinMs, c.MaxMs, c.TotalMs))
		}
	}
	return strings.Join(out, " ")
}

// printCounts prints how many NodeRuns and waiting attempts there are.
func (s *scenario) printCounts() {
	for _, k := range s.state.Keys() {
		if _, c, err := keys.ParseCounts(k); err == nil {
			s.printf("%s %d", countedName(c), get[pb.Counts](s.world, k).Now)
		}
	}
}

func countedName(c keys.Counted) string {
	if c.Type == lhpb.MetricWindowType_TASK_METRIC {
		return "TaskDef " + c.Name
	}
	return "WfSpec " + specID(&lhpb.WfSpecId{Name: c.Name, MajorVersion: c.Major, Revision: c.Revision})
}

func (s *scenario) clock(ns int64) string { return time.Duration(ns).String() }

func (s *scenario) printChange(c machine.Change, old []byte) {
	switch c.Key.Space() {
	case keys.SpaceQueue:
		q, _ := keys.ParseScheduledTask(c.Key)
		s.printf("%s task %s %s/%s/%d", sign(c), q.TaskDef, short(q.WfRun), q.Guid, q.Attempt)
	case keys.SpaceTimer:
		t, _ := keys.ParseTimer(c.Key)
		s.printf("%s", strings.TrimSpace(fmt.Sprintf("%s timer %s %s %s", sign(c), s.clock(t.DueNs), timerNames[t.Kind], shortID(t.ID))))
	case keys.SpaceCount:
		s.printCountChange(c)
	case keys.SpaceOutput:
		s.printOutputChange(c)
	case keys.SpaceRun:
		s.printRunChange(c, old)
	case keys.SpaceObject:
		s.printObjectChange(c, old)
	}
}

// printObjectChange prints what lies outside of WfRuns.
func (s *scenario) printObjectChange(c machine.Change, old []byte) {
	_, kind, _ := keys.ParseObject(c.Key)
	switch kind {
	case keys.KindSchedule:
		s.printObject(&pb.ScheduleRow{}, c.Value, old)
	case keys.KindCorrelatedEvent, keys.KindWaiting:
		k, err := keys.ParseCorrelation(c.Key)
		switch {
		case err != nil:
			panic(err)
		case k.Kind == keys.KindWaiting:
			s.printf("%s waits for %q of %s: %s", sign(c), k.Key, k.Def, nodeRunID(k.NodeRun))
		case k.NodeRun != nil:
			s.printf("%s came of %q of %s: %s", sign(c), k.Key, k.Def, nodeRunID(k.NodeRun))
		default:
			s.printObject(&pb.CorrelatedEventRow{}, c.Value, old)
		}
	}
}

func (s *scenario) printObject(was, is machine.Value, old []byte) {
	if is != nil {
		s.printf("%s", summary(is))
		return
	}
	if err := was.UnmarshalVT(old); err == nil && old != nil {
		s.printf("gone: %s", summary(was))
	}
}

// printOutputChange prints a record for the output topic, or that it is gone.
func (s *scenario) printOutputChange(c machine.Change) {
	_, number, err := keys.ParseOutput(c.Key)
	switch r, is := c.Value.(*lhpb.OutputTopicRecord); {
	case err != nil:
	case is:
		s.printf("* %d at %s %s", number, s.clock(r.Timestamp.AsTime().UnixNano()), published(r))
	default:
		s.printf("- output %d", number)
	}
}

func published(r *lhpb.OutputTopicRecord) string {
	switch p := r.Payload.(type) {
	case *lhpb.OutputTopicRecord_WfRun:
		return summary(p.WfRun)
	case *lhpb.OutputTopicRecord_TaskRun:
		return summary(p.TaskRun)
	case *lhpb.OutputTopicRecord_UserTaskRun:
		return summary(p.UserTaskRun)
	case *lhpb.OutputTopicRecord_Variable:
		return summary(p.Variable)
	case *lhpb.OutputTopicRecord_ExternalEvent:
		return summary(p.ExternalEvent)
	case *lhpb.OutputTopicRecord_WorkflowEvent:
		return summary(p.WorkflowEvent)
	case *lhpb.OutputTopicRecord_TaskCheckpoint:
		return summary(p.TaskCheckpoint)
	case *lhpb.OutputTopicRecord_CorrelatedEvent:
		return summary(p.CorrelatedEvent)
	default:
		return fmt.Sprintf("%T", p)
	}
}

// printCountChange prints a row of counters: how many there are, and the minute with its numbers.
func (s *scenario) printCountChange(c machine.Change) {
	name := ""
	if _, of, err := keys.ParseCounts(c.Key); err == nil {
		name = "counts of " + countedName(of)
	} else if _, window, of, err := keys.ParseMinute(c.Key); err == nil {
		name = "minute " + s.clock(window) + " of " + countedName(of)
	}
	if row, ok := c.Value.(*pb.Counts); ok {
		name += fmt.Sprintf(" now %d, %s %v", row.Now, s.clock(row.WindowNs), row.Minute)
	}
	s.printf("%s %s", sign(c), name)
}

func nodeRunID(n *lhpb.NodeRunId) string {
	return fmt.Sprintf("%s/%d/%d", short(lh.WfRunIDString(n.WfRunId)), n.ThreadRunNumber, n.Position)
}

func sign(c machine.Change) string {
	if c.Value == nil {
		return "-"
	}
	return "+"
}

var timerNames = map[keys.TimerKind]string{
	keys.TimerTaskTimeout: "TaskTimeout", keys.TimerTaskRetry: "TaskRetry", keys.TimerEventTimeout: "EventTimeout",
	keys.TimerSleep: "Sleep", keys.TimerRetention: "Retention", keys.TimerEventExpiry: "EventExpiry",
	keys.TimerSchedule: "Schedule", keys.TimerUserTask: "UserTask",
	keys.TimerFlushMetrics: "FlushMetrics",
	keys.TimerCorrelated:   "CorrelatedExpiry",
	keys.TimerTrimOutput:   "TrimOutput",
}

func (s *scenario) printRunChange(c machine.Change, old []byte) {
	k, _ := keys.ParseRun(c.Key)
	if kin, is := c.Value.(*pb.Kin); is && !kin.Handled {
		return
	}
	if k.Kind == keys.KindUnclaimed || k.Kind == keys.KindReserved || k.Kind == keys.KindToFanOut || k.Kind == keys.KindSweep || k.Kind == keys.KindRest || k.Kind == keys.KindRound || k.Kind == keys.KindQueued || k.Kind == keys.KindWatch || k.Kind == keys.KindWithdrawn || k.Kind == keys.KindContinue || k.Kind == keys.KindCheckpoint && c.Value == nil {
		return
	}
	was := ""
	if old != nil {
		was = summary(decode(k.Kind, old))
	}
	indent := "  "
	if k.Kind == keys.KindWfRun {
		indent = ""
	}
	switch {
	case c.Value == nil && k.Kind == keys.KindThreadRun || c.Value == nil && k.Kind == keys.KindWfRun:
		s.printf("%sgone: %s", indent, was)
	case c.Value == nil:
	default:
		if is := summary(c.Value); is != was {
			s.printf("%s%s", indent, is)
		}
	}
}

// decode reads a row under a WfRun.
func decode(k keys.RunKind, b []byte) machine.Value {
	v := emptyOf(k)
	if err := v.UnmarshalVT(b); err != nil {
		panic(err)
	}
	return v
}

func emptyOf(k keys.RunKind) machine.Value {
	switch k {
	case keys.KindWfRun:
		return &pb.WfRunRow{}
	case keys.KindThreadRun:
		return &lhpb.ThreadRun{}
	case keys.KindNodeRun:
		return &lhpb.NodeRun{}
	case keys.KindVariable:
		return &lhpb.Variable{}
	case keys.KindTaskRun:
		return &lhpb.TaskRun{}
	case keys.KindCheckpoint:
		return &lhpb.Checkpoint{}
	case keys.KindExternalEvent:
		return &lhpb.ExternalEvent{}
	case keys.KindWorkflowEvent:
		return &lhpb.WorkflowEvent{}
	case keys.KindUserTaskRun:
		return &lhpb.UserTaskRun{}
	case keys.KindInactive:
		return &lhpb.InactiveThreadRun{}
	case keys.KindKin:
		return &pb.Kin{}
	case keys.KindWaitTally:
		return &pb.WaitTally{}
	case keys.KindWaitBlock:
		return &lhpb.WaitForThreadsRun{}
	case keys.KindNodeOutput:
		return &pb.NodeOutput{}
	case keys.KindFanOut:
		return &pb.FanOut{}
	case keys.KindTaskInputs:
		return &pb.TaskInputs{}
	case keys.KindLent:
		return &pb.Lent{}
	default:
		return &pb.Empty{}
	}
}

func inputsSummary(x *pb.TaskInputs) (s string) {
	for _, in := range x.Inputs {
		if l := in.GetLent(); l != nil {
			s += fmt.Sprintf(" value %d of %d.%s", l.Number, l.ThreadRunNumber, l.Name)
		} else {
			s += " " + text(in.GetValue())
		}
	}
	return s
}

// summary is one line that says what matters of an object.
func summary(m proto.Message) string {
	switch x := m.(type) {
	case *pb.WfRunRow:
		s := "WfRun " + short(lh.WfRunIDString(x.WfRun.Id)) + " " + x.WfRun.Status.String()
		if x.WfRun.EndTime != nil {
			s += " ended"
		}
		if x.Deleting {
			s += " deleting"
		}
		if n := len(x.WfRun.PendingInterrupts); n > 0 {
			s += fmt.Sprintf(" pending interrupts %d", n)
		}
		if n := len(x.WfRun.PendingFailures); n > 0 {
			s += fmt.Sprintf(" pending failures %d", n)
		}
		return s + migrationSummary(x)
	case *lhpb.WfRun:
		s := "WfRun " + short(lh.WfRunIDString(x.Id)) + " " + x.Status.String() + ", threads"
		for _, t := range x.ThreadRuns {
			s += " " + strconv.Itoa(int(t.Number))
		}
		return s
	case *lhpb.ThreadRun:
		return threadSummary(x)
	case *lhpb.InactiveThreadRun:
		return "archived: " + threadSummary(x.ThreadRun)
	case *lhpb.NodeRun:
		return nodeSummary(x)
	case *lhpb.Variable:
		return fmt.Sprintf("%s = %s", variableName(x), text(x.Value))
	case *lhpb.TaskRun:
		return taskSummary(x)
	case *lhpb.UserTaskRun:
		return userTaskSummary(x)
	case *lhpb.Checkpoint:
		return fmt.Sprintf("checkpoint %s/%d %s", x.Id.TaskRun.TaskGuid, x.Id.CheckpointNumber, text(x.Value))
	case *lhpb.ExternalEvent:
		return eventSummary(x)
	case *lhpb.WorkflowEvent:
		return fmt.Sprintf("thrown %s/%d by %d/%d: %s", x.Id.WorkflowEventDefId.Name, x.Id.Number, x.NodeRunId.ThreadRunNumber, x.NodeRunId.Position, text(x.Content))
	case *pb.FanOut:
		return "starts from " + text(x.List)
	case *pb.Kin:
		return "failure of another handled"
	case *pb.TaskInputs:
		return fmt.Sprintf("inputs apart, %d bytes:", x.Bytes) + inputsSummary(x)
	case *pb.Lent:
		if x.Value != nil {
			return fmt.Sprintf("kept value %d: %s", x.Number, text(x.Value))
		}
		return fmt.Sprintf("value %d, lent: %t", x.Number, x.Now)
	case *pb.WaitTally:
		return fmt.Sprintf("waits for %d: settled %d, unsuccessful %d", x.Entries, x.Settled, x.Unsuccessful)
	case *lhpb.WaitForThreadsRun:
		return "block" + waitSummary(x)
	case *pb.NodeOutput:
		return fmt.Sprintf("output %s by position %d", text(x.Value), x.Position)
	case *pb.Started:
		return summary(x.WfRun) + ", " + summary(x.Task)
	case *lhpb.ScheduledTask:
		s := "ScheduledTask " + x.TaskDefId.Name + " " + short(lh.WfRunIDString(x.TaskRunId.WfRunId)) + "/" + x.TaskRunId.TaskGuid + "/" + strconv.Itoa(int(x.AttemptNumber))
		for _, v := range x.Variables {
			s += " " + v.VarName + "=" + text(v.Value)
		}
		if x.TotalObservedCheckpoints > 0 {
			s += fmt.Sprintf(" checkpoints %d", x.TotalObservedCheckpoints)
		}
		if r := x.Source.GetUserTaskTrigger(); r != nil {
			s += fmt.Sprintf(" by %d/%d event %d%s", r.NodeRunId.ThreadRunNumber, r.NodeRunId.Position, r.UserTaskEventNumber, ownerText(r.UserId, r.UserGroup))
		}
		return s
	case *pb.CorrelatedEventRow:
		s := fmt.Sprintf("correlated %q of %s", x.CorrelatedEvent.Id.Key, x.CorrelatedEvent.Id.ExternalEventDefId.Name)
		if x.Correlated {
			s += " correlated"
		}
		if x.Serving {
			s += " serving"
		}
		if x.Spent {
			s += " spent"
		}
		return s
	case *lhpb.CorrelatedEvent:
		s := fmt.Sprintf("correlated %q: %d events", x.Id.Key, len(x.ExternalEvents))
		for _, e := range x.ExternalEvents {
			s += " " + lh.WfRunIDString(e.WfRunId) + "/" + short(e.Guid)
		}
		return s
	case *pb.ScheduleRow:
		s := summary(x.ScheduledWfRun)
		if x.NextNs == 0 {
			return s + " never again"
		}
		return s + " next " + time.Duration(x.NextNs).String()
	case *lhpb.ScheduledWfRun:
		return fmt.Sprintf("schedule %s of %s by %q", x.Id.Id, specID(x.WfSpecId), x.CronExpression)
	case *lhpb.PutCheckpointResponse:
		return x.FlowControlContinueType.String()
	case *lhpb.TaskWorkerMetadata:
		s := "worker " + x.TaskWorkerId
		for _, h := range x.Hosts {
			s += fmt.Sprintf(" %s:%d", h.Host, h.Port)
		}
		return s
	default:
		return fmt.Sprintf("%T", m)
	}
}

func threadSummary(x *lhpb.ThreadRun) string {
	s := fmt.Sprintf("%d %s %s at %d", x.Number, x.ThreadSpecName, x.Status, x.CurrentNodePosition) + laterSpec(x.WfSpecId)
	switch x.Type {
	case lhpb.ThreadType_INTERRUPT, lhpb.ThreadType_FAILURE_HANDLER:
		s += " " + x.Type.String()
	}
	if x.ParentThreadId != nil {
		s += fmt.Sprintf(" of %d", *x.ParentThreadId)
	}
	if f := x.FailureBeingHandled; f != nil {
		s += fmt.Sprintf(" handles %d/%d/%d", f.ThreadRunNumber, f.NodeRunPosition, f.FailureNumber)
	}
	for _, r := range x.HaltReasons {
		s += " [" + reason(r) + "]"
	}
	if len(x.HandledFailedChildren) > 0 {
		s += fmt.Sprintf(" handled %v", x.HandledFailedChildren)
	}
	if x.Output != nil {
		s += " returns " + text(x.Output)
	}
	if x.ErrorMessage != nil {
		s += fmt.Sprintf(" %q", *x.ErrorMessage)
	}
	return s
}

func reason(r *lhpb.ThreadHaltReason) string {
	switch k := r.Reason.(type) {
	case *lhpb.ThreadHaltReason_ParentHalted:
		return fmt.Sprintf("parent_halted %d", k.ParentHalted.ParentThreadId)
	case *lhpb.ThreadHaltReason_Interrupted:
		return fmt.Sprintf("interrupted %d", k.Interrupted.InterruptThreadId)
	case *lhpb.ThreadHaltReason_PendingInterrupt:
		return "pending_interrupt " + k.PendingInterrupt.ExternalEventId.Guid
	case *lhpb.ThreadHaltReason_PendingFailure:
		return fmt.Sprintf("pending_failure %d", k.PendingFailure.NodeRunPosition)
	case *lhpb.ThreadHaltReason_HandlingFailure:
		return fmt.Sprintf("handling_failure %d", k.HandlingFailure.HandlerThreadId)
	case *lhpb.ThreadHaltReason_ManualHalt:
		return "manual_halt"
	case *lhpb.ThreadHaltReason_HaltedByParent:
		return fmt.Sprintf("halted_by_parent %d/%d", k.HaltedByParent.ParentThreadRunNumber, k.HaltedByParent.WaitingNodeRunPosition)
	default:
		return "?"
	}
}

func nodeSummary(x *lhpb.NodeRun) string {
	s := fmt.Sprintf("%d/%d %s %s", x.Id.ThreadRunNumber, x.Id.Position, x.NodeName, x.Status) + laterSpec(x.WfSpecId)
	if x.EndTime != nil && x.Status != lhpb.LHStatus_COMPLETED {
		s += " ended"
	}
	switch k := x.NodeType.(type) {
	case *lhpb.NodeRun_Task:
		if k.Task.TaskRunId != nil {
			s += " task " + k.Task.TaskRunId.TaskGuid
		}
	case *lhpb.NodeRun_ExternalEvent:
		if k.ExternalEvent.ExternalEventId != nil {
			s += " event " + short(k.ExternalEvent.ExternalEventId.Guid)
		}
		if k.ExternalEvent.TimedOut {
			s += " timed out"
		}
		if k.ExternalEvent.CorrelationKey != nil {
			s += " key " + *k.ExternalEvent.CorrelationKey
		}
	case *lhpb.NodeRun_StartThread:
		s += fmt.Sprintf(" starts %d", k.StartThread.GetChildThreadId())
	case *lhpb.NodeRun_StartMultipleThreads:
		s += fmt.Sprintf(" starts %v", k.StartMultipleThreads.ChildThreadIds)
	case *lhpb.NodeRun_WaitForThreads:
		s += waitSummary(k.WaitForThreads)
	case *lhpb.NodeRun_Sleep:
		if at := k.Sleep.MaturationTime; at != nil {
			s += " until " + time.Duration(at.AsTime().UnixNano()).String()
		}
		if k.Sleep.Matured {
			s += " matured"
		}
	case *lhpb.NodeRun_UserTask:
		if id := k.UserTask.UserTaskRunId; id != nil {
			s += " user task " + id.UserTaskGuid
		}
	case *lhpb.NodeRun_RunChildWf:
		if k.RunChildWf.ChildWfRunId != nil {
			s += " child " + short(lh.WfRunIDString(k.RunChildWf.ChildWfRunId))
		}
	}
	for _, f := range x.Failures {
		s += fmt.Sprintf(" {%s %q", f.FailureName, f.Message)
		if f.Content != nil {
			s += " " + text(f.Content)
		}
		if f.FailureHandlerThreadrunId != nil {
			s += fmt.Sprintf(" handler %d", *f.FailureHandlerThreadrunId)
		}
		if f.WasProperlyHandled {
			s += " handled"
		}
		s += "}"
	}
	if x.ErrorMessage != nil {
		s += " " + strconv.Quote(*x.ErrorMessage)
	}
	return s
}

func waitSummary(x *lhpb.WaitForThreadsRun) string {
	s := ""
	for _, w := range x.Threads {
		s += fmt.Sprintf(" (%d %s %s", w.ThreadRunNumber, w.ThreadStatus, strings.TrimPrefix(w.WaitingStatus.String(), "THREAD_"))
		if w.FailureHandlerThreadRunId != nil {
			s += fmt.Sprintf(" %d", *w.FailureHandlerThreadRunId)
		}
		s += ")"
	}
	return s
}

// short cuts made-up ids, which are long and say nothing.
func short(id string) string {
	parts := strings.Split(id, "_")
	for i, p := range parts {
		if len(p) == 32 {
			parts[i] = p[:6]
		}
	}
	return strings.Join(parts, "_")
}

// shortID is short for ids with more behind a slash.
func shortID(id string) string {
	run, rest, has := strings.Cut(id, "/")
	if !has {
		return short(id)
	}
	return short(run) + "/" + rest
}

func taskSummary(x *lhpb.TaskRun) string {
	s := fmt.Sprintf("TaskRun %s %s:", x.Id.TaskGuid, x.Status)
	for _, a := range x.Attempts {
		s += " " + strings.TrimPrefix(a.Status.String(), "TASK_")
		switch r := a.Result.(type) {
		case *lhpb.TaskAttempt_Output:
			s += " " + text(r.Output)
		case *lhpb.TaskAttempt_Error:
			s += fmt.Sprintf(" %q", r.Error.Message)
		case *lhpb.TaskAttempt_Exception:
			s += fmt.Sprintf(" %s %q", r.Exception.Name, r.Exception.Message)
		}
	}
	if x.TotalCheckpoints > 0 {
		s += fmt.Sprintf(" checkpoints %d", x.TotalCheckpoints)
	}
	return s
}

// userTaskSummary is a line for the UserTaskRun and one for each of its events.
func userTaskSummary(x *lhpb.UserTaskRun) string {
	s := fmt.Sprintf("UserTaskRun %s %s/%d %s epoch %d%s", x.Id.UserTaskGuid, x.UserTaskDefId.Name, x.UserTaskDefId.Version,
		x.Status, x.Epoch, ownerText(x.UserId, x.UserGroup))
	if x.Notes != nil {
		s += fmt.Sprintf(" notes %q", *x.Notes)
	}
	s += fieldsText(x.Results)
	for i, e := range x.Events {
		s += fmt.Sprintf("\n    %d: %s %s", i, time.Duration(e.Time.AsTime().UnixNano()), userEventText(e))
	}
	return s
}

func ownerText(user, group *string) string {
	s := ""
	if user != nil {
		s += fmt.Sprintf(" user %q", *user)
	}
	if group != nil {
		s += fmt.Sprintf(" group %q", *group)
	}
	return s
}

func fieldsText(results map[string]*lhpb.VariableValue) string {
	s := ""
	for _, name := range sortedNames(results) {
		s += " " + name + "=" + text(results[name])
	}
	return s
}

func userEventText(e *lhpb.UserTaskEvent) string {
	switch k := e.Event.(type) {
	case *lhpb.UserTaskEvent_TaskExecuted:
		return "task executed " + k.TaskExecuted.TaskRun.TaskGuid
	case *lhpb.UserTaskEvent_Assigned:
		a := k.Assigned
		return "assigned from" + ownerText(a.OldUserId, a.OldUserGroup) + " to" + ownerText(a.NewUserId, a.NewUserGroup)
	case *lhpb.UserTaskEvent_Cancelled:
		return "cancelled: " + k.Cancelled.Message
	case *lhpb.UserTaskEvent_Saved:
		return fmt.Sprintf("saved by %q", k.Saved.UserId) + fieldsText(k.Saved.Results)
	case *lhpb.UserTaskEvent_CommentAdded:
		return fmt.Sprintf("comment %d added by %q: %q", k.CommentAdded.UserCommentId, k.CommentAdded.UserId, k.CommentAdded.Comment)
	case *lhpb.UserTaskEvent_CommentEdited:
		return fmt.Sprintf("comment %d edited by %q: %q", k.CommentEdited.UserCommentId, k.CommentEdited.UserId, k.CommentEdited.Comment)
	case *lhpb.UserTaskEvent_CommentDeleted:
		return fmt.Sprintf("comment %d deleted by %q", k.CommentDeleted.UserCommentId, k.CommentDeleted.UserId)
	case *lhpb.UserTaskEvent_Completed:
		return "completed"
	default:
		return "?"
	}
}

func eventSummary(x *lhpb.ExternalEvent) string {
	s := fmt.Sprintf("event %s %s", x.Id.ExternalEventDefId.Name, short(x.Id.Guid))
	if x.Claimed {
		s += " claimed"
	}
	if x.ThreadRunNumber != nil {
		s += fmt.Sprintf(" thread %d", *x.ThreadRunNumber)
	}
	if x.NodeRunPosition != nil {
		s += fmt.Sprintf(" node %d", *x.NodeRunPosition)
	}
	return s
}

func variableName(x *lhpb.Variable) string {
	if x.Id.ThreadRunNumber == 0 {
		return x.Id.Name
	}
	return fmt.Sprintf("%d.%s", x.Id.ThreadRunNumber, x.Id.Name)
}

func text(v *lhpb.VariableValue) string {
	if value.IsNull(v) {
		return "NULL"
	}
	if s, ok := v.Value.(*lhpb.VariableValue_Str); ok {
		if len(s.Str) > 60 {
			return fmt.Sprintf("STR of %d", len(s.Str))
		}
		return strconv.Quote(s.Str)
	}
	if id, ok := v.Value.(*lhpb.VariableValue_WfRunId); ok {
		return short(lh.WfRunIDString(id.WfRunId))
	}
	return value.Text(v)
}

func specID(id *lhpb.WfSpecId) string {
	return fmt.Sprintf("%s/%d/%d", id.Name, id.MajorVersion, id.Revision)
}

// show prints all objects of a WfRun.
func (s *scenario) show(id string) {
	r := run(id)
	for _, k := range s.state.Keys() {
		if !k.HasPrefix(r.All()) {
			continue
		}
		if p, _ := keys.ParseRun(k); p.Kind != keys.KindUnclaimed && p.Kind != keys.KindReserved && p.Kind != keys.KindToFanOut && p.Kind != keys.KindSweep && p.Kind != keys.KindRest && p.Kind != keys.KindRound && p.Kind != keys.KindQueued && p.Kind != keys.KindWatch {
			s.printf("%s", summary(decode(p.Kind, s.state.Bytes(k))))
		}
	}
}

// full prints, field by field, the objects of a WfRun whose line in show begins with the words.
func (s *scenario) full(id, words string) {
	r := run(id)
	for _, k := range s.state.Keys() {
		p, err := keys.ParseRun(k)
		if !k.HasPrefix(r.All()) || err != nil {
			continue
		}
		if v := decode(p.Kind, s.state.Bytes(k)); strings.HasPrefix(summary(v)+" ", words+" ") {
			s.printf("%s", summary(v))
			s.printFields(public(v))
		}
	}
}

// public is what a client sees of what is stored.
func public(v machine.Value) proto.Message {
	if w, is := v.(*pb.WfRunRow); is {
		return w.WfRun
	}
	return v
}

func (s *scenario) printFields(m proto.Message) {
	fields := m.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if !m.ProtoReflect().Has(f) {
			continue
		}
		only := m.ProtoReflect().New()
		only.Set(f, m.ProtoReflect().Get(f))
		text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(only.Interface())
		if err != nil {
			panic(err)
		}
		var line bytes.Buffer
		if err := json.Compact(&line, text); err != nil {
			panic(err)
		}
		s.printf("  %s", strings.TrimSuffix(strings.TrimPrefix(line.String(), "{"), "}"))
	}
}

func (s *scenario) printKeys(space keys.Space) {
	for _, k := range s.state.Keys() {
		if (space == 0 || k.Space() == space) && s.shows(k) {
			s.printf("%s", strings.Trim(strconv.QuoteToASCII(string(k)), `"`))
		}
	}
}

// printTags prints the index rows: what is indexed, and of which object.
func (s *scenario) printTags() {
	for kind, shape := range tagShapes {
		prefix := keys.In(tenant).Tag(keys.TagKind(kind)).Prefix()
		for _, k := range s.state.Keys() {
			if k.HasPrefix(prefix) {
				s.printf("%s", s.tagLine(shape, prefix, k))
			}
		}
	}
}

// tagShapes are the indexes by kind: a name, and what is listed ("t" a text, "i" a number).
var tagShapes = [...]struct{ name, parts string }{
	keys.TagWfRun: {"WfRun", "tiii"}, keys.TagWfRunParent: {"parent", "t"}, keys.TagTaskRun: {"TaskRun", "ti"},
	keys.TagNodeRun: {"NodeRun", "ti"}, keys.TagVariable: {"Variable", "tttii"}, keys.TagExternalEvent: {"ExternalEvent", "ti"},
	keys.TagWorkflowEvent: {"WorkflowEvent", "t"}, keys.TagSchedule: {"schedule", "tii"},
	keys.TagUserTaskRun: {"UserTaskRun", "ti"}, keys.TagUserTaskOwner: {"UserTaskOwner", "iti"},
	keys.TagCorrelatedEvent: {"correlated", "ti"}, keys.TagMigration: {"migrating", "t"}, keys.TagMigrated: {"migrated", "tii"},
	keys.TagDeleting: {"deleting", "t"},
}

func (s *scenario) tagLine(shape struct{ name, parts string }, prefix, k keys.Key) string {
	line := shape.name
	for _, part := range shape.parts {
		if part == 't' {
			t, err := keys.NextText(prefix, k)
			if err != nil {
				panic(err)
			}
			line += " " + t
			prefix = k[:len(prefix)+len(t)+2]
			continue
		}
		n := binary.BigEndian.Uint32([]byte(k[len(prefix) : len(prefix)+4]))
		line += fmt.Sprintf(" %d", int32(n^1<<31))
		prefix = k[:len(prefix)+4]
	}
	createdMs, id, err := keys.ParseTagRow(prefix, k)
	if err != nil {
		panic(err)
	}
	if shape.name == "Variable" {
		line += " at " + s.clock(createdMs*int64(time.Millisecond))
	}
	return strings.TrimRight(fmt.Sprintf("%s -> %s %d/%d %s %s", line, short(id.WfRun), id.Thread, id.Number, id.Name, id.Guid), " ")
}

func (s *scenario) count() {
	n := map[string]int{}
	for _, k := range s.state.Keys() {
		if s.shows(k) {
			n[string(rune(k.Space()))]++
		}
	}
	for _, space := range sortedNames(n) {
		s.printf("%s %d", space, n[space])
	}
}
