package screen

import (
	"os"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// live draws on a terminal, below what is there already, so that the last picture stays
// at the end. Notes stay above it.
type live struct {
	program *tea.Program
	ended   chan struct{} // closed when the program has left the terminal
	plain   *lines        // used if the program ends by itself
}

func newLive(terminal *os.File, plain *lines) *live {
	l := &live{ended: make(chan struct{}), plain: plain}
	l.program = tea.NewProgram(&screen{},
		tea.WithOutput(terminal),
		tea.WithInput(nil),         // typing is for the shell
		tea.WithoutSignalHandler(), // Ctrl-C ends the measurement, which ends this
		tea.WithEnvironment(silent(os.Getenv)),
		tea.WithFPS(10),
	)
	go func() {
		defer close(l.ended)
		defer mute(terminal)()
		l.program.Run() // without it there are lines
	}()
	return l
}

func (l *live) show(p picture, notes []string) {
	select {
	case <-l.ended:
		l.plain.show(p, notes)
		return
	default:
	}
	for _, note := range notes {
		l.program.Println(plain(note))
	}
	l.program.Send(p)
	if p.over {
		l.program.Quit()
		<-l.ended
	}
}

// silent is an environment in which bubbletea does not query the terminal: without input
// nobody would read the answers, and the shell would take them for typing. It queries
// unless the session seems to be remote, and some terminals always.
func silent(env func(string) string) []string {
	name := env("TERM")
	for _, asked := range []string{"ghostty", "wezterm", "alacritty", "kitty", "rio"} {
		if strings.Contains(name, asked) {
			name = "xterm-256color"
		}
	}
	return []string{"TERM=" + name, "COLORTERM=" + env("COLORTERM"), "SSH_TTY=none"}
}

// screen is bubbletea's model: the newest picture, and the terminal's size.
type screen struct {
	picture       picture
	width, height int
}

func (s *screen) Init() tea.Cmd { return nil }

func (s *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height = msg.Width, msg.Height
	case picture:
		s.picture = msg
	}
	return s, nil
}

func (s *screen) View() tea.View {
	if s.width == 0 { // not known yet
		return tea.NewView("")
	}
	v := tea.NewView(s.picture.view(s.width, s.height))
	v.DisableBracketedPasteMode = true
	return v
}
