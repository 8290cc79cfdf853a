package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/compare"
	"github.com/fastsse/fastsse/internal/absent"
)

// Mercure is asked and published to where its hub is, and nowhere else: all of its streams are
// answered, also beside the flags of the others, and have every event once.
func TestMercureIsMeasuredBesideOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("builds Mercure, which takes some seconds if it was built before; go test without -short runs it")
	}
	tools, err := buildTools(t.Context())
	t.Cleanup(func() { os.RemoveAll(tools.dir) })
	if err != nil {
		t.Fatal(err)
	}
	mercure, err := tools.mercure(t.Context())
	if err != nil {
		absent.Skipf(t, "needs Mercure: %v", err)
	}
	file := filepath.Join(t.TempDir(), "all.json")
	args := slices.Concat(forAll, []string{"-target", "parked=" + tools.own("parked")}, mercure,
		strings.Fields("-rounds 1 -c 8 -rate 20 -duration 500ms -settle 50ms -flood 40 -flood-duration 500ms -rest 1s -json "+file))
	cmd := tools.run(t.Context(), args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all compare.Comparison
	if err := json.Unmarshal(b, &all); err != nil || len(all.Servers) != 2 {
		t.Fatalf("%d servers, %v; want 2", len(all.Servers), err)
	}
	for _, s := range all.Servers {
		paced, flood := s.Paced[0], s.Flood[0]
		if paced.Delivered != 8*10 || flood.Delivered != 8*20 || *paced.Lost+*flood.Lost+*paced.Duplicated+*flood.Duplicated != 0 {
			t.Errorf("%s delivered %d and %d, lost %d and %d, twice %d and %d; want %d and %d, each once",
				s.Name, paced.Delivered, flood.Delivered, *paced.Lost, *flood.Lost, *paced.Duplicated, *flood.Duplicated, 8*10, 8*20)
		}
	}
}
