package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

// searchSettings are the knobs of a measurement of searches.
type searchSettings struct {
	Count    int    `json:"wfRuns"`
	Values   int    `json:"values"`
	Searches int    `json:"searches"`
	Pages    int    `json:"pages"`
	Limit    int32  `json:"limit"`
	WfSpec   string `json:"wfSpec"`
	Fillers  int    `json:"fillers"`
	// Definitions are WfSpecs beside it that use one TaskDef.
	Definitions int    `json:"definitions,omitempty"`
	Kinds       string `json:"kinds,omitempty"`
}

func (s searchSettings) validate() error {
	switch {
	case s.Count < 1 || s.Values < 1 || s.Fillers < 1:
		return errors.New("--count, --values and --fillers must be at least 1")
	case s.Definitions < 0:
		return errors.New("--definitions must be at least 0")
	case s.Searches < 1 || s.Pages < edges:
		return fmt.Errorf("--searches must be at least 1 and --pages at least %d", edges)
	case s.Limit < 1:
		return errors.New("--limit must be at least 1")
	case len((&searchWork{searchSettings: s}).kinds()) == 0:
		return fmt.Errorf("--kinds: no kind of search begins with %q", s.Kinds)
	}
	return nil
}

// edges is what part of a walk counts as its beginning, and as its end: one in so many pages.
const edges = 20

// searchResult is the line that is printed.
type searchResult struct {
	Scenario string         `json:"scenario"`
	Label    string         `json:"label,omitempty"`
	At       time.Time      `json:"at"`
	Settings searchSettings `json:"settings"`
	Fill     struct {
		Seconds   float64 `json:"seconds"`
		PerSecond float64 `json:"wfRunsPerSecond"`
	} `json:"fill"`
	// First is how long the first page of each kind of search takes.
	First map[string]latency `json:"firstPageMs"`
	// Walk is a search read from its first page to its last.
	Walk struct {
		Pages   int     `json:"pages"`
		WfRuns  int     `json:"wfRuns"`
		Begin   latency `json:"beginMs"`
		End     latency `json:"endMs"`
		Seconds float64 `json:"seconds"`
	} `json:"walk"`
	Beside *result `json:"beside"`
}

func searchCommand() *cobra.Command {
	s, q := settings{}, searchSettings{}
	cmd := &cobra.Command{
		Use: "search", Short: "Searches in a full store beside an ordinary load", Args: cobra.NoArgs,
		Long: "Fill the store with --count WfRuns, put on an ordinary load of WfRuns of sequential tasks at a fixed rate, and\n" +
			"search beside it, one search after the other: first pages by status, by variable and by range of time, what the\n" +
			"pages of the dashboard read, and then one search from its first page to its last. Prints one line of JSON. The line names the WfSpec that was filled;\n" +
			"give it as --wf-spec to measure again without filling.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(s.validate(), q.validate()); err != nil {
				return err
			}
			cmd.SilenceUsage = true
			return measureSearch(cmd.Context(), s, q, cmd.OutOrStdout())
		},
	}
	loadFlags(cmd, &s)
	f := cmd.Flags()
	f.Float64Var(&s.Rate, "rate", 100, "WfRuns of the ordinary load to start a second")
	f.IntVar(&q.Count, "count", 1_000_000, "WfRuns to fill the store with")
	f.IntVar(&q.Values, "values", 1000, "values of their variable")
	f.IntVar(&q.Fillers, "fillers", 256, "calls in flight while the store is filled")
	f.IntVar(&q.Searches, "searches", 500, "first pages to read of each kind")
	f.IntVar(&q.Pages, "pages", 100_000, "pages to read at most from first to last")
	f.Int32Var(&q.Limit, "limit", 100, "results of a page")
	f.IntVar(&q.Definitions, "definitions", 0, "WfSpecs to fill the store with of which it is asked what they use (usages)")
	f.StringVar(&q.Kinds, "kinds", "", "`prefix` of the kinds of search to measure; view are those of the dashboard")
	f.StringVar(&q.WfSpec, "wf-spec", "", "`name` of a WfSpec that an earlier measurement filled")
	return cmd
}

// measureSearch fills the store, unless that was done before, and searches beside the load.
func measureSearch(ctx context.Context, s settings, q searchSettings, out io.Writer) error {
	cfg, err := configured(&s)
	if err != nil {
		return err
	}
	client, err := lh.Dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	r := &searchResult{Scenario: "search", Label: s.Label, At: time.Now().UTC().Truncate(time.Second)}
	if q.WfSpec == "" {
		q.WfSpec = "search-" + string(lh.NewRunID())[:12]
		began := time.Now()
		if err := fill(ctx, client, q); err != nil {
			return fmt.Errorf("fill: %w", err)
		}
		seconds := time.Since(began).Seconds()
		r.Fill.Seconds, r.Fill.PerSecond = round(seconds, 2), round(float64(q.Count)/seconds, 1)
	}
	r.Settings = q
	w := &searchWork{searchSettings: q, rpc: client.RPC(), views: extra.NewViewServiceClient(client.Conn())}
	if err := w.span(ctx); err != nil {
		return err
	}
	r.Beside, err = beside(ctx, s, cfg, "search", func() error { return w.measure(ctx, r) })
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

// searched is the variable of the WfRuns that fill the store.
const searched = "customer"

// fill starts WfRuns that end at once.
func fill(ctx context.Context, client *lh.Client, q searchSettings) error {
	spec := wf.New(q.WfSpec, func(t *wf.Thread) { wf.Declare[string](t, searched).Required().Searchable() })
	if err := client.Register(ctx, spec); err != nil {
		return err
	}
	if err := define(ctx, client, q); err != nil {
		return err
	}
	return each(ctx, q.Count, q.Fillers, func(ctx context.Context, n int64) error { return startFilling(ctx, client.RPC(), q, n) })
}

// define puts WfSpecs that use one TaskDef.
func define(ctx context.Context, client *lh.Client, q searchSettings) error {
	if q.Definitions == 0 {
		return nil
	}
	used := task.New1(q.WfSpec, func(context.Context, string) (string, error) { return "", nil }, task.Params("customer"))
	if err := client.Register(ctx, used); err != nil {
		return err
	}
	for n := range q.Definitions {
		err := client.Register(ctx, wf.New(numbered(q.WfSpec+"-user", int64(n)), func(t *wf.Thread) {
			used.Do(t, wf.Declare[string](t, searched).Required())
		}))
		if err != nil {
			return err
		}
	}
	return nil
}

// startFilling starts WfRun n.
func startFilling(ctx context.Context, rpc lhpb.LittleHorseClient, q searchSettings, n int64) error {
	id := numbered(q.WfSpec, n)
	return insist(ctx, rpc, &lhpb.RunWfRequest{
		WfSpecName: q.WfSpec, Id: &id,
		Variables: map[string]*lhpb.VariableValue{searched: customer(int(n) % q.Values)},
	})
}

func customer(n int) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: "customer-" + strconv.Itoa(n)}}
}

// searchWork is the searches of one measurement.
type searchWork struct {
	searchSettings
	rpc         lhpb.LittleHorseClient
	views       extra.ViewServiceClient
	first, last time.Time // when the first and the last WfRun of the filled store were started
}

// span finds out between which moments the store was filled.
func (w *searchWork) span(ctx context.Context) error {
	for n, at := range map[int]*time.Time{1: &w.first, w.Count: &w.last} {
		r, err := w.rpc.GetWfRun(ctx, &lhpb.WfRunId{Id: w.WfSpec + "-" + strconv.Itoa(n)})
		if err != nil {
			return fmt.Errorf("WfRun %d of %s: %w", n, w.WfSpec, err)
		}
		*at = r.StartTime.AsTime()
	}
	return nil
}

// measure reads first pages, kind after kind in turn so that all meet the same weather, and then walks.
func (w *searchWork) measure(ctx context.Context, r *searchResult) error {
	kinds := w.kinds()
	took := make([]*histogram, len(kinds))
	for i := range kinds {
		took[i] = newHistogram()
	}
	for range w.Searches {
		for i, k := range kinds {
			began := time.Now()
			if err := k.search(ctx); err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
			took[i].record(0, time.Since(began))
		}
	}
	r.First = map[string]latency{}
	for i, k := range kinds {
		r.First[k.name] = took[i].latency()
	}
	return w.walk(ctx, r)
}

type searchKind struct {
	name   string
	search func(context.Context) error
}

// kinds are those that are to be measured.
func (w *searchWork) kinds() []searchKind {
	all := append(w.searches(), w.ofPages()...)
	if w.Definitions > 0 {
		all = append(all, searchKind{"usages", w.usages(w.WfSpec)}, searchKind{"usagesOfNone", w.usages(w.WfSpec + "-unused")})
	}
	return slices.DeleteFunc(all, func(k searchKind) bool { return !strings.HasPrefix(k.name, w.Kinds) })
}

// ofPages are what the pages of the dashboard read.
func (w *searchWork) ofPages() []searchKind {
	rows := func(req func() *extra.SearchWfRunViewRequest) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := w.views.SearchWfRunView(ctx, req())
			return err
		}
	}
	return []searchKind{
		{"viewOfAll", rows(func() *extra.SearchWfRunViewRequest { return &extra.SearchWfRunViewRequest{} })},
		{"viewOfFailed", rows(func() *extra.SearchWfRunViewRequest {
			return &extra.SearchWfRunViewRequest{Statuses: []lhpb.LHStatus{lhpb.LHStatus_ERROR}}
		})},
		{"viewByVariable", rows(func() *extra.SearchWfRunViewRequest {
			return &extra.SearchWfRunViewRequest{WfSpecName: w.WfSpec, VariableFilters: filter(rand.IntN(w.Values)), Variables: []string{searched}}
		})},
		{"viewOfTime", rows(func() *extra.SearchWfRunViewRequest {
			from, to := w.within()
			return &extra.SearchWfRunViewRequest{WfSpecName: w.WfSpec, EarliestStart: from, LatestStart: to}
		})},
		{"viewOfHeat", func(ctx context.Context) error {
			_, err := w.views.GetWfSpecHeat(ctx, &extra.GetWfSpecHeatRequest{WfSpecId: &lhpb.WfSpecId{Name: w.WfSpec}})
			return err
		}},
		{"viewOfRun", func(ctx context.Context) error {
			id := numbered(w.WfSpec, 1+rand.Int64N(int64(w.Count)))
			_, err := w.views.GetWfRunView(ctx, &extra.GetWfRunViewRequest{WfRunId: &lhpb.WfRunId{Id: id}, WithWfSpec: true})
			return err
		}},
	}
}

// usages finds out who uses a TaskDef.
func (w *searchWork) usages(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := w.views.SearchUsages(ctx, &extra.SearchUsagesRequest{
			Of: &extra.SearchUsagesRequest_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: name}}, Limit: &w.Limit,
		})
		return err
	}
}

func (w *searchWork) searches() []searchKind {
	wfRuns := func(req func() *lhpb.SearchWfRunRequest) func(context.Context) error {
		return func(ctx context.Context) error {
			r := req()
			r.Limit = &w.Limit
			_, err := w.rpc.SearchWfRun(ctx, r)
			return err
		}
	}
	completed := lhpb.LHStatus_COMPLETED.Enum()
	return []searchKind{
		{"nameAndStatus", wfRuns(func() *lhpb.SearchWfRunRequest {
			return &lhpb.SearchWfRunRequest{WfSpecName: w.WfSpec, Status: completed}
		})},
		{"status", wfRuns(func() *lhpb.SearchWfRunRequest { return &lhpb.SearchWfRunRequest{Status: completed} })},
		{"statusRunning", wfRuns(func() *lhpb.SearchWfRunRequest {
			return &lhpb.SearchWfRunRequest{Status: lhpb.LHStatus_RUNNING.Enum()}
		})},
		{"name", wfRuns(func() *lhpb.SearchWfRunRequest { return &lhpb.SearchWfRunRequest{WfSpecName: w.WfSpec} })},
		{"time", wfRuns(func() *lhpb.SearchWfRunRequest {
			from, to := w.within()
			return &lhpb.SearchWfRunRequest{EarliestStart: from, LatestStart: to}
		})},
		{"nameStatusAndTime", wfRuns(func() *lhpb.SearchWfRunRequest {
			from, to := w.within()
			return &lhpb.SearchWfRunRequest{WfSpecName: w.WfSpec, Status: completed, EarliestStart: from, LatestStart: to}
		})},
		{"variableFilter", wfRuns(func() *lhpb.SearchWfRunRequest {
			return &lhpb.SearchWfRunRequest{WfSpecName: w.WfSpec, VariableFilters: filter(rand.IntN(w.Values))}
		})},
		{"variableFilterAndStatus", wfRuns(func() *lhpb.SearchWfRunRequest {
			return &lhpb.SearchWfRunRequest{WfSpecName: w.WfSpec, Status: completed, VariableFilters: filter(rand.IntN(w.Values))}
		})},
		{"variableFilterOfNone", wfRuns(func() *lhpb.SearchWfRunRequest {
			return &lhpb.SearchWfRunRequest{WfSpecName: w.WfSpec, VariableFilters: filter(w.Values)}
		})},
		{"variable", func(ctx context.Context) error {
			_, err := w.rpc.SearchVariable(ctx, &lhpb.SearchVariableRequest{
				WfSpecName: w.WfSpec, VarName: searched, Value: customer(rand.IntN(w.Values)), Limit: &w.Limit,
			})
			return err
		}},
	}
}

func filter(n int) []*lhpb.VariableMatch {
	return []*lhpb.VariableMatch{{VarName: searched, Value: customer(n)}}
}

// within is a range of a hundredth of the time in which the store was filled, somewhere in it.
func (w *searchWork) within() (from, to *timestamppb.Timestamp) {
	whole := w.last.Sub(w.first)
	at := w.first.Add(time.Duration(rand.Float64() * 0.99 * float64(whole)))
	return timestamppb.New(at), timestamppb.New(at.Add(whole / 100))
}

// walk reads all WfRuns of the filled store, page by page, and compares its beginning with its end.
func (w *searchWork) walk(ctx context.Context, r *searchResult) error {
	req := &lhpb.SearchWfRunRequest{WfSpecName: w.WfSpec, Status: lhpb.LHStatus_COMPLETED.Enum(), Limit: &w.Limit}
	var took []time.Duration
	began := time.Now()
	for len(took) < w.Pages {
		asked := time.Now()
		page, err := w.rpc.SearchWfRun(ctx, req)
		if err != nil {
			return fmt.Errorf("page %d: %w", len(took)+1, err)
		}
		took = append(took, time.Since(asked))
		r.Walk.WfRuns += len(page.Results)
		if req.Bookmark = page.Bookmark; req.Bookmark == nil {
			break
		}
	}
	r.Walk.Pages, r.Walk.Seconds = len(took), round(time.Since(began).Seconds(), 2)
	edge := (len(took) + edges - 1) / edges
	r.Walk.Begin, r.Walk.End = latencyOf(took[:edge]), latencyOf(took[len(took)-edge:])
	return nil
}

func latencyOf(all []time.Duration) latency {
	h := newHistogram()
	for _, d := range all {
		h.record(0, d)
	}
	return h.latency()
}
