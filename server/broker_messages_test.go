package server

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/server/backplane"
)

func TestWhatIsTooLargeForTheBrokerIsSaidInWords(t *testing.T) {
	for messages, says := range map[int]string{
		1:   `a publish of "1 message" is more than the broker takes at once (backplane: `,
		100: `a publish of "100 messages" is more than the broker takes at once (backplane: `,
	} {
		err := tooLargeForBroker(backplane.ErrTooLarge, messages)
		if !strings.HasPrefix(err.Error(), says) || !strings.Contains(err.Error(), "send") || publishStatus(err) != 413 {
			t.Errorf("%d messages: %v; want 413, and %s", messages, err, says)
		}
	}
}

// A second signal ends the wait at once: nothing may be left but the hub's own goroutines.
func TestCloseSaysWhatItWaitedFor(t *testing.T) {
	for want, got := range map[string]error{
		"still waiting for 2 streams to end and 1 hooks": notClosed(2, 1, errSignal),
		"still waiting for 0 streams to end and 1 hooks": notClosed(0, 1, errSignal),
		"goroutines had not all ended":                   notClosed(0, 0, errSignal),
	} {
		if !strings.Contains(got.Error(), want) || !errors.Is(got, errSignal) || errors.Is(got, context.Canceled) {
			t.Errorf("%v; want %q, and the cause", got, want)
		}
	}
	if text := notClosed(0, 0, errSignal).Error(); strings.Contains(text, "0 streams") {
		t.Errorf("it waits for nothing: %s", text)
	}
}
