// Package screen shows how a measurement is doing while it runs: one screen that
// is drawn anew each second on a terminal, plain lines elsewhere.
//
// # Usage
//
//	p := screen.New(os.Stderr, streams, duration)
//	defer p.Done()
//	p.Sample(v) // each second
//
// # What it leaves alone
//
// Standard input and signals: Ctrl-C is the program's own, whose context ends the
// measurement. Nothing is asked of the terminal, whose answer would be left for
// the shell to read. The measurement is never kept waiting: what a terminal or a
// pipe does not take in time is not shown.
//
// # Files
//
// A picture is what has been seen so far; view.go and lines.go are functions from
// it to text; live.go and progress.go have the goroutines, of which there is one
// for each Progress, and on a terminal those of bubbletea.
package screen
