package lhtest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"littlehorse/internal/machine"
	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
)

// Coverage is which nodes, edges and handlers of WfSpecs have been used. Servers of several tests may share one, at the same
// time. Two edges between the same nodes count as one: what a WfRun has gone by does not tell them apart.
type Coverage struct {
	mu    sync.Mutex
	specs map[specID]*lhpb.WfSpec
	nodes map[inSpec]map[string]bool    // by thread: names of the nodes that were come to
	edges map[inSpec]map[[2]string]bool // by thread: from and to
	walks map[walk]map[int32]string     // names of the nodes by position
}

type specID struct {
	name            string
	major, revision int32
}

// inSpec is a thread of a WfSpec.
type inSpec struct {
	spec   specID
	thread string
}

// walk is one ThreadRun. Servers give the same ids.
type walk struct {
	server *Server
	run    lh.RunID
	thread int32
}

// NewCoverage is empty.
func NewCoverage() *Coverage {
	return &Coverage{
		specs: map[specID]*lhpb.WfSpec{}, nodes: map[inSpec]map[string]bool{}, edges: map[inSpec]map[[2]string]bool{},
		walks: map[walk]map[int32]string{},
	}
}

// Coverage is that of the server so far.
func (s *Server) Coverage() *Coverage {
	s.t.Helper()
	s.Settle()
	s.cover()
	return s.options.Coverage
}

// cover reads what commits do not tell: WfSpecs, and on a running server the NodeRuns.
func (s *Server) cover() {
	s.t.Helper()
	for _, r := range s.seen {
		s.options.Coverage.visited(s, r.nodeRuns())
	}
	s.options.Coverage.learn(s.client)
}

// committed takes in the NodeRuns of a commit.
func (c *Coverage) committed(by *Server, changes []machine.Change) {
	var nodes []*lhpb.NodeRun
	for _, change := range changes {
		if n, is := change.Value.(*lhpb.NodeRun); is {
			nodes = append(nodes, n)
		}
	}
	c.visited(by, nodes)
}

func (c *Coverage) visited(by *Server, nodes []*lhpb.NodeRun) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range nodes {
		c.visit(by, n)
	}
}

func (c *Coverage) visit(by *Server, n *lhpb.NodeRun) {
	id := n.GetWfSpecId()
	in := inSpec{specID{id.GetName(), id.GetMajorVersion(), id.GetRevision()}, n.ThreadSpecName}
	w := walk{by, lh.RunIDOf(n.Id.WfRunId), n.Id.ThreadRunNumber}
	if c.nodes[in] == nil {
		c.nodes[in], c.edges[in] = map[string]bool{}, map[[2]string]bool{}
	}
	if c.walks[w] == nil {
		c.walks[w] = map[int32]string{}
	}
	if _, known := c.specs[in.spec]; !known {
		c.specs[in.spec] = nil
	}
	c.nodes[in][n.NodeName] = true
	c.walks[w][n.Id.Position] = n.NodeName
	for _, position := range []int32{n.Id.Position, n.Id.Position + 1} { // they may come in any order
		from, to := c.walks[w][position-1], c.walks[w][position]
		if from != "" && to != "" {
			c.edges[in][[2]string{from, to}] = true
		}
	}
}

// learn reads the WfSpecs that were used and are not known.
func (c *Coverage) learn(client *lh.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, id := range c.unknown() {
		spec, err := client.RPC().GetWfSpec(ctx, &lhpb.WfSpecId{Name: id.name, MajorVersion: id.major, Revision: id.revision})
		if err != nil {
			continue // it was deleted
		}
		c.mu.Lock()
		c.specs[id] = spec
		c.mu.Unlock()
	}
}

func (c *Coverage) unknown() (ids []specID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, spec := range c.specs {
		if spec == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// tally is what there is of one kind in a WfSpec, and what of it was not used.
type tally struct {
	all    int
	missed []string
}

func (t *tally) count(used bool, format string, args ...any) {
	t.all++
	if !used {
		t.missed = append(t.missed, fmt.Sprintf(format, args...))
	}
}

func (t *tally) String() string { return fmt.Sprintf("%d of %d", t.all-len(t.missed), t.all) }

// covered is what one WfSpec has, and what of it was not used.
type covered struct {
	id                     specID
	nodes, edges, handlers tally
}

func (c *Coverage) of(spec *lhpb.WfSpec) *covered {
	id := specID{spec.Id.Name, spec.Id.MajorVersion, spec.Id.Revision}
	out := &covered{id: id}
	for _, thread := range slices.Sorted(maps.Keys(spec.ThreadSpecs)) {
		in := inSpec{id, thread}
		def := spec.ThreadSpecs[thread]
		for _, name := range slices.SortedFunc(maps.Keys(def.Nodes), byNumber) {
			node := def.Nodes[name]
			out.nodes.count(c.nodes[in][name], "node %s/%s", thread, name)
			seen := map[string]bool{}
			for _, e := range node.OutgoingEdges {
				if !seen[e.SinkNodeName] {
					seen[e.SinkNodeName] = true
					out.edges.count(c.edges[in][[2]string{name, e.SinkNodeName}], "edge %s/%s -> %s", thread, name, e.SinkNodeName)
				}
			}
			for _, h := range slices.Concat(node.FailureHandlers, node.GetWaitForThreads().GetPerThreadFailureHandlers()) {
				out.handlers.count(c.ran(id, h.HandlerSpecName), "handler %s of %s/%s", h.HandlerSpecName, thread, name)
			}
		}
		for _, i := range def.InterruptDefs {
			out.handlers.count(c.ran(id, i.HandlerSpecName), "handler %s of interrupts of %s", i.HandlerSpecName, thread)
		}
	}
	return out
}

func (c *Coverage) ran(id specID, thread string) bool { return len(c.nodes[inSpec{id, thread}]) > 0 }

// byNumber orders "10-b-TASK" behind "2-a-TASK".
func byNumber(a, b string) int {
	number := func(name string) (n int) {
		_, _ = fmt.Sscanf(name, "%d-", &n) // 0 for names that were given by hand
		return n
	}
	return cmp.Or(cmp.Compare(number(a), number(b)), strings.Compare(a, b))
}

func (c *Coverage) all() []*covered {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []*covered
	for _, spec := range c.specs {
		if spec != nil {
			out = append(out, c.of(spec))
		}
	}
	slices.SortFunc(out, func(a, b *covered) int {
		return cmp.Or(strings.Compare(a.id.name, b.id.name), cmp.Compare(a.id.major, b.id.major), cmp.Compare(a.id.revision, b.id.revision))
	})
	return out
}

// Report writes how much of each WfSpec that was run has been used, and what has not.
func (c *Coverage) Report(w io.Writer) error {
	var b strings.Builder
	for _, s := range c.all() {
		fmt.Fprintf(&b, "WfSpec %s %d.%d: nodes %s, edges %s, handlers %s\n", s.id.name, s.id.major, s.id.revision, &s.nodes, &s.edges, &s.handlers)
		for _, missed := range s.missed() {
			fmt.Fprintf(&b, "  not used: %s\n", missed)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s *covered) missed() []string {
	return slices.Concat(s.nodes.missed, s.edges.missed, s.handlers.missed)
}

// Complete asserts that every node, edge and handler of the WfSpecs of these names has been used, but for those that are
// named in except as the report names them.
func (c *Coverage) Complete(t testing.TB, wfSpecs []string, except ...string) {
	t.Helper()
	all := c.all()
	for _, name := range wfSpecs {
		i := slices.IndexFunc(all, func(s *covered) bool { return s.id.name == name })
		if i < 0 {
			t.Errorf("lhtest: WfSpec %s was not run", name)
			continue
		}
		for _, missed := range all[i].missed() {
			if !slices.Contains(except, missed) {
				t.Errorf("lhtest: WfSpec %s: not used: %s", name, missed)
			}
		}
	}
}
