package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/examples/internal/browser"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/internal/absent"
	"github.com/fastsse/fastsse/internal/testkit"
)

func TestProgramAnswersWithNothingInstalled(t *testing.T) {
	ctx := browser.New(t)
	p := exampletest.Start(t, []string{"PORT=0", "OPENAI_API_KEY="})
	browser.Open(t, ctx, p.URL)
	browser.Click(t, ctx, "#prompt")
	for _, key := range "Why?\r" {
		browser.Press(t, ctx, string(key))
	}
	browser.Until(t, ctx, `$("says").textContent.startsWith("2 tokens") && $("answer").textContent === "You have"`)
	browser.Until(t, ctx, `$("says").textContent.includes("the first after")`)
	want := strings.Join(tokens(`"Why?"`), "")
	if got := browser.Eval[string](t, ctx, `$("answer").textContent`); got != want {
		t.Errorf("the page shows %q, want %q", got, want)
	}
}

func TestStopHangsUpOnTheUpstream(t *testing.T) {
	ctx := browser.New(t)
	u := newUpstream(t)
	s := start(t, u.URL)
	browser.Open(t, ctx, s.URL)
	browser.Eval[bool](t, ctx, `(model = "slow", true)`)
	browser.Eval[bool](t, ctx, `($("prompt").value = "Why?", $("form").requestSubmit(), true)`)
	browser.Until(t, ctx, `$("answer").textContent === "One "`)
	at := time.Now()
	browser.Click(t, ctx, "#stop")
	t.Logf("the upstream knows %v after the click", testkit.Receive(t, "the upstream's request is cancelled", u.left).Sub(at))
	browser.Until(t, ctx, `$("says").textContent === "Stopped after 1 token." && !$("ask").disabled`)
}

func TestPageSaysWhatFailed(t *testing.T) {
	ctx := browser.New(t)
	s := start(t, newUpstream(t).URL)
	browser.Open(t, ctx, s.URL)
	for model, want := range map[string]string{
		"no key": "Failed after 0 tokens: refused with 401.",
		"error":  "Failed after 1 token: the model is overloaded.",
		"cut":    "Failed after 1 token: the upstream has broken off its answer.",
	} {
		browser.Eval[bool](t, ctx, `(model = "`+model+`", $("prompt").value = "Why?", $("form").requestSubmit(), true)`)
		browser.Until(t, ctx, `$("says").textContent === "`+want+`"`)
	}
}

func TestAxeFindsNothingWrong(t *testing.T) {
	browser.NeedAxe(t)
	ctx := browser.New(t)
	s := start(t, newUpstream(t).URL)
	browser.Open(t, ctx, s.URL)
	browser.Audit(t, ctx, "before")
	for _, model := range []string{"slow", "good", "cut"} {
		browser.Eval[bool](t, ctx, `(asking?.abort(), true)`)
		browser.Until(t, ctx, `!$("ask").disabled`)
		browser.Eval[bool](t, ctx, `(model = "`+model+`", $("prompt").value = "Why?", $("form").requestSubmit(), true)`)
		browser.Until(t, ctx, `$("answer").textContent.startsWith("One ") && (model === "slow" || !$("ask").disabled)`)
		browser.Audit(t, ctx, model)
	}
}

// folder is the environment variable that names the folder of npm's packages.
const folder = "SSE_CLIENTS"

// seen is a line of testdata/clients.mjs.
type seen struct {
	Name, Model, Text, Error string
	Status                   int
}

func TestClientsOfTheAPIReadTheRelayUnchanged(t *testing.T) {
	if os.Getenv(folder) == "" {
		absent.Skipf(t, "NO CLIENTS. This test needs packages of npm: npm install --prefix /tmp/sse openai@6.49.0 ai@6.0.326 @ai-sdk/openai@3.0.141, and %s=/tmp/sse/node_modules", folder)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		absent.Skipf(t, "NO NODE. This test needs node: %v", err)
	}
	u := newUpstream(t)
	cmd := exec.CommandContext(t.Context(), node, "testdata/clients.mjs", start(t, u.URL).URL+"/v1")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v, after\n%s", err, out)
	}
	want := map[string]seen{
		"good":      {Text: "One two\n日本."},
		"slow":      {Text: "One "},
		"busy once": {Text: "At last."},
		"no key":    {Status: 401, Error: "refused with 401"},
		"busy":      {Status: 429, Error: "refused with 429"},
		"error":     {Error: "the model is overloaded"},
		"cut":       {Error: "the upstream has broken off its answer"},
	}
	count := 0
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); count++ {
		var got seen
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		w := want[got.Model]
		if got.Text != w.Text || (w.Status != 0 && got.Status != w.Status) || !strings.Contains(got.Error, w.Error) || (w.Error == "") != (got.Error == "") {
			t.Errorf("%s sees %s; want %+v", got.Name, lines.Bytes(), w)
		}
	}
	if count != 2*len(want) {
		t.Errorf("%d of %d lines:\n%s", count, 2*len(want), out)
	}
	for range 2 { // both stop the slow one
		testkit.Receive(t, "the upstream's request is cancelled", u.left)
	}
}
