package result

import (
	"fmt"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// HDRLog writes histograms of intervals in the HdrHistogram log format (version
// 1.3), for the tools that read it: one line per interval, which can be added up
// without loss. Values are microseconds, and Interval_Max is in milliseconds as usual.
// Tools assume nanoseconds unless told that 1000 units are a millisecond
// (HistogramLogProcessor -outputValueUnitRatio 1000). A comment in the log says so.
//
// Its methods are for one goroutine at a time. It buffers nothing.
type HDRLog struct {
	out firstError
}

// firstError is a writer that writes nothing more after a write has failed.
type firstError struct {
	w   io.Writer
	err error // of that write
}

func (f *firstError) Write(p []byte) (n int, err error) {
	if f.err == nil {
		n, f.err = f.w.Write(p)
	}
	return n, f.err
}

// NewHDRLog writes the head of a log. If that fails, the first Interval returns the
// error. The times of intervals count from begun.
func NewHDRLog(w io.Writer, begun time.Time) *HDRLog {
	l := &HDRLog{out: firstError{w: w}}
	head := hdrhistogram.NewHistogramLogWriter(&l.out)
	seconds := float64(begun.UnixMilli()) / 1000
	// The library's own OutputStartTime drops the milliseconds.
	for _, comment := range []string{
		"[Logged by fastsse bench]",
		"[Histogram log format version " + hdrhistogram.HISTOGRAM_LOG_FORMAT_VERSION + "]",
		"[Histograms are of microseconds (-outputValueUnitRatio 1000); Interval_Max is in milliseconds, times are in seconds]",
		fmt.Sprintf("[StartTime: %.3f (seconds since epoch), %s]", seconds, begun.UTC().Format(time.RFC3339)),
		fmt.Sprintf("[BaseTime: %.3f (seconds since epoch)]", seconds),
	} {
		head.OutputComment(comment) //nolint:errcheck // l.out keeps it
	}
	head.OutputLegend() //nolint:errcheck // l.out keeps it
	return l
}

// Interval appends the latencies from one time since the beginning to another. An
// empty histogram is an interval in which nothing came; nil is no interval.
func (l *HDRLog) Interval(from, to time.Duration, h *hdrhistogram.Histogram) error {
	if h == nil || l.out.err != nil {
		return l.failure()
	}
	histogram, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return fmt.Errorf("hdr log: interval from %v to %v: %w", from, to, err)
	}
	// The library's writer divides the maximum by 1,000,000, and cannot be told
	// otherwise: the fields of its options are not exported.
	const perMillisecond = 1000
	fmt.Fprintf(&l.out, "%.3f,%.3f,%.3f,%s\n", from.Seconds(), (to - from).Seconds(), float64(h.Max())/perMillisecond, histogram)
	return l.failure()
}

// failure is the first error of a write.
func (l *HDRLog) failure() error {
	if l.out.err == nil {
		return nil
	}
	return fmt.Errorf("hdr log: %w", l.out.err)
}
