package ctl

import (
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// many is a command that does something to the WfRuns of a WfSpec, by a bulk job.
func (c *cli) many(short string, action extra.BulkRunAction) *cobra.Command {
	var from, to, id string
	var having where
	cmd := leaf(c, "wfRunBulk <wfSpecName>", short, cobra.ExactArgs(1),
		func(r *request) (*extra.BulkRunJob, error) {
			earliest, err := r.time("from", from)
			if err != nil {
				return nil, err
			}
			latest, err := r.time("to", to)
			if err != nil {
				return nil, err
			}
			filters, err := having.matches(r, r.args[0], nil, nil)
			if err != nil {
				return nil, err
			}
			return r.createBulkRunJob(&extra.CreateBulkRunJobRequest{
				Id: given(r, "id", id), Action: action, WfSpecName: r.args[0], EarliestStart: earliest, LatestStart: latest, VariableFilters: filters,
			})
		})
	having.flag(cmd)
	cmd.Flags().StringVar(&from, "from", "", "only WfRuns that began then or later, RFC 3339 or milliseconds since 1970")
	cmd.Flags().StringVar(&to, "to", "", "only WfRuns that began before then, likewise; without it before now")
	cmd.Flags().StringVar(&id, "id", "", "id of the bulk job; the server makes one up if it is missing")
	return cmd
}

func (r *request) createBulkRunJob(req *extra.CreateBulkRunJobRequest) (*extra.BulkRunJob, error) {
	answer, err := r.bulk.CreateBulkRunJob(r.ctx, req)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(r.cmd.ErrOrStderr(), "The job goes on in the background; follow it with: %s get bulkRunJob %s\n",
		r.cmd.Root().Name(), answer.GetJob().GetJob().GetId().GetId())
	return answer.GetJob(), nil
}

// time is that of a flag; nil if it is not set.
func (r *request) time(flag, text string) (*timestamppb.Timestamp, error) {
	if !r.changed(flag) {
		return nil, nil
	}
	at, err := parseTime(text)
	if err != nil {
		return nil, fmt.Errorf("--%s %q: %w", flag, text, err)
	}
	return timestamppb.New(at), nil
}

func (c *cli) getBulkRunJob() *cobra.Command {
	return leaf(c, "bulkRunJob <id>", "Print what a bulk job does to which WfRuns, and to how many it has done it", cobra.ExactArgs(1),
		func(r *request) (*extra.BulkRunJob, error) {
			answer, err := r.bulk.GetBulkRunJob(r.ctx, &extra.GetBulkRunJobRequest{Id: &lhpb.BulkJobId{Id: r.args[0]}})
			return answer.GetJob(), err
		})
}

func (c *cli) cancelBulkJob() *cobra.Command {
	return leaf(c, "bulkJob <id>", "End a bulk job; what it has done stays done", cobra.ExactArgs(1),
		func(r *request) (*extra.BulkRunJob, error) {
			answer, err := r.bulk.CancelBulkRunJob(r.ctx, &extra.CancelBulkRunJobRequest{Id: &lhpb.BulkJobId{Id: r.args[0]}})
			return answer.GetJob(), err
		})
}
