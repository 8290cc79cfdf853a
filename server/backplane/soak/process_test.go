package soak_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
)

// process is a program of the round's own, which it can kill and start again. Its methods are
// for one goroutine at a time.
type process struct {
	t    testing.TB
	name string
	args []string // the program first
	env  []string
	out  io.Writer // its standard output; nil: the log
	log  testkit.Log

	running *exec.Cmd
	stdin   io.Closer     // closed: the process ends, if it is this test's binary
	ended   chan struct{} // closed when it has ended
	err     error         // of its end, once ended is closed
}

func (p *process) start() error {
	p.running, p.ended = exec.Command(p.args[0], p.args[1:]...), make(chan struct{})
	p.running.Env = append(os.Environ(), p.env...)
	p.running.Stderr, p.running.Stdout = &p.log, io.Writer(&p.log)
	if p.out != nil {
		p.running.Stdout = p.out
	}
	var err error
	if p.stdin, err = p.running.StdinPipe(); err != nil {
		return err
	}
	if err := p.running.Start(); err != nil {
		return err
	}
	go func(cmd *exec.Cmd, ended chan struct{}) {
		p.err = cmd.Wait()
		close(ended)
	}(p.running, p.ended)
	return nil
}

// kill ends the process as kill -9 does, and waits until it has ended.
func (p *process) kill() {
	if p.running != nil {
		_ = p.running.Process.Kill()
		<-p.ended
	}
}

func (p *process) stall() { p.signal(syscall.SIGSTOP) }
func (p *process) wake()  { p.signal(syscall.SIGCONT) }

func (p *process) signal(s syscall.Signal) {
	if err := p.running.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("send %s %v: %v", p.name, s, err)
	}
}
