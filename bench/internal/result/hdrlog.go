package result

import (
	"fmt"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// HDRLog writes histograms of intervals in the HdrHistogram log format (version 1.3), for
// the tools that read it: one line per interval, which can be added up without loss. Values
// are microseconds, and Interval_Max is in milliseconds as usual. Tools assume nanoseconds
// unless told that 1000 units are a millisecond (HistogramLogProcessor -outputValueUnitRatio
// 1000). A comment in the log says so. Its methods are for one goroutine at a time.
type HDRLog struct {
	w   io.Writer
	err error // of the first write that failed; nothing is written after it
}

// NewHDRLog writes the head of a log. If that fails, the first Interval returns the
// error. The times of intervals count from begun.
func NewHDRLog(w io.Writer, begun time.Time) *HDRLog {
	l := &HDRLog{w: w}
	seconds := float64(begun.UnixMilli()) / 1000
	// The library's own writer drops the milliseconds of these times, and divides the maxima
	// of intervals by 1,000,000.
	l.printf(`#[Logged by ssebench]
#[Histogram log format version %s]
#[Histograms are of microseconds (-outputValueUnitRatio 1000); Interval_Max is in milliseconds, times are in seconds]
#[StartTime: %.3f (seconds since epoch), %s]
#[BaseTime: %.3f (seconds since epoch)]
"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
`, hdrhistogram.HISTOGRAM_LOG_FORMAT_VERSION, seconds, begun.UTC().Format(time.RFC3339), seconds)
	return l
}

// Interval appends the latencies from one time since the beginning to another. An
// empty histogram is an interval in which nothing came; nil is no interval.
func (l *HDRLog) Interval(from, to time.Duration, h *hdrhistogram.Histogram) error {
	if h == nil {
		return l.err
	}
	histogram, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return fmt.Errorf("hdr log: interval from %v to %v: %w", from, to, err)
	}
	l.printf("%.3f,%.3f,%.3f,%s\n", from.Seconds(), (to - from).Seconds(), float64(h.Max())/1000, histogram)
	return l.err
}

func (l *HDRLog) printf(format string, args ...any) {
	if l.err == nil {
		if _, err := fmt.Fprintf(l.w, format, args...); err != nil {
			l.err = fmt.Errorf("hdr log: %w", err)
		}
	}
}
