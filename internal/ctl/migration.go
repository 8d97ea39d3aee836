package ctl

import (
	"errors"

	"github.com/spf13/cobra"

	"littlehorse/lhpb"
)

func (c *cli) putWorkflowMigrationPlan() *cobra.Command {
	return leaf(c, "workflowMigrationPlan", "Create a migration plan; all of it is asked for", cobra.NoArgs,
		func(r *request) (*lhpb.WorkflowMigrationPlan, error) {
			req, err := askMigrationPlan(newPrompter(r.cmd))
			if err != nil {
				return nil, err
			}
			return r.api.PutWorkflowMigrationPlan(r.ctx, req)
		})
}

func askMigrationPlan(p *prompter) (req *lhpb.PutWorkflowMigrationPlanRequest, err error) {
	req = &lhpb.PutWorkflowMigrationPlanRequest{OldWfSpec: &lhpb.WfSpecId{}}
	if req.Name, err = p.text("name"); err != nil {
		return nil, err
	}
	if req.OldWfSpec.Name, err = p.text("old WfSpec"); err != nil {
		return nil, err
	}
	for _, number := range []struct {
		prompt string
		into   *int32
	}{
		{"old major version", &req.OldWfSpec.MajorVersion},
		{"old revision", &req.OldWfSpec.Revision},
		{"new major version", &req.MajorVersion},
		{"new revision", &req.Revision},
	} {
		if *number.into, err = p.number(number.prompt); err != nil {
			return nil, err
		}
	}
	req.ThreadMigrations, err = askThreads(p)
	return req, err
}

// askThreads asks for threads until an empty line; there must be one at least.
func askThreads(p *prompter) (map[string]*lhpb.ThreadMigrationPlanRequest, error) {
	threads := map[string]*lhpb.ThreadMigrationPlanRequest{}
	for {
		var from string
		err := p.must("old thread", func(text string) error {
			if text == "" && len(threads) == 0 {
				return errors.New("a plan needs at least one thread")
			}
			from = text
			return nil
		})
		if err != nil || from == "" {
			return threads, err
		}
		plan := &lhpb.ThreadMigrationPlanRequest{}
		if plan.NewThreadName, err = p.text("new thread"); err != nil {
			return nil, err
		}
		if plan.NodeMigrations, err = askNodes(p); err != nil {
			return nil, err
		}
		threads[from] = plan
	}
}

func askNodes(p *prompter) (map[string]*lhpb.NodeMigrationPlan, error) {
	nodes := map[string]*lhpb.NodeMigrationPlan{}
	for {
		from, err := p.optional("old node")
		if err != nil || from == "" {
			return nodes, err
		}
		to, err := p.text("new node")
		if err != nil {
			return nil, err
		}
		nodes[from] = &lhpb.NodeMigrationPlan{NewNodeName: to}
	}
}

func (c *cli) apply() *cobra.Command {
	return group("apply", "Apply a migration plan",
		leaf(c, "workflowMigrationPlan <planName> <wfRunId>", "Migrate a WfRun by a plan; variables of its threads are asked for", cobra.ExactArgs(2),
			func(r *request) (*lhpb.WfRun, error) {
				values, err := askVariables(newPrompter(r.cmd))
				if err != nil {
					return nil, err
				}
				return r.api.ApplyWorkflowMigrationPlan(r.ctx, &lhpb.ApplyWorkflowMigrationPlanRequest{
					Id: &lhpb.WorkflowMigrationPlanId{Name: r.args[0]}, WfRunId: runID(r.args[1]), MigrationVarsByThread: values,
				})
			}))
}

// askVariables asks for threads, and for variables of each, until an empty line.
func askVariables(p *prompter) (map[string]*lhpb.MigrationVars, error) {
	threads := map[string]*lhpb.MigrationVars{}
	for {
		thread, err := p.optional("thread")
		if err != nil || thread == "" {
			return threads, err
		}
		vars := &lhpb.MigrationVars{VarAssignmentByVarName: map[string]*lhpb.VariableAssignment{}}
		for {
			name, err := p.optional("variable")
			if err != nil {
				return nil, err
			}
			if name == "" {
				break
			}
			value, err := askValue(p)
			if err != nil {
				return nil, err
			}
			vars.VarAssignmentByVarName[name] = &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_LiteralValue{LiteralValue: value}}
		}
		threads[thread] = vars
	}
}

func askValue(p *prompter) (value *lhpb.VariableValue, err error) {
	var of lhpb.VariableType
	err = p.must("type", func(text string) (err error) {
		of, err = enum[lhpb.VariableType](lhpb.VariableType_value, "variable type", text)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = p.must("value", func(text string) (err error) {
		value, err = parseValue(of, text)
		return err
	})
	return value, err
}
