package main

import (
	"maps"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// Flags are recorded if they differ from their defaults, or always if the figures need
// them, but never if they may hold a secret.
func TestRecordedFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		want map[string]string
	}{
		{"-c 3 --url=http://a/ --rate=2", map[string]string{"streams": "3", "url": "http://a/", "rate": "2", "duration": "10s", "size": "100", "ramp": "5000"}},
		{"--url=http://a/ --no-reconnect --settle=2000ms --patience=1s -H Authorization:x --cookie=s=1 --publish-header=X:y --json=f --fail-if=lost>0",
			map[string]string{"streams": "100", "url": "http://a/", "rate": "10", "duration": "10s", "size": "100", "ramp": "5000", "reconnect": "false", "patience": "1s"}},
	} {
		var command runCommand
		parser, err := kong.New(&command)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(strings.Fields(c.args)); err != nil {
			t.Fatal(err)
		}
		if got := flagsOf(&command); !maps.Equal(got, c.want) {
			t.Errorf("%s: recorded %v, want %v", c.args, got, c.want)
		}
	}
}
