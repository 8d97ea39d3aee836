package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/worker"
)

// MaxRate is how many WfRuns may begin in a second.
const MaxRate = 20

// Options of a demo.
type Options struct {
	// Client of the server that is to be filled.
	Client *lh.Client
	// Rate is how many WfRuns begin in a second once the first ones are there. With 0 none does, nor do events happen.
	Rate float64
	// Seed decides who buys what.
	Seed uint64
	// Ready is told when the first runs are where they shall be; nil if nobody wants to know.
	Ready func()
	// Log of what goes wrong.
	Log *slog.Logger
}

// trade is one line of business.
type trade interface {
	// before are versions of definitions that were replaced.
	before() []lh.Definition
	definitions() []lh.Definition
	tasks() []task.Task
	// open begins the runs that are there from the beginning, and waits until they are where they shall be.
	open(ctx context.Context, d *day) error
	// next is one more thing that happens on an ordinary day.
	next(ctx context.Context, d *day) error
}

// day is what the trades share while they work.
type day struct {
	*lh.Client
	random *rand.Rand
}

// Run works until ctx ends, and ends its workers then.
func Run(ctx context.Context, o Options) error {
	if o.Rate < 0 || o.Rate > MaxRate {
		return fmt.Errorf("the rate is from 0 to %d WfRuns in a second", MaxRate)
	}
	d := &day{Client: o.Client, random: rand.New(rand.NewPCG(o.Seed, o.Seed))}
	trades := []trade{newShop(), newFactory(), newOffice(), newBilling(), newTravel(), newReports(), administration{}}
	fresh, err := isFresh(ctx, d)
	if err != nil {
		return ended(ctx, err)
	}
	if err := register(ctx, d, trades, fresh); err != nil {
		if fresh || ctx.Err() != nil {
			return ended(ctx, err)
		}
		// What is there can be looked at, whatever its owner has done with it.
		o.Log.Warn("demo: definitions stay as they are", "err", err)
	}
	w := worker.New(o.Client, worker.Logger(slog.New(slog.DiscardHandler)))
	for _, t := range trades {
		w.Add(t.tasks()...)
	}
	working, stop := context.WithCancel(ctx)
	drained := make(chan error, 1)
	go func() { drained <- w.Run(working) }()
	err = business(ctx, d, trades, fresh, o)
	stop()
	return errors.Join(ended(ctx, err), <-drained)
}

// ended takes what a call met because it was told to end for no error.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// isFresh tells that nobody has worked on the server's folder before.
func isFresh(ctx context.Context, d *day) (bool, error) {
	_, err := d.RPC().GetLatestWfSpec(ctx, &lhpb.GetLatestWfSpecRequest{Name: "order"})
	if errors.Is(err, lh.ErrNotFound) {
		return true, nil
	}
	return false, err
}

// register puts all definitions. A folder that is not fresh keeps its versions.
func register(ctx context.Context, d *day, trades []trade, fresh bool) error {
	for _, t := range trades {
		if fresh {
			if err := d.Register(ctx, t.before()...); err != nil {
				return err
			}
		}
		if err := d.Register(ctx, t.definitions()...); err != nil {
			return err
		}
	}
	return nil
}

// business opens the trades and goes on at the rate until ctx ends.
func business(ctx context.Context, d *day, trades []trade, fresh bool, o Options) error {
	if fresh {
		for _, t := range trades {
			if err := t.open(ctx, d); err != nil {
				return err
			}
		}
	}
	if o.Ready != nil {
		o.Ready()
	}
	if o.Rate == 0 {
		<-ctx.Done()
		return nil
	}
	beat := time.NewTicker(time.Duration(float64(time.Second) / o.Rate))
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
		}
		t := trades[d.random.IntN(len(trades))]
		if err := t.next(ctx, d); err != nil && ctx.Err() == nil {
			o.Log.Warn("demo: what was to happen next did not", "err", err)
		}
	}
}

// begin starts a WfRun, unless it is there.
func (d *day) begin(ctx context.Context, spec, id string, in lh.Input, options ...lh.RunOption) error {
	_, err := d.Client.Run(ctx, spec, in, append(options, lh.WithID(id))...)
	if errors.Is(err, lh.ErrAlreadyExists) {
		return nil
	}
	return err
}

// fails waits until a run has failed.
func (d *day) fails(ctx context.Context, id lh.RunID) error {
	run, err := d.Await(ctx, id)
	if err != nil {
		return err
	}
	if run.Status != lhpb.LHStatus_ERROR && run.Status != lhpb.LHStatus_EXCEPTION {
		return fmt.Errorf("the WfRun %s is %v", id, run.Status)
	}
	return nil
}

// reaches waits until a run has a NodeRun that check accepts.
func (d *day) reaches(ctx context.Context, id lh.RunID, check func(*lhpb.NodeRun) bool) error {
	for {
		nodes, err := d.RPC().ListNodeRuns(ctx, &lhpb.ListNodeRunsRequest{WfRunId: id.Proto()})
		if err != nil {
			return err
		}
		for _, n := range nodes.Results {
			if check(n) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// name is that of something new.
func (d *day) name(kind string) string {
	return fmt.Sprintf("%s-%s", kind, lh.NewRunID()[:8])
}

// one of several.
func one[T any](d *day, of []T) T { return of[d.random.IntN(len(of))] }

// unless takes an answer that was to be expected for no error.
func unless(code codes.Code, err error) error {
	var told *lh.Error
	if errors.As(err, &told) && told.Code() == code {
		return nil
	}
	return err
}

var people = []string{
	"Ana Duarte", "Bo Lindqvist", "Chidi Okafor", "Dana Petrova", "Emre Yıldız", "Fatima Zahra", "Goro Tanaka", "Hana Novák",
	"Ines Moreau", "Jonas Weber", "Kavya Rao", "Liam O'Brien",
}
