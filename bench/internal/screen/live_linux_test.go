package screen

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/term"
	"golang.org/x/sys/unix"
)

// terminal opens a pseudo-terminal of 80 by 24: what is written to the second
// file is read from the first.
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
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

func TestScreenOnATerminal(t *testing.T) {
	for _, name := range []string{"xterm-256color", "screen", "xterm-kitty", "xterm-ghostty", "alacritty"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TERM", name)
			master, slave := terminal(t)
			text := make(chan string)
			go func() {
				all, _ := io.ReadAll(master) // ends with EIO when the slave is closed
				text <- string(all)
			}()
			var plain strings.Builder
			show(newLive(slave, &lines{w: &plain}))
			slave.Close()
			checkScreen(t, <-text)
			if plain.Len() > 0 {
				t.Error("lines as well:", plain.String())
			}
		})
	}
}

func show(l *live) {
	for n := range 3 {
		l.show(after(28+n), nil)
		time.Sleep(150 * time.Millisecond) // a frame, at 10 a second
	}
	last := after(31)
	last.over = true
	l.show(last, []string{"a note"})
}

func checkScreen(t *testing.T, text string) {
	for _, want := range []string{"publish", "10,000 open", "59.9 ms", "a note", "\x1b[?25l"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
	if i, j := strings.LastIndex(text, "\x1b[?25l"), strings.LastIndex(text, "\x1b[?25h"); j < i {
		t.Error("the cursor stays hidden")
	}
	for _, not := range []string{
		"$p", "\x1b[c", "\x1b[>c", "\x1b[6n", "\x1b[?u", "\x1b]10;?", "\x1b]11;?", "\x1bP+q", // questions
		"\x1b[?1049h", "\x1b[2J", "\x1b[?2004h", "\x1b[>4", // another screen, an empty one, other typing
	} {
		if strings.Contains(text, not) {
			t.Errorf("%q is in %q", not, text)
		}
	}
}

func TestEchoOfAnotherProgramsTerminalIsLeftAlone(t *testing.T) {
	_, slave := terminal(t)
	defer slave.Close()
	if foreground(slave) {
		t.Skip("this is the terminal of the test")
	}
	before, err := term.GetState(slave.Fd())
	if err != nil {
		t.Fatal(err)
	}
	restore := mute(slave)
	defer restore()
	if now, err := term.GetState(slave.Fd()); err != nil || now.Lflag != before.Lflag {
		t.Errorf("echo is %v, was %v, %v", now.Lflag&unix.ECHO, before.Lflag&unix.ECHO, err)
	}
}
