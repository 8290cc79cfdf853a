package nats

import (
	"os/exec"
	"strings"
	"testing"
)

// A program that uses a URL alone does not carry a server.
func TestTheServerIsNotLinked(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "github.com/nats-io/nats.go\n") {
		t.Errorf("the client is not among what is linked: %s", out)
	}
	if strings.Contains(string(out), "github.com/nats-io/nats-server") {
		t.Error("package nats links nats-server; only package embedded may")
	}
}
