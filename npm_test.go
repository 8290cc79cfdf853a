package fastsse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/fastsse/fastsse/internal/absent"
	"github.com/fastsse/fastsse/internal/vectors"
)

// clientsOf is the environment variable that names the folder with the npm packages of
// install.
const (
	clientsOf = "SSE_CLIENTS"
	install   = "npm install --prefix /tmp/sse eventsource-parser@3.1.1 @microsoft/fetch-event-source@2.0.1 undici@7.30.2"
)

// nodeCommand runs a script of testdata with the packages of npm. Without node or these
// the test is skipped.
func nodeCommand(t testing.TB, script string) *exec.Cmd {
	t.Helper()
	if os.Getenv(clientsOf) == "" {
		absent.Skipf(t, "NO CLIENTS. This test needs clients of npm: %s, and %s=/tmp/sse/node_modules", install, clientsOf)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		absent.Skipf(t, "NO NODE. This test needs node: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), node, "testdata/"+script)
	cmd.Env = append(os.Environ(), "NODE_NO_WARNINGS=1")
	cmd.Stderr = os.Stderr
	return cmd
}

// outcome is what a parser of npm has made of a vector.
type outcome struct {
	Client, Name string
	Events       []struct{ Type, Data, LastEventID string }
	Retry        json.Number
}

func (o *outcome) is(v *vectors.Decoding) bool {
	same := slices.EqualFunc(o.Events, v.Events, func(got struct{ Type, Data, LastEventID string }, want vectors.Dispatched) bool {
		return got.Type == want.Type && got.Data == want.Data && got.LastEventID == want.LastEventID
	})
	got, _ := o.Retry.Float64()
	want, _ := v.Retry.Float64()
	return same && got == want && (o.Retry == "") == (v.Retry == "")
}

// The vectors are right if parsers that others wrote agree, and where one does not, the
// vector says how it fails.
func TestVectorsSayWhatParsersOfNodeFail(t *testing.T) {
	out, err := nodeCommand(t, "parsers.mjs").Output()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]*vectors.Decoding{}
	for _, v := range decodings(t) {
		known[v.Name] = &v
	}
	seen := map[string]int{}
	for line := range bytes.Lines(out) {
		var o outcome
		if err := json.Unmarshal(line, &o); err != nil || known[o.Name] == nil {
			t.Fatalf("%.200q: %v", line, err)
		}
		seen[o.Client]++
		v := known[o.Name]
		if failed := !o.is(v); failed != v.Failed(o.Client) {
			t.Errorf("%s fails %q: %v, in failedBy: %v; it has %s", o.Client, v.Name, failed, !failed, brief(o.Events))
		}
	}
	if want := fmt.Sprintf("map[@microsoft/fetch-event-source:%d eventsource-parser:%[1]d undici:%[1]d]", len(known)); fmt.Sprint(seen) != want {
		t.Errorf("outcomes of %v, want %s", seen, want)
	}
}
