// Package fleet lets several processes of ssebench measure the same. The last of them starts
// the others, which are told and tell by lines of JSON, on their standard input and output.
package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// order is what the last process tells the others.
type order struct {
	Published uint64
	Stop      bool // as soon as possible
	Over      bool // no step follows
}

// report is what they tell it: one of these.
type report struct {
	Step   bool
	Sample *result.Sample
	Result *result.Result
	Part   *load.Part // with the result
}

// Fleet is the scenario.Crew of the last process.
type Fleet struct {
	cancel context.CancelFunc
	others []*other
}

// other is another process.
type other struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	steps chan struct{}
	ended chan struct{} // closed when it has ended: what follows is fixed then
	end   report
	err   error // nil: it has not failed, or that was returned

	mu     sync.Mutex // guards sample
	sample result.Sample
}

// mostSteps is more than there are steps in a scenario.
const mostSteps = 16

// killed is how long a process has to end when it is to stop.
const killed = 10 * time.Second

// Start starts n-1 more processes of this program, of which args makes the arguments. These are
// to Join. The context ends when one of them fails before it has a result.
func Start(ctx context.Context, n int, args func(process int) []string) (context.Context, *Fleet, error) {
	f := &Fleet{}
	ctx, f.cancel = context.WithCancel(ctx)
	for i := 1; i < n; i++ {
		o, err := f.start(fmt.Sprintf("process %d of %d", i, n), args(i))
		if err != nil {
			f.Close()
			return nil, nil, err
		}
		f.others = append(f.others, o)
	}
	return ctx, f, nil
}

func (f *Fleet) start(name string, args []string) (*other, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	o := &other{cmd: exec.Command(self, args...), steps: make(chan struct{}, mostSteps), ended: make(chan struct{})}
	said := &bytes.Buffer{}
	o.cmd.Stderr = said
	out, err := o.cmd.StdoutPipe()
	if err == nil {
		o.in, err = o.cmd.StdinPipe()
	}
	if err == nil {
		err = o.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(o.ended)
		o.listen(json.NewDecoder(out))
		if err := o.cmd.Wait(); err != nil || o.end.Result == nil {
			o.err = fmt.Errorf("%s has failed (%v): %s", name, o.cmd.ProcessState, strings.TrimPrefix(strings.TrimSpace(said.String()), "ssebench: "))
		}
		if o.end.Result == nil {
			f.cancel()
		}
	}()
	return o, nil
}

// listen takes what the process tells until it ends.
func (o *other) listen(from *json.Decoder) {
	for {
		var v report
		if from.Decode(&v) != nil {
			return
		}
		switch {
		case v.Step:
			o.steps <- struct{}{}
		case v.Result != nil:
			o.end = v
		case v.Sample != nil:
			o.mu.Lock()
			o.sample = *v.Sample
			o.mu.Unlock()
		}
	}
}

// failure is the error of a process that has ended, the first time.
func (o *other) failure() error {
	err := o.err
	o.err = nil
	return err
}

// tell tells all others. Those that have ended do not hear it.
func (f *Fleet) tell(v order) {
	line, _ := json.Marshal(v) // never fails
	for _, o := range f.others {
		_, _ = o.in.Write(append(line, '\n'))
	}
}

// Step is scenario.Crew's.
func (f *Fleet) Step(ctx context.Context, published uint64) (uint64, error) {
	for _, o := range f.others {
		select {
		case <-o.steps:
		case <-ctx.Done():
		case <-o.ended:
			if err := o.failure(); err != nil {
				return published, err
			}
		}
	}
	f.tell(order{Published: published, Stop: ctx.Err() != nil})
	return published, nil
}

// Seen is scenario.Crew's: it adds the newest samples of the others.
func (f *Fleet) Seen(v result.Sample) result.Sample {
	for _, o := range f.others {
		o.mu.Lock()
		v = v.Add(o.sample)
		o.mu.Unlock()
	}
	return v
}

// Sum is scenario.Crew's. It waits until all others have ended.
func (f *Fleet) Sum(ctx context.Context, own *result.Result, part load.Part) (*result.Result, []load.Part, error) {
	f.tell(order{Published: own.Published, Over: true, Stop: ctx.Err() != nil})
	defer context.AfterFunc(ctx, func() {
		f.tell(order{Published: own.Published, Stop: true})
		time.AfterFunc(killed, f.kill)
	})()
	all, parts := []*result.Result{own}, []load.Part{part}
	var failed error
	for _, o := range f.others {
		<-o.ended
		if o.end.Result != nil {
			all, parts = append(all, o.end.Result), append(parts, *o.end.Part)
		}
		if failed == nil {
			failed = o.failure()
		}
	}
	r, err := result.Merge(all...)
	if err != nil {
		return own, nil, errors.Join(failed, err)
	}
	return r, parts, failed
}

func (f *Fleet) kill() {
	for _, o := range f.others {
		_ = o.cmd.Process.Kill()
	}
}

// Close ends the other processes.
func (f *Fleet) Close() {
	f.cancel()
	for _, o := range f.others {
		_ = o.in.Close()
	}
	defer time.AfterFunc(killed, f.kill).Stop()
	for _, o := range f.others {
		<-o.ended
	}
}
