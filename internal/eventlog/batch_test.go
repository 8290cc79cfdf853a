package eventlog

import (
	"strings"
	"testing"

	"github.com/fastsse/fastsse"
)

// The log of record may number the events, with holes; what is out of order changes
// nothing.
func TestTheLogOfRecordNumbersEvents(t *testing.T) {
	w := newLogs(t)
	commit := func(seqs ...uint64) ([]string, error) {
		b := w.history.NewBatch()
		defer b.Recycle()
		for _, seq := range seqs {
			b.Add("a", &fastsse.Event{Data: []byte("x")}, false, seq)
		}
		err := w.history.Commit(b, 0)
		var ids []string
		for i := range seqs {
			ids = append(ids, b.ID(i))
		}
		return ids, err
	}
	ids, err := commit(5, 9, 0)
	if err != nil || strings.Join(ids, " ") != "e-5 e-9 e-10" {
		t.Fatalf("sequences 5, 9 and none: %q, %v", ids, err)
	}
	for _, seqs := range [][]uint64{{10}, {3}, {11, 11}, {12, 4}} {
		if _, err := commit(seqs...); err == nil || !strings.Contains(err.Error(), "order of the log of record") {
			t.Errorf("sequences %d after 10: %v, want an error that says why", seqs, err)
		}
		if w.head() != 10 || w.topic("a").Newest() != 10 {
			t.Fatalf("sequences %d, which were refused, have changed the logs", seqs)
		}
	}
	var got []uint64
	for c := w.topic("a").Seek(6); c.Frame != nil; c.Next() {
		got = append(got, c.Frame.Seq)
	}
	if len(got) != 2 || got[0] != 9 || got[1] != 10 {
		t.Errorf("from 6 on there are %d, want 9 and 10", got)
	}
}
