package fault

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestValidateSaysWhatAndHow(t *testing.T) {
	for _, c := range []struct {
		faults Faults
		says   string
	}{
		{Faults{Drop: -1}, "drop of -1: give 1 or more"},
		{Faults{Duplicate: -2}, "duplicate of -2"},
		{Faults{Reorder: -3}, "reorder of -3"},
		{Faults{Refuse: -5}, "refuse of -5"},
		{Faults{Delay: -time.Second}, "delay of -1s: give a duration above zero"},
		{Faults{Stall: -1}, "stall of -1ns"},
		{Faults{Cut: -1}, "cut of"},
		{Faults{Reset: -1}, "reset of"},
		{Faults{RefuseStatus: 100}, "refuse-status of 100"},
		{Faults{RefuseStatus: 600}, "refuse-status of 600"},
		{Faults{Strip: []string{"X: y"}}, `strip of "X: y"`},
		{Faults{Strip: []string{""}}, `strip of ""`},
		{Faults{Drop: -1, Cut: -1}, "cut of"}, // all of it, not the first
	} {
		if err := c.faults.Validate(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v; want something of %q", c.faults, err, c.says)
		}
		if _, err := NewProxy(t.Context(), &url.URL{Scheme: "http", Host: "localhost"}, c.faults); err == nil {
			t.Errorf("%+v: NewProxy takes it", c.faults)
		}
	}
	all := Faults{Drop: 1, Duplicate: 1, Reorder: 1, Delay: 1, Stall: 1, Cut: 1, Reset: 1,
		Refuse: 1, RefuseStatus: 204, Strip: []string{"Date"}}
	for _, f := range []Faults{{}, all} {
		if err := f.Validate(); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func TestAnyAndString(t *testing.T) {
	for _, c := range []struct {
		faults Faults
		says   string
	}{
		{Faults{Drop: 1000}, "drop 1 in 1000"},
		{Faults{Duplicate: 2}, "duplicate 1 in 2"},
		{Faults{Reorder: 3}, "reorder 1 in 3"},
		{Faults{Delay: time.Second, Stall: 5 * ms}, "delay 1s, stall once for 5ms"},
		{Faults{Cut: time.Second}, "cut after 1s"},
		{Faults{Reset: time.Second}, "reset after 1s"},
		{Faults{Refuse: 3}, "refuse 1 in 3 with 503"},
		{Faults{Refuse: 3, RefuseStatus: 429}, "refuse 1 in 3 with 429"},
		{Faults{Strip: []string{"Date", "Etag"}}, "strip Date Etag"},
	} {
		if c.faults.String() != c.says || !c.faults.Any() {
			t.Errorf("%+v: %q, any %v; want %q", c.faults, c.faults, c.faults.Any(), c.says)
		}
	}
	for _, f := range []Faults{{}, {RefuseStatus: 503}} {
		if f.Any() || f.String() != "none" {
			t.Errorf("%+v: %q, any %v; want none", f, f, f.Any())
		}
	}
}
