package foreign

import (
	"os"
	"os/exec"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/check"
	"github.com/fastsse/fastsse/internal/absent"
)

// express is the command of a server of testdata/server.mjs, and the flags for it.
func express(t *testing.T, name string) (flags, command []string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		absent.Skipf(t, "needs node: apt-get install npm")
	}
	if os.Getenv("SSE_CLIENTS") == "" {
		absent.Skipf(t, "SSE_CLIENTS is not set: it is the node_modules folder with express, better-sse and sse-channel, as .ci/run installs them")
	}
	const url = "http://127.0.0.1:{{.Port}}/events"
	flags = []string{
		url, "-publish-url", url,
		"-publish-header", "Content-Type: application/json", "-publish-body", `{"text":"{{.Message}}"}`,
	}
	return flags, []string{node, "testdata/server.mjs", name}
}

// better-sse keeps nothing for those who come back.
func TestBetterSSE(t *testing.T) {
	t.Parallel()
	flags, command := express(t, "better-sse")
	all(t, none, findings{
		"resume/resume":        check.Fail,
		"resume/gap":           check.Fail,
		"protocol/head-method": check.Fail,
	}, flags, command...)
}

func TestSSEChannel(t *testing.T) {
	t.Parallel()
	flags, command := express(t, "sse-channel")
	all(t, inMemory, findings{
		"answer/cache-control":     check.Warn,
		"answer/x-accel-buffering": check.Warn,
		"stream/comments":          check.Warn,
		"resume/gap":               check.Warn,
		"protocol/head-method":     check.Fail,
	}, flags, command...)
}
