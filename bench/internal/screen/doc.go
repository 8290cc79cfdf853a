// Package screen shows how a measurement is going while it runs: on a terminal as a
// screen that is redrawn each second, elsewhere as plain lines.
//
// # Usage
//
//	p := screen.New(os.Stderr, streams, duration)
//	defer p.Done()
//	p.Sample(v) // each second
//
// # What it leaves alone
//
// Standard input and signals: the program handles Ctrl-C itself, by the context that
// ends the measurement. The terminal is not queried, because the shell would read its
// answers. The measurement never waits: what a terminal or a pipe does not take in time
// is not shown.
//
// # Files
//
// A picture is what has been seen so far; view.go and lines.go turn it into text;
// live.go and progress.go have the goroutines: one for each Progress and, on a terminal,
// those of bubbletea.
package screen
