// Command tail is tail -f for event streams: it prints each event in a line, and comes back
// when the stream ends, where it left off.
//
//	go run ./examples/tail http://localhost:8080/events?topic=scores/42
//	go run ./examples/tail -json -last-event-id 1f-7 -H 'Authorization: Bearer …' URL
//
// A line is the event's type, a tab, and its data, in which \n stands for an end of line. With
// -json it is an object {"id", "type", "data"}, whose id -last-event-id takes. What becomes of
// the connection, and what is lost, is said on the standard error.
//
// The exit status is 0 when the server says that there is nothing more (204; with -once, also
// when the response is complete), 1 when it refuses or, with -once, when the stream is cut, 2 for
// a wrong command line, and 130 after Ctrl-C.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program even if nobody takes its output
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program. It returns its exit status.
func run(ctx context.Context, args []string, out, status io.Writer) int {
	say := func(format string, args ...any) { fmt.Fprintf(status, "tail: "+format+"\n", args...) }
	source, asJSON, err := parse(args, status)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		say("%v; -help lists the flags", err)
		return 2
	}
	source.OnOpen = func(r *http.Response) { say("connected to %s", r.Request.URL.Redacted()) }
	source.OnReconnect = func(err error, wait time.Duration) {
		if errors.Is(err, io.EOF) {
			err = errors.New("the server has ended the stream")
		}
		say("%v; connects again in %v", err, wait.Round(time.Millisecond))
	}
	print := line
	if asJSON {
		print = object
	}
	for event, err := range source.Events(ctx) {
		var gap *client.GapError
		switch {
		case errors.As(err, &gap):
			say("GAP: events before this one are lost for good: %s", oneLine(gap.Event.Data))
		case ctx.Err() != nil:
			return 130
		case err != nil:
			say("%s", strings.TrimPrefix(err.Error(), "client: "))
			return 1
		}
		if _, err := fmt.Fprintln(out, print(event)); err != nil {
			say("write an event: %v", err)
			return 1
		}
	}
	say("the stream is over")
	return 0
}

// parse reads the command line, in which flags may come before and after the URL.
func parse(args []string, usage io.Writer) (source client.EventSource, asJSON bool, err error) {
	flags := flag.NewFlagSet("tail", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&asJSON, "json", false, "print objects")
	flags.StringVar(&source.LastEventID, "last-event-id", "", "begin after the event with this `id`")
	flags.BoolVar(&source.Once, "once", false, "do not connect again when the stream ends")
	source.Header = http.Header{}
	flags.Func("H", "send this header, `'Name: value'`; may be repeated", func(h string) error {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return errors.New("want 'Name: value'")
		}
		source.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		return nil
	})
	for rest := args; err == nil; rest = flags.Args()[1:] {
		if err = flags.Parse(rest); err != nil || flags.NArg() == 0 {
			break
		}
		if source.URL != "" {
			err = fmt.Errorf("two URLs, %q and %q", source.URL, flags.Arg(0))
		}
		source.URL = flags.Arg(0)
	}
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(usage, "Usage: tail [flags] URL")
		flags.SetOutput(usage)
		flags.PrintDefaults()
	} else if err == nil && source.URL == "" {
		err = errors.New("the URL of a stream is missing")
	}
	return source, asJSON, err
}

// line is an event for people: its type and its data.
func line(e fastsse.Event) string { return oneLine([]byte(typeOf(e))) + "\t" + oneLine(e.Data) }

// oneLine shows what would end the line, or command the terminal, by escapes.
func oneLine(b []byte) string {
	var s strings.Builder
	for _, c := range string(b) {
		switch {
		case c == '\n':
			s.WriteString(`\n`)
		case c != '\t' && unicode.IsControl(c):
			fmt.Fprintf(&s, `\x%02x`, c)
		default:
			s.WriteRune(c)
		}
	}
	return s.String()
}

// object is an event for programs.
func object(e fastsse.Event) string {
	var s strings.Builder
	enc := json.NewEncoder(&s)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(struct { // strings alone: it cannot fail
		ID   string `json:"id"`
		Type string `json:"type"`
		Data string `json:"data"`
	}{e.ID, typeOf(e), string(e.Data)})
	return strings.TrimSuffix(s.String(), "\n")
}

func typeOf(e fastsse.Event) string {
	if e.Type == "" {
		return "message"
	}
	return e.Type
}
