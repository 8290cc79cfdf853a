package main

import (
	"context"
	"fmt"
	"io"

	"github.com/fastsse/fastsse/bench/internal/launch"
)

// serverFlags say which process serves.
type serverFlags struct {
	PID     []int    `name:"pid" placeholder:"PID" group:"Server" help:"Process ID of the server, to measure CPU, memory, descriptors and threads of it and of all processes that descend from it. May be repeated."`
	Pprof   string   `placeholder:"URL" group:"Server" help:"URL of the server's /debug/pprof/goroutine?debug=1, to count its goroutines."`
	Command []string `name:"command" sep:"none" placeholder:"WORD" group:"Server" help:"Command that starts the server. Write it at the end, after --. {{.Port}} in it and in URLs stands for a free port, which is also PORT in its environment. The server is measured, and stopped at the end."`

	started *launch.Server // by start, and no flag; nil: it runs already
}

// portOf replaces {{.Port}} by the port of the server that was started.
type portOf func(text string) string

// start starts the server if one is to be started.
func (f *serverFlags) start(ctx context.Context, stderr io.Writer) (port portOf, stop func(), err error) {
	if len(f.Command) == 0 {
		return func(text string) string { return text }, func() {}, nil
	}
	if len(f.PID) > 0 {
		return nil, nil, fmt.Errorf("-pid %d and a command %q: give one of them", f.PID, f.Command)
	}
	s, err := launch.Command(ctx, f.Command, stderr)
	if err != nil {
		return nil, nil, err
	}
	f.PID, f.started = []int{s.PID()}, s
	return func(text string) string { return launch.Fill(text, s.Port()) }, s.Stop, nil
}
