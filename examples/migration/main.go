// Command migration moves a WfRun that waits to the next version of its workflow, where there is more to do.
package main

import (
	"context"
	"fmt"

	"littlehorse/examples/internal/stage"
	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

// first is how contracts were signed until now.
func first(name string) *wf.Workflow {
	return wf.New(name, func(t *wf.Thread) {
		wf.Declare[string](t, "contract").Required()
		wf.Event[string](t, "contract-signed")
	})
}

// second also files them.
func second(name string) *wf.Workflow {
	return wf.New(name, func(t *wf.Thread) {
		contract := wf.Declare[string](t, "contract").Required()
		place := wf.Declare[string](t, "place")
		wf.Event[string](t, "contract-signed")
		place.Set(file.Do(t, contract).Retries(3))
	})
}

var file = task.New1("contract-file", func(_ context.Context, contract string) (string, error) {
	return contract + " in cabinet 4", nil
}, task.Params("contract"))

var play = stage.Play{
	Tasks: []task.Task{file},
	Story: func(ctx context.Context, s *stage.Stage) error {
		name := "contract-" + string(lh.NewRunID()[:8]) // so that the first version is the first one
		older, err := put(ctx, s, first(name))
		if err != nil {
			return err
		}
		id, err := s.Run(ctx, name, lh.Input{"contract": "lease"})
		if err != nil {
			return err
		}
		newer, err := put(ctx, s, second(name))
		if err != nil {
			return err
		}
		if err := migrate(ctx, s, id, older, newer); err != nil {
			return err
		}
		if err := s.PostEvent(ctx, id, "contract-signed", "Ana"); err != nil {
			return err
		}
		end, err := s.End(ctx, id)
		if err != nil {
			return err
		}
		run, err := s.WfRun(ctx, id)
		if err != nil {
			return err
		}
		place, err := lh.GetVar[string](ctx, s.Client, id, "place")
		if err != nil {
			return err
		}
		s.Say("WfRun %s\n    %s\n    place: %s", id, end, place)
		s.Say("    began by %s, ended by %s", version(older.Id), version(run.WfSpecId))
		return nil
	},
}

// put registers a version, and reads it back.
func put(ctx context.Context, s *stage.Stage, w *wf.Workflow) (*lhpb.WfSpec, error) {
	if err := s.Register(ctx, w); err != nil {
		return nil, err
	}
	return s.RPC().GetLatestWfSpec(ctx, &lhpb.GetLatestWfSpecRequest{Name: w.Name()})
}

// migrate makes a plan of where a run that waits for the signature goes on, and applies it to one run.
func migrate(ctx context.Context, s *stage.Stage, id lh.RunID, from, to *lhpb.WfSpec) error {
	plan, err := s.RPC().PutWorkflowMigrationPlan(ctx, &lhpb.PutWorkflowMigrationPlanRequest{
		Name: from.Id.Name, OldWfSpec: from.Id, MajorVersion: to.Id.MajorVersion, Revision: to.Id.Revision,
		ThreadMigrations: map[string]*lhpb.ThreadMigrationPlanRequest{
			from.EntrypointThreadName: {
				NewThreadName:  to.EntrypointThreadName,
				NodeMigrations: map[string]*lhpb.NodeMigrationPlan{waiting(from): {NewNodeName: waiting(to)}},
			},
		},
	})
	if err != nil {
		return err
	}
	_, err = s.RPC().ApplyWorkflowMigrationPlan(ctx, &lhpb.ApplyWorkflowMigrationPlanRequest{
		Id: plan.WorkflowMigrationPlanId, WfRunId: id.Proto(),
	})
	return err
}

// waiting is the name of the node at which a contract waits.
func waiting(spec *lhpb.WfSpec) string {
	for name, node := range spec.ThreadSpecs[spec.EntrypointThreadName].Nodes {
		if node.GetExternalEvent() != nil {
			return name
		}
	}
	return ""
}

func version(id *lhpb.WfSpecId) string { return fmt.Sprintf("%d.%d", id.MajorVersion, id.Revision) }

func main() { play.Main() }
