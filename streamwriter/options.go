package streamwriter

import (
	"bytes"
	"context"
	"strconv"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/valyala/fasthttp"
)

// Options are the settings of one stream. The zero value gives the defaults.
type Options struct {
	// Heartbeat is the longest silence on the stream: after that a comment is
	// sent, so that proxies keep the connection and a dead connection is found.
	// Zero means 15 s. Negative disables.
	Heartbeat time.Duration

	// Retry is the reconnection time that is sent to the client at the start.
	// Zero means 3 s. Negative sends none, and leaves the browser's own (3 s in
	// Chrome, 5 s in Firefox). When this side ends the stream it sends a new one
	// first, drawn at random between Retry and twice Retry.
	Retry time.Duration

	// MaxAge ends the stream after about this long, between two events and with
	// a new reconnection time, before a platform would cut it. The exact time is
	// drawn at random from the last tenth of MaxAge, so that streams opened
	// together do not all reconnect together. Zero or negative means no limit. On
	// a stream of [NewWriter], Close sends that reconnection time. See also End.
	MaxAge time.Duration

	// End says how a stream of [Serve] ends that is not finished: cleanly or by a cut.
	// Zero means EndAuto: cleanly if the client is an EventSource, which comes back in
	// any case, and otherwise by a cut, which tells other clients to come back. It has
	// no effect on streams of [NewWriter] and [NewReader], which do not end the
	// response.
	End End

	// WriteTimeout is how long one flush may take before the stream is ended.
	// Zero means 30 s. Negative disables. It replaces fasthttp's
	// Server.WriteTimeout, which would cut a live stream. It has no effect on a
	// plain io.Writer without a SetWriteDeadline method.
	WriteTimeout time.Duration

	// LastEventID is what [Writer.LastEventID] returns. If it is empty, [Serve]
	// takes it from the request.
	LastEventID string

	// NoIDs makes [Writer.Send] refuse an event with an id, and
	// [Writer.SendEncoded] bytes with an id line. The error wraps a *FieldError;
	// the stream goes on. Set it where somebody else decides which position the
	// stream resumes from: a client sends the last id that it got, whoever sent
	// it. A hub sets it for the Writer of its OnOpen hook. A stream for the hub's
	// Follow cannot have it, because the hub's events have ids.
	NoIDs bool

	// Drain, if set, is the drain that the stream takes part in. [Serve] needs none if the
	// request came through [Drain.Handler], as all do under server.Run.
	Drain *Drain

	// Context, if set, ends the stream when it is done. [Serve] needs none: it
	// watches the client and the server by itself.
	Context context.Context

	// Logger receives panics and errors that end a stream. Nil means the
	// fasthttp server's; for [NewReader], that of package log.
	Logger fasthttp.Logger
}

const (
	defaultHeartbeat    = 15 * time.Second
	defaultRetry        = 3 * time.Second
	defaultWriteTimeout = 30 * time.Second
)

// Validate returns a *FieldError for the first option that is not valid: a duration
// above zero but below a millisecond, an unknown End.
func (o *Options) Validate() error {
	for _, f := range [...]struct {
		name  string
		value time.Duration
	}{{"Heartbeat", o.Heartbeat}, {"MaxAge", o.MaxAge}, {"WriteTimeout", o.WriteTimeout}} {
		if f.value > 0 && f.value < time.Millisecond {
			return &FieldError{
				Field: "Options." + f.name, Value: f.value.String(), Problem: "is below one millisecond: a bare number counts nanoseconds",
				Remedy: "give it with its unit, such as 15*time.Second",
			}
		}
	}
	if o.Retry > 0 && o.Retry < time.Millisecond {
		return &FieldError{
			Field: "Options.Retry", Value: o.Retry.String(), Problem: "is below one millisecond",
			Remedy: "give at least 1ms (browsers reconnect in a hot loop below it), or a negative one to send none",
		}
	}
	if o.End > EndCut {
		return fastsse.NewFieldError("Options.End", strconv.Itoa(int(o.End)), "is no way to end a stream", "give EndAuto, EndClean or EndCut")
	}
	return nil
}

// idError refuses an id under NoIDs.
func idError(id string) error {
	return fastsse.NewFieldError("id", id, "would replace the position that this stream resumes from, which Options.NoIDs forbids (a hub sets it for OnOpen)",
		"leave the id out, or carry it in data")
}

// checkNoIDs looks for an id line in encoded bytes. They must end with a newline:
// otherwise the next bytes could complete an id line that these begin.
func checkNoIDs(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if last := p[len(p)-1]; last != '\n' && last != '\r' {
		return fastsse.NewFieldError("block", string(p), "does not end in a newline",
			"send whole blocks and comments, as the Append functions make them")
	}
	for line := range bytes.FieldsFuncSeq(p, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if name, _, _ := bytes.Cut(line, []byte{':'}); string(name) == "id" {
			return idError(string(line))
		}
	}
	return nil
}

// withDefaults puts the defaults where zero values are.
func (o Options) withDefaults() Options {
	o.Heartbeat = orDefault(o.Heartbeat, defaultHeartbeat)
	o.Retry = orDefault(o.Retry, defaultRetry)
	o.WriteTimeout = orDefault(o.WriteTimeout, defaultWriteTimeout)
	o.MaxAge = max(o.MaxAge, 0)
	if o.Context == nil {
		o.Context = context.Background()
	}
	return o
}

// orDefault returns d, or the default if d is zero, or zero if d is negative. In the
// result zero means off.
func orDefault(d, def time.Duration) time.Duration {
	switch {
	case d == 0:
		return def
	case d < 0:
		return 0
	}
	return d
}
