package result

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

func histogram(microseconds ...int64) *hdrhistogram.Histogram {
	h := hdrhistogram.New(1, time.Hour.Microseconds(), 3)
	for _, us := range microseconds {
		h.RecordValue(us)
	}
	return h
}

func TestHDRLogIsReadByTheLibrary(t *testing.T) {
	var log strings.Builder
	begun := time.Date(2026, 11, 20, 21, 40, 0, 250_000_000, time.UTC)
	l := NewHDRLog(&log, begun)
	intervals := []*hdrhistogram.Histogram{histogram(900, 1200, 61_200), histogram(), nil, histogram(5)}
	for i, h := range intervals {
		if err := l.Interval(time.Duration(i)*time.Second, time.Duration(i+1)*time.Second, h); err != nil {
			t.Fatal(err)
		}
	}
	reader := hdrhistogram.NewHistogramLogReader(strings.NewReader(log.String()))
	for i, want := range intervals {
		if want == nil {
			continue
		}
		got, err := reader.NextIntervalHistogram()
		if err != nil || got == nil {
			t.Fatalf("interval %d: %v, %v", i, got, err)
		}
		if !got.Equals(want) {
			t.Errorf("interval %d: %v, want %v", i, got, want)
		}
		if from := begun.UnixMilli() + int64(i)*1000; got.StartTimeMs() != from || got.EndTimeMs() != from+1000 {
			t.Errorf("interval %d: from %d to %d, want %d and 1000 more", i, got.StartTimeMs(), got.EndTimeMs(), from)
		}
	}
	if more, err := reader.NextIntervalHistogram(); more != nil || err != nil {
		t.Error("more is in it:", more, err)
	}
}

func TestHDRLogSaysItsUnits(t *testing.T) {
	var log strings.Builder
	l := NewHDRLog(&log, time.Unix(1_795_210_800, 0))
	if err := l.Interval(1500*time.Millisecond, 2500*time.Millisecond, histogram(61_200)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"#[Histogram log format version 1.3]\n",
		"#[Histograms are of microseconds (-outputValueUnitRatio 1000); Interval_Max is in milliseconds, times are in seconds]\n",
		"#[StartTime: 1795210800.000 (seconds since epoch), 2026-11-20T21:40:00Z]\n",
		"\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
		"\n1.500,1.000,61.2", ",HISTFAAAA",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in\n%s", want, &log)
		}
	}
}

// fullDisk takes a number of writes and then no more.
type fullDisk struct{ room int }

var errFull = errors.New("no space left")

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.room--; d.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestHDRLogReportsTheFirstError(t *testing.T) {
	for room := range 3 {
		l := NewHDRLog(&fullDisk{room}, time.Now())
		first, second := l.Interval(0, time.Second, histogram(1)), l.Interval(time.Second, 2*time.Second, nil)
		if wantFirst := room < 2; errors.Is(first, errFull) != wantFirst || errors.Is(second, errFull) != wantFirst {
			t.Errorf("room for %d writes: %v, then %v", room, first, second)
		}
	}
}
