package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/server/backplane/nats"
	"github.com/fastsse/fastsse/server/backplane/nats/embedded"
)

// dirVariable makes this test binary a process that runs a server in the directory.
const dirVariable = "FASTSSE_EMBEDDED_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(dirVariable); dir != "" {
		if err := (&embedded.Server{Dir: dir}).Start(context.Background()); err != nil {
			panic(err)
		}
		os.Stdout.WriteString("started\n")
		select {} // until it is killed
	}
	os.Exit(m.Run())
}

func open(t testing.TB, s *embedded.Server) *nats.Backplane {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	b, err := nats.Open(ctx, nats.Options{Embedded: s})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestEntriesAreKeptOverRestarts(t *testing.T) {
	for _, sync := range []bool{false, true} {
		s := &embedded.Server{Dir: t.TempDir(), SyncAlways: sync}
		ctx := context.Background()
		b := open(t, s)
		seq, err := b.Append(ctx, "key", []byte("kept"))
		if err != nil {
			t.Fatal(err)
		}
		before, err := b.State(ctx)
		if err != nil {
			t.Fatal(err)
		}
		b.Close()

		b = open(t, s)
		if after, err := b.State(ctx); err != nil || after != before {
			t.Errorf("State is %+v (error %v) after a restart, want %+v", after, err, before)
		}
		if again, err := b.Append(ctx, "key", []byte("again")); err != nil || again != seq {
			t.Errorf("Append with the key returned %d, %v after a restart, want %d", again, err, seq)
		}
		page, err := b.Read(ctx, backplane.Position{Epoch: before.Epoch}, 10)
		if err != nil || len(page) != 1 || string(page[0].Data) != "kept" {
			t.Errorf("Read returned %v, %v after a restart; want the entry", page, err)
		}
		b.Close()
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	ctx := context.Background()
	if err := (&embedded.Server{}).Start(ctx); err == nil || !strings.Contains(err.Error(), "Dir is empty") {
		t.Errorf("without a directory: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (&embedded.Server{Dir: file}).Start(ctx); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("with a file in the directory's place: %v", err)
	}
	spoiled := t.TempDir()
	if err := os.WriteFile(filepath.Join(spoiled, "jetstream"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s := &embedded.Server{Dir: spoiled}
	if err := s.Start(ctx); err == nil || !strings.Contains(err.Error(), "JetStream") {
		t.Errorf("with a file where JetStream has a directory: %v", err)
	}
	if took := time.Since(began); took > testkit.Patience {
		t.Errorf("it took %v", took)
	}
	if err := os.Remove(filepath.Join(spoiled, "jetstream")); err != nil {
		t.Fatal(err)
	}
	open(t, s) // nothing of the first attempt is in the way
}

// Another process has the directory: a second one waits for it, says so, and begins when the
// first was killed.
func TestOneProcessPerDirectory(t *testing.T) {
	dir := t.TempDir()
	first := exec.Command(os.Args[0])
	first.Env = append(os.Environ(), dirVariable+"="+dir)
	out, err := first.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { first.Process.Kill(); first.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "started\n" {
		t.Fatalf("the first process said %q, %v", line, err)
	}

	log := &testkit.Log{}
	s := &embedded.Server{Dir: dir, Logger: log}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	err = s.Start(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another process uses the directory") {
		t.Errorf("Start beside another process: %v", err)
	}
	if !log.Has("waiting until it has ended") {
		t.Errorf("it did not say that it waits: %q", log)
	}

	began := make(chan error, 1)
	go func() { began <- s.Start(context.Background()) }()
	select {
	case err := <-began:
		t.Fatalf("Start returned %v while another process had the directory", err)
	case <-time.After(100 * time.Millisecond):
	}
	first.Process.Kill()
	if err := testkit.Receive(t, "the second begins", began); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	s.Stop() // does nothing
}

// A server that cannot write says so once, with the remedy, and tells Failed. Started again, it
// has what it had acknowledged.
func TestAServerThatCannotWriteSaysSo(t *testing.T) {
	log, failed := &testkit.Log{}, make(chan error, 9)
	s := &embedded.Server{Dir: t.TempDir(), Logger: log, Failed: func(err error) { failed <- err }}
	b := open(t, s)
	if _, err := b.Append(t.Context(), "", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	if log.Count() > 0 {
		t.Errorf("it logged without an error: %s", log)
	}
	messages := filepath.Join(s.Dir, "jetstream", "$G", "streams", "fastsse", "msgs")
	if err := os.Rename(messages, messages+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(messages, nil, 0o600); err != nil { // no new file can be made below it
		t.Fatal(err)
	}
	stored := uint64(1)
	for len(failed) == 0 && stored < 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if seq, err := b.Append(ctx, "", make([]byte, 4<<20)); err == nil {
			stored = seq
		}
		cancel()
	}
	err := testkit.Receive(t, "Failed is called", failed)
	if !strings.Contains(err.Error(), "restart the program") || !strings.Contains(err.Error(), s.Dir) {
		t.Errorf("Failed was called with %v; want the directory, and the remedy", err)
	}
	if !log.Has(err.Error()) || log.Count("restart the program") > 2 {
		t.Errorf("it logged %q; want %v", log, err)
	}
	b.Close()
	if len(failed) > 0 {
		t.Errorf("Failed was called again: %v", <-failed)
	}
	if err := errors.Join(os.Remove(messages), os.Rename(messages+".away", messages)); err != nil {
		t.Fatal(err)
	}
	b = open(t, s)
	if state, err := b.State(t.Context()); err != nil || state.Last < stored {
		t.Errorf("State is %+v, %v after a restart; want %d entries at least", state, err, stored)
	}
}
