package clients

import (
	"bufio"
	"os"
	"os/exec"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
)

// startNode runs clients of npm, in one process of node.
func startNode(t *testing.T, clients []*running) {
	t.Helper()
	args := []string{"testdata/node.mjs"}
	for _, r := range clients {
		args = append(args, r.name, r.tear.URL+"/events?topic="+r.name)
	}
	runNode(t, args, func(line []byte) { report(t, clients, line) })
}

// runNode runs node until the end of the test, and hands on each line that it prints.
func runNode(t *testing.T, args []string, line func([]byte)) {
	t.Helper()
	packages := npm(t)
	cmd := exec.CommandContext(t.Context(), program(t, "node"), args...)
	cmd.Env = append(os.Environ(), folder+"="+packages, "NODE_NO_WARNINGS=1")
	said := &testkit.Log{}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(out)
		for lines.Buffer(nil, 1<<20); lines.Scan(); {
			line(lines.Bytes())
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		_ = cmd.Wait() // "signal: killed"
		if t.Failed() {
			t.Logf("node said:\n%s", said)
		}
	})
}
