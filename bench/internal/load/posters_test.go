package load

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPublisherPostsByHTTPS(t *testing.T) {
	bodies := make(chan string, 10)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- strings.Join([]string{r.Method, r.Host, r.Header.Get("X-Key"), r.Header.Get("Content-Type"), string(body)}, " ")
		w.WriteHeader(http.StatusNoContent)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	if err := publisher(t, Publishing{URL: s.URL}).Now(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "publish event 1: ") || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of nobody: the error is %v", err)
	}
	p := publisher(t, Publishing{URL: s.URL, Method: "PUT", TLS: anyServer, Body: "<{{.Message}}>", Header: http.Header{"X-Key": {"k"}, "Host": {"example.test"}}})
	if err := p.Run(t.Context(), 3, 1000, Now()); err != nil || p.Sent() != 3 {
		t.Fatalf("sent %d, %v", p.Sent(), err)
	}
	for range 3 {
		if got, want := <-bodies, "PUT example.test k text/plain <"+string(marker); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, ">") {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPublisherSaysWhatHTTPSAnswered(t *testing.T) {
	n := 0
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n++; n {
		case 3:
			http.Error(w, "no disk", http.StatusInternalServerError)
		case 4:
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}
	}))
	defer s.Close()
	p := publisher(t, Publishing{URL: s.URL, TLS: anyServer})
	err := p.Run(t.Context(), 100, 1000, Now())
	if want := "publish event 3: 500 Internal Server Error: no disk"; err == nil || err.Error() != want || p.Sent() != 2 {
		t.Errorf("sent %d, the error is %v; want 2 and %q", p.Sent(), err, want)
	}
	if err := p.Now(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "302 Found") {
		t.Errorf("a redirection was followed: %v", err)
	}
}

func TestPublisherByHTTPSStopsWithItsContext(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}))
	defer s.Close()
	defer close(release)
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	p := publisher(t, Publishing{URL: s.URL, TLS: anyServer})
	if err := p.Run(ctx, 100, 1000, Now()); err != nil || p.Sent() != 0 {
		t.Errorf("sent %d, %v; want none, and no error", p.Sent(), err)
	}
}

// tool is this test binary as a command: it appends its argument and its standard
// input to a file, or does what the argument says.
func tool(t *testing.T, arg string) (command []string, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "published")
	t.Setenv("LOAD_TEST_TOOL", file)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // a second each time otherwise
	return []string{os.Args[0], arg}, file
}

func TestMain(m *testing.M) {
	if file := os.Getenv("LOAD_TEST_TOOL"); file != "" {
		os.Exit(runTool(file, os.Args[1]))
	}
	os.Exit(m.Run())
}

func runTool(file, arg string) int {
	switch arg {
	case "fail":
		_, _ = os.Stderr.WriteString("no disk\n")
		return 3
	case "sleep":
		time.Sleep(20 * time.Second)
	}
	in, err := io.ReadAll(os.Stdin)
	f, openErr := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil || openErr != nil {
		return 1
	}
	defer f.Close()
	_, _ = f.WriteString(arg + "\n" + string(in) + "\n")
	return 0
}

func TestPublisherRunsCommands(t *testing.T) {
	command, file := tool(t, "to={{.Message}}")
	p := publisher(t, Publishing{Command: command, Size: 60})
	if err := p.Run(t.Context(), 3, 1000, Now()); err != nil || p.Sent() != 3 {
		t.Fatalf("sent %d, %v", p.Sent(), err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(lines) != 6 {
		t.Fatalf("%d lines, want 6: %q", len(lines), b)
	}
	for i := range 3 {
		arg, in := lines[2*i], lines[2*i+1]
		if s, ok := readStamp([]byte(in)); !ok || s.seq != uint64(i+1) || arg != "to="+in {
			t.Errorf("event %d: argument %q, input %q", i+1, arg, in)
		}
	}
}

func TestPublisherSaysWhatACommandSaid(t *testing.T) {
	command, _ := tool(t, "fail")
	p := publisher(t, Publishing{Command: command})
	err := p.Run(t.Context(), 3, 1000, Now())
	for _, says := range []string{"publish event 1: run ", "exit status 3", "no disk"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("the error is %v, and does not say %q", err, says)
		}
	}
}

func TestPublisherKillsACommandThatIsToStop(t *testing.T) {
	command, _ := tool(t, "sleep")
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	p, begin := publisher(t, Publishing{Command: command}), time.Now()
	if err := p.Run(ctx, 3, 1000, Now()); err != nil || p.Sent() != 0 {
		t.Errorf("sent %d, %v; want none, and no error", p.Sent(), err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v to stop", took)
	}
}
