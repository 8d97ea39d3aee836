package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
	"littlehorse/sdk/worker"
)

// What Variables were is told as far as it is certain: along loops and branches, by tasks, events and child threads. What a run was
// given and has written over is told if a task was given it, too.
//
// covers: dashboard C.7
func TestVariablesTellWhatTheyWere(t *testing.T) {
	s, stop := start(t)
	t.Cleanup(stop)
	c := connected(t, s)
	cfg := lh.DefaultConfig()
	if _, err := fmt.Sscanf(s.Addr("PLAIN"), "127.0.0.1:%d", &cfg.Port); err != nil {
		t.Fatal(err)
	}
	cfg.Host = "127.0.0.1"
	ctx := t.Context()
	client, err := lh.Dial(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	say := task.New1("say", func(_ context.Context, text string) (string, error) { return "said " + text, nil }, task.Params("text"))
	flow := wf.New("tell", func(t *wf.Thread) {
		seen := wf.Declare[string](t, "seen").Required()
		lost := wf.Declare[string](t, "lost").Required()
		count := wf.Declare[int64](t, "count").Default(int64(5))
		given := wf.Declare[int64](t, "given").Default(int64(5))
		said := wf.Declare[string](t, "said")
		secret := wf.Declare[string](t, "secret").Masked()
		t.While(count.Lt(7), func(t *wf.Thread) {
			said.Set(say.Do(t, seen))
			count.Set(count.Add(1))
			given.Set(given.Add(1))
		})
		secret.Set(said)
		t.If(count.Gt(100), func(_ *wf.Thread) { lost.Set("never") }).Else(func(_ *wf.Thread) { lost.Set("kept") })
		seen.Set("now this")
		child := t.Spawn("listen", func(t *wf.Thread) { said.Set(wf.Event[string](t, "told")) })
		t.WaitAll(child)
	})
	above := wf.New("above", func(t *wf.Thread) {
		shared := wf.Declare[int64](t, "shared").Default(int64(1)).Public()
		doubled := wf.Declare[int64](t, "doubled").Default(int64(0))
		beneathName := wf.Declare[string](t, "beneath").Default("beneath")
		shared.Set(shared.Add(1))
		doubled.Set(shared.Add(shared))
		wf.WaitChild[wf.None](t, t.RunChild(beneathName))
		doubled.Set(shared)
	})
	beneath := wf.New("beneath", func(t *wf.Thread) {
		wf.Declare[int64](t, "shared").Inherited().Set(int64(50))
	}, wf.Parent("above", 0))
	if err := client.Register(ctx, say, flow, above, beneath); err != nil {
		t.Fatal(err)
	}
	w := worker.New(client, worker.Logger(slog.New(slog.DiscardHandler)))
	w.Add(say)
	run, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(run) }()
	t.Cleanup(func() {
		end()
		<-ended
	})
	if _, err := client.Run(ctx, "tell", lh.Input{"seen": "Ana", "lost": "for good", "given": int64(40)}, lh.WithID("w")); err != nil {
		t.Fatal(err)
	}
	id := &lhpb.WfRunId{Id: "w"}
	must(c.PutExternalEvent(c.ctx, &lhpb.PutExternalEventRequest{WfRunId: id, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "told"}, Content: str("by an event")}))(c)
	within, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := client.Await(within, "w", lhpb.LHStatus_COMPLETED); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Run(ctx, "above", nil, lh.WithID("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Await(within, "a", lhpb.LHStatus_COMPLETED); err != nil {
		t.Fatal(err)
	}
	views := extra.NewViewServiceClient(c.conn)
	for name, want := range map[string]string{
		"shared":  `?; 50`, // another run has changed it: that it was 2 is known to nobody any more
		"doubled": `?; ?; 50`,
		"seen":    `Ana; now this`,
		"lost":    `?; kept`,
		"count":   `5; 6; 7`,
		"given":   `?; ?; 42`,
		"said":    `?; said Ana; said Ana; by an event by 1`,
		"secret":  `?; *****`,
	} {
		of := &lhpb.VariableId{WfRunId: id, Name: name}
		if name == "shared" || name == "doubled" {
			of.WfRunId = &lhpb.WfRunId{Id: "a"}
		}
		got := must(views.GetVariableHistory(c.ctx, &extra.GetVariableHistoryRequest{Id: of}))(c)
		var told []string
		for i, change := range got.Changes {
			text := "?"
			switch v := change.Value.GetValue().(type) {
			case *lhpb.VariableValue_Str:
				text = v.Str
			case *lhpb.VariableValue_Int:
				text = fmt.Sprint(v.Int)
			case nil:
				if change.Known {
					text = "null"
				}
			}
			if change.Thread != 0 {
				text += fmt.Sprint(" by ", change.Thread)
			}
			if (change.Position == nil) != (i == 0) || (change.Node == "") != (i == 0) || i > 0 && change.AtMs < got.Changes[i-1].AtMs {
				t.Errorf("%s: change %d is %v", name, i, change)
			}
			told = append(told, text)
		}
		if all := strings.Join(told, "; "); all != want || got.More {
			t.Errorf("%s was %s, not %s", name, all, want)
		}
	}

	long := strings.Repeat("Ana ", 300) // lies outside of the rows of the TaskRuns that it is given to
	if _, err := client.Run(ctx, "tell", lh.Input{"seen": long, "lost": "for good", "given": int64(40)}, lh.WithID("long")); err != nil {
		t.Fatal(err)
	}
	id = &lhpb.WfRunId{Id: "long"}
	must(c.PutExternalEvent(c.ctx, &lhpb.PutExternalEventRequest{WfRunId: id, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "told"}, Content: str("by an event")}))(c)
	if _, err := client.Await(within, "long", lhpb.LHStatus_COMPLETED); err != nil {
		t.Fatal(err)
	}
	got := must(views.GetVariableHistory(c.ctx, &extra.GetVariableHistoryRequest{Id: &lhpb.VariableId{WfRunId: id, Name: "seen"}}))(c)
	if len(got.Changes) != 2 || !got.Changes[0].Known || got.Changes[0].Value.GetStr() != long {
		t.Errorf("a long text was %v", got.Changes)
	}
}
