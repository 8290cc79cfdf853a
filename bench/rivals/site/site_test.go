package site

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/rivals/build"
	"github.com/fastsse/fastsse/internal/absent"
)

// What is replaced in a configuration must be in it: those of examples/proxies change.
func TestConfigurationsHaveWhatIsReplaced(t *testing.T) {
	source, err := build.Source()
	if err != nil {
		t.Fatal(err)
	}
	s := &Site{dir: t.TempDir(), slots: []slot{{port: 11001}, {port: 11002}, {port: 11003}}}
	for _, of := range []func(string) (string, []string, []string){s.nginx, s.haproxy} {
		file, _, pairs := of("proxy")
		name := strings.TrimSuffix(strings.TrimSuffix(file, ".cfg"), ".conf")
		pairs = append(pairs, listening(name, 12001, 12002)...)
		to := filepath.Join(s.dir, file)
		if err := configure(filepath.Join(source, "examples", "proxies", file), to, pairs); err != nil {
			t.Error(err)
			continue
		}
		text, _ := os.ReadFile(to)
		for _, port := range []string{"127.0.0.1:11001", "127.0.0.1:11002", "127.0.0.1:11003", " 127.0.0.1:12001", " 127.0.0.1:12002"} {
			if !strings.Contains(string(text), port) {
				t.Errorf("%s has no %s:\n%s", file, port, text)
			}
		}
		if everywhere := regexp.MustCompile(`(?m)^\s*(listen|bind) +(\*?:)?\d+[ ;\n]`).FindString(string(text)); everywhere != "" {
			t.Errorf("%s listens on all interfaces: %q", file, everywhere)
		}
		err := configure(to, to, []string{"not there", "x"})
		if err == nil || !strings.Contains(err.Error(), `has no "not there"`) {
			t.Errorf("%s, with something that is not in it: %v", file, err)
		}
	}
}

func TestSiteSaysThatItsListIsFull(t *testing.T) {
	s := &Site{}
	if _, err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "give the site a Spare") {
		t.Errorf("%v; want the remedy", err)
	}
}

// A Redis that is killed has all that it has answered.
func TestRedisSyncsAlways(t *testing.T) {
	args, err := redis(t.TempDir())
	if err != nil {
		absent.Skipf(t, "needs redis-server: apt-get install redis-server")
	}
	if line := strings.Join(args, " "); !strings.Contains(line, "--appendonly yes --appendfsync always") {
		t.Errorf("Redis is started by %s; want appendfsync always", line)
	}
}
