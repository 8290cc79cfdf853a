package exampletest

import (
	"bufio"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// Program is a running [Command].
type Program struct {
	URL  string   // of its page
	Said []string // the lines up to the one with curl

	cmd *exec.Cmd
}

// Start runs the program under test and waits until it listens.
func Start(t testing.TB, env []string, args ...string) *Program {
	t.Helper()
	p := &Program{cmd: Command(t, env, args...)}
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		p.Said = append(p.Said, lines.Text())
		if url := regexp.MustCompile(`http://\S+$`).FindString(lines.Text()); p.URL == "" {
			p.URL = url
		}
		if strings.Contains(lines.Text(), "curl -N ") {
			return p
		}
	}
	t.Fatalf("the program said only %q", p.Said)
	return nil
}

// Signal sends sig and returns the exit status.
func (p *Program) Signal(t testing.TB, sig syscall.Signal) int {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait() // its status says it
	return p.cmd.ProcessState.ExitCode()
}
