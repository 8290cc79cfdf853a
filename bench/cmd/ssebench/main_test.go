package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestMain lets the test's binary be the program under test, when it is started as a
// subcommand.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "run") {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"--help", 0, "storm"},
		{"", 1, "ssebench -help"},
		{"run -c 3", 1, "-url"},
		{"storm -by drain -url http://x/", 1, "give its command at the end"},
		{"storm -by drain -back now -url http://x/ -- x", 1, "leave out -back"},
		{"storm -by drain -no-reconnect -url http://x/ -- x", 1, "nobody would come back"},
		{"run -url ftp://x/", 1, "http://"},
		{"run -url http://x/ http://y/", 1, "two addresses"},
		{"run -c 60 -processes 61 http://x/", 1, "no more than there are streams"},
		{"run -processes 2 -hdr x http://x/", 1, "leave one of them out"},
		{"search -processes 2 -fail-if lost>0 http://x/", 1, "-processes 2: search reads in one process"},
		{"storm -processes 2 http://x/", 1, "unknown flag -processes"},
		{"run -run-id a_b http://x/", 1, "up to 8 letters and digits"},
		{"run http://127.0.0.1:{{.Port}}/", 1, "at the end, after --"},
		{"run 127.0.0.1:1/x -publish-url 127.0.0.1:1/p -size 5", 1, "give at least that"},
		{"run 127.0.0.1:1/x -duration 0s", 1, "-duration 0s: give how long"},
		{"run 127.0.0.1:1/x -topics 0", 1, "-topics 0: give at least one"},
		{"run 127.0.0.1:1/x -topics no-such-file", 1, "read -topics"},
		{"run 127.0.0.1:1/x -tokens no-such-file.csv", 1, "read -tokens"},
		{"run 127.0.0.1:1/x -cacert no-such-file", 1, "read -cacert"},
		{"run 127.0.0.1:1/x -nope", 1, "unknown flag -nope"},
		{"run -help", 0, "-publish-url=URL"},
		{"storm -help", 0, "Example:"},
		{"serve -addr nowhere:x", 1, "-addr"},
	} {
		var out, errs bytes.Buffer
		status := run(t.Context(), strings.Fields(c.args), &out, &errs)
		if status != c.status || !strings.Contains(out.String()+errs.String(), c.says) {
			t.Errorf("bench %s: status %d, said %q; want status %d and something of %q", c.args, status, out.String()+errs.String(), c.status, c.says)
		}
	}
}
