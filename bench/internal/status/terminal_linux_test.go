package status

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo-terminal of 60 columns: what is written to the second file is
// read from the first.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { master.Close() })
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 60}); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// shown is what a terminal is sent by three samples.
func shown(t *testing.T) string {
	master, slave := terminal(t)
	all := make(chan string)
	go func() {
		text, _ := io.ReadAll(master) // ends with EIO when the other side is closed
		all <- string(text)
	}()
	l := New(slave, 10_000, 0)
	for n := range 3 {
		l.Sample(second(28 + n))
	}
	l.Done()
	slave.Close()
	return <-all
}

func TestLineIsWrittenOverOnATerminal(t *testing.T) {
	t.Setenv("CI", "")
	t.Setenv("TERM", "xterm")
	text := shown(t)
	lines := strings.Split(text, "\r")
	if len(lines) != 5 || lines[4] != "\n" || strings.Count(text, "\n") != 1 {
		t.Fatalf("%q", text)
	}
	for i, line := range lines[1:4] {
		line, cleared := strings.CutSuffix(line, "\x1b[K")
		if want := fmt.Sprintf("  %d.0 s  publish  10,000 open", 28+i); !cleared || !strings.HasPrefix(line, want) || len(line) != 59 {
			t.Errorf("%q of %d columns, want %q, 59 columns, and the rest empty", line, len(line), want)
		}
	}
}

func TestLineIsNotWrittenOverWhereThatCannotBe(t *testing.T) {
	for _, env := range [][2]string{{"", "dumb"}, {"true", "xterm"}} {
		t.Setenv("CI", env[0])
		t.Setenv("TERM", env[1])
		if text := shown(t); strings.Contains(text, "\x1b") || strings.Count(text, "\n") != 3 {
			t.Errorf("CI=%s TERM=%s: %q", env[0], env[1], text)
		}
	}
}
