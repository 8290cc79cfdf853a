package server

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/eventlog"
)

// entries are messages as they are published together.
var entries = [][]Message{
	{{Topic: "a"}},
	{{Topic: "a/b", Event: fastsse.Event{ID: "own-1", Type: "goal", Data: []byte("1\n2"), Retry: 3 * time.Second}, Ephemeral: true}},
	{{Topic: "a", Event: fastsse.Event{Data: bytes.Repeat([]byte("x"), 1000)}}, {Topic: "b", Event: fastsse.Event{Data: []byte{0, 255}}}},
	make([]Message, mostMessages),
}

func init() {
	for i := range entries[3] {
		entries[3][i].Topic = "t"
	}
}

func TestEntriesHoldMessages(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_123)
	for _, want := range entries {
		b := appendEntry([]byte("before"), 7, at, want)
		if mark, ok := markOf(b[len("before"):]); !ok || mark != 7 {
			t.Errorf("the mark is %d", mark)
		}
		gotAt, got, err := readEntry(b[len("before"):], "epoch1")
		if err != nil || !gotAt.Equal(at) || len(got) != len(want) {
			t.Fatalf("%d messages at %v, %v; want %d", len(got), gotAt, err, len(want))
		}
		for i := range got {
			if len(got[i].Event.Data) == 0 {
				got[i].Event.Data = nil
			}
			if !reflect.DeepEqual(got[i], want[i]) {
				t.Errorf("got %+v, want %+v", got[i], want[i])
			}
		}
	}
}

// The bytes of an entry are for other releases, too.
func TestEntryBytes(t *testing.T) {
	const want = "\x01" + "\x01\x02\x03\x04\x05\x06\x07\x08" + "\xe8\x07\x02" + "\x01\x01a\x04goal\x03own\xb8\x17\x01x" + "\x00\x03b/c\x00\x00\x00\x00"
	got := appendEntry(nil, 0x0807060504030201, time.UnixMilli(1000), []Message{
		{Topic: "a", Event: fastsse.Event{ID: "own", Type: "goal", Data: []byte("x"), Retry: 3 * time.Second}, Ephemeral: true},
		{Topic: "b/c"},
	})
	if string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEntriesThatCannotBeRead(t *testing.T) {
	good := string(appendEntry(nil, 1, time.UnixMilli(1), entries[1]))
	if _, _, err := readEntry([]byte(good), "epoch1"); err != nil {
		t.Fatal(err)
	}
	long := []Message{{Topic: "a", Event: fastsse.Event{Type: strings.Repeat("t", maxTypeBytes+1)}}}
	for name, entry := range map[string]string{
		"version":        "\x02" + good[1:],
		"flags":          good[:11] + "\x02" + good[12:],
		"more":           good + "x",
		"no events":      good[:9] + "\x00\x00",
		"many events":    good[:9] + "\x00\xe9\x07",
		"a huge number":  good[:9] + "\x00\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		"topic":          string(appendEntry(nil, 1, time.UnixMilli(1), []Message{{Topic: "a b"}})),
		"id":             string(appendEntry(nil, 1, time.UnixMilli(1), []Message{{Topic: "a", Event: fastsse.Event{ID: "epoch1-7"}}})),
		"a line in type": string(appendEntry(nil, 1, time.UnixMilli(1), []Message{{Topic: "a", Event: fastsse.Event{Type: "a\nb"}}})),
		"a long type":    string(appendEntry(nil, 1, time.UnixMilli(1), long)),
	} {
		if _, got, err := readEntry([]byte(entry), "epoch1"); err == nil || got != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for n := range len(good) {
		if _, _, err := readEntry([]byte(good[:n]), "epoch1"); err == nil {
			t.Errorf("the first %d of %d bytes are read", n, len(good))
		}
	}
}

func TestSequencesOfAnEntry(t *testing.T) {
	const most = 1<<53 - 1 // of a broker
	for _, entry := range []uint64{1, 2, most} {
		if entryOf(firstOf(entry)) != entry || entryOf(endOf(entry)) != entry || behind(entry) != endOf(entry)+1 || firstOf(entry+1) != behind(entry)+1 {
			t.Errorf("entry %d: %d to %d", entry, firstOf(entry), endOf(entry))
		}
	}
	if endOf(most) > math.MaxInt64 {
		t.Error("the last sequence is too large")
	}
}

func FuzzReadEntry(f *testing.F) {
	for _, m := range entries[:3] {
		f.Add(appendEntry(nil, 1, time.UnixMilli(1), m))
	}
	f.Fuzz(func(t *testing.T, entry []byte) {
		at, messages, err := readEntry(entry, "epoch1")
		if err != nil {
			return
		}
		if len(messages) == 0 || len(messages) > mostMessages {
			t.Fatalf("%d messages", len(messages))
		}
		for i := range messages {
			if err := eventlog.CheckTopic(messages[i].Topic); err != nil {
				t.Fatal(err)
			}
		}
		mark, _ := markOf(entry)
		again, same, err := readEntry(appendEntry(nil, mark, at, messages), "epoch1")
		if err != nil || !again.Equal(at) || !reflect.DeepEqual(same, messages) {
			t.Fatalf("got %+v, %v; want %+v", same, err, messages)
		}
	})
}
