package engine_test

import (
	"fmt"
	"strings"

	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// putPlan stores a plan as PutWorkflowMigrationPlan would, from and to versions of one WfSpec:
//
//	plan p flow from=0/0 to=0/1
//	main -> main: wait -> wait, ask -> ask-more
func (s *scenario) putPlan(a args, input string) {
	r := planRequest(a, input)
	plan, err := spec.PlanMigration(defs{s.meta.latest()}, r)
	if err != nil {
		s.printf("= %s %s", codeName(err.Code), err.Message)
		return
	}
	s.meta.next().plans[r.Name] = plan
	for _, old := range sortedNames(plan.ThreadMigrations) {
		if t := plan.ThreadMigrations[old]; len(t.ThreadSpecDependencies) > 0 {
			s.printf("%s after %s", old, strings.Join(t.ThreadSpecDependencies, ", "))
		}
	}
}

func planRequest(a args, input string) *lhpb.PutWorkflowMigrationPlanRequest {
	r := &lhpb.PutWorkflowMigrationPlanRequest{Name: a.words[0], ThreadMigrations: map[string]*lhpb.ThreadMigrationPlanRequest{}}
	r.OldWfSpec = &lhpb.WfSpecId{Name: a.words[1]}
	r.OldWfSpec.MajorVersion, r.OldWfSpec.Revision = versionOf(a.options["from"])
	r.MajorVersion, r.Revision = versionOf(a.options["to"])
	for _, line := range strings.Split(strings.TrimSpace(input), "\n") {
		if line == "" {
			continue
		}
		threads, nodes, _ := strings.Cut(line, ":")
		old, name := cut2(threads, "->")
		t := &lhpb.ThreadMigrationPlanRequest{NewThreadName: name, NodeMigrations: map[string]*lhpb.NodeMigrationPlan{}}
		for _, pair := range strings.Split(nodes, ",") {
			if strings.TrimSpace(pair) != "" {
				from, to := cut2(pair, "->")
				t.NodeMigrations[from] = &lhpb.NodeMigrationPlan{NewNodeName: to}
			}
		}
		r.ThreadMigrations[old] = t
	}
	return r
}

func versionOf(text string) (major, revision int32) {
	a, b, _ := strings.Cut(text, "/")
	return int32(mustInt(a)), int32(mustInt(b))
}

// migrate applies a plan; lines of the form "thread.variable = value" are migration variables.
func (s *scenario) migrate(a args, input string) {
	r := &lhpb.ApplyWorkflowMigrationPlanRequest{WfRunId: lh.ParseWfRunID(a.words[0]), Id: &lhpb.WorkflowMigrationPlanId{Name: a.words[1]}}
	for _, line := range strings.Split(strings.TrimSpace(input), "\n") {
		if line == "" {
			continue
		}
		target, value := cut2(line, "=")
		thread, variable, _ := strings.Cut(target, ".")
		if r.MigrationVarsByThread == nil {
			r.MigrationVarsByThread = map[string]*lhpb.MigrationVars{}
		}
		if r.MigrationVarsByThread[thread] == nil {
			r.MigrationVarsByThread[thread] = &lhpb.MigrationVars{VarAssignmentByVarName: map[string]*lhpb.VariableAssignment{}}
		}
		r.MigrationVarsByThread[thread].VarAssignmentByVarName[variable] = expr(value)
	}
	s.do(&pb.Record{Command: &pb.Record_ApplyWorkflowMigrationPlan{ApplyWorkflowMigrationPlan: r}})
}

// laterSpec names a WfSpec unless it is the first of its name.
func laterSpec(id *lhpb.WfSpecId) string {
	if id.GetMajorVersion() == 0 && id.GetRevision() == 0 {
		return ""
	}
	return fmt.Sprintf(" in %d/%d", id.GetMajorVersion(), id.GetRevision())
}

func migrationSummary(x *pb.WfRunRow) string {
	s := laterSpec(x.WfRun.WfSpecId)
	for _, old := range x.WfRun.OldWfSpecVersions {
		s += fmt.Sprintf(" was %d/%d", old.MajorVersion, old.Revision)
	}
	if plan := x.WfRun.WorkflowMigrationPlanId; plan != nil {
		s += " migrating by " + plan.Name
	}
	if n := x.Unmigrated; n > 0 {
		s += fmt.Sprintf(" from thread %d on", n)
	}
	return s
}
