package screen

import (
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// Progress shows how a measurement is going. Its methods may be called from any
// goroutine, and only Done waits: a terminal that takes nothing does not delay the
// measurement.
type Progress interface {
	// Sample shows what was seen in one more interval.
	Sample(result.Sample)

	// Note shows a line at once, and the line stays.
	Note(text string)

	// Done ends the display, so that others may write. What was shown last stays;
	// later samples and notes are not shown. Done waits at most 2 s until
	// everything is written, and may be called again.
	Done()
}

// New shows the progress of a measurement on w: as a screen if w is a capable terminal,
// and as plain lines otherwise, in the background, or if NO_COLOR or CI is set or TERM
// is dumb. asked is how many streams are to be opened; total is how long it will take,
// or zero if that is not known.
func New(w io.Writer, asked int, total time.Duration) Progress {
	f := &feed{
		picture: picture{asked: asked, total: total},
		wake:    make(chan struct{}, 1),
		ended:   make(chan struct{}),
	}
	go f.draw(newDrawer(w, os.Getenv))
	return f
}

// drawer draws pictures. It is used by one goroutine.
type drawer interface {
	// show draws the newest picture, and the notes since the last call. The final
	// picture has over set.
	show(picture, []string)
}

func newDrawer(w io.Writer, env func(string) string) drawer {
	plain := &lines{w: w}
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(file.Fd()) || !foreground(file) || !capable(env, runtime.GOOS) {
		return plain
	}
	return newLive(file, plain)
}

// capable reports whether a terminal can show a screen, and may.
func capable(env func(string) string, system string) bool {
	name := env("TERM")
	known := name != "" || system == "windows"
	return known && name != "dumb" && env("NO_COLOR") == "" && env("CI") == ""
}

// feed holds pictures and notes until its goroutine has time to show them.
type feed struct {
	wake  chan struct{} // holds one; never closed
	ended chan struct{} // closed by draw

	mu      sync.Mutex // guards what follows
	picture picture
	notes   []string
}

// mostNotes is how many notes wait at most.
const mostNotes = 100

func (f *feed) Sample(v result.Sample) {
	f.change(func() { f.picture = f.picture.with(v) })
}

func (f *feed) Note(text string) {
	f.change(func() {
		if len(f.notes) < mostNotes {
			f.notes = append(f.notes, text)
		}
	})
}

func (f *feed) Done() {
	f.change(func() { f.picture.over = true })
	select {
	case <-f.ended:
	case <-time.After(2 * time.Second):
	}
}

// change changes what is shown, unless it is over.
func (f *feed) change(how func()) {
	f.mu.Lock()
	if !f.picture.over {
		how()
	}
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default: // it is going to look anyway
	}
}

// draw draws until it is over.
func (f *feed) draw(d drawer) {
	defer close(f.ended)
	for range f.wake {
		p, notes := f.take()
		d.show(p, notes)
		if p.over {
			return
		}
	}
}

// take is the newest picture, and the notes that nobody has taken.
func (f *feed) take() (picture, []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	notes := f.notes
	f.notes = nil
	return f.picture, notes
}
