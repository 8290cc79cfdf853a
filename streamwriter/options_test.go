package streamwriter

import (
	"errors"
	"testing"
	"time"
)

// A bare number that means seconds is that many nanoseconds.
func TestDurationsWithoutAUnitAreRefused(t *testing.T) {
	for field, o := range map[string]Options{
		"Options.Heartbeat":    {Heartbeat: 15},
		"Options.Retry":        {Retry: 3000},
		"Options.MaxAge":       {MaxAge: 240},
		"Options.WriteTimeout": {WriteTimeout: 999_999},
	} {
		err := o.Validate()
		if fe, ok := errors.AsType[*FieldError](err); !ok || fe.Field != field || fe.Value == "" || fe.Remedy == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, d := range []time.Duration{-1, 0, time.Millisecond} {
		o := Options{Heartbeat: d, Retry: d, MaxAge: d, WriteTimeout: d}
		if err := o.Validate(); err != nil {
			t.Errorf("%v: %v", d, err)
		}
	}
}
