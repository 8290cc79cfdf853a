package fastsse

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzRoundTrip: what is appended is what is read, however it arrives, and whatever other
// events and comments are beside it.
func FuzzRoundTrip(f *testing.F) {
	f.Add("7", "score", []byte("one\ntwo"), int64(3000), "", "", []byte(nil), "hb", []byte{3, 4})
	f.Add("7", "t", []byte("\r\n\r"), int64(0), " 8", " u", []byte(" : \n"), "", []byte{0, 0, 0})
	f.Add("é", "\ufeff", []byte("\ufeff"), int64(1), "id", "event", []byte("data: \x00"), "\n\ndata: x\n\n", []byte{250})
	f.Fuzz(func(t *testing.T, id, typ string, data []byte, ms int64, id2, typ2 string, data2 []byte, comment string, cuts []byte) {
		sent := []Event{
			{ID: id, Type: typ, Data: data, Retry: time.Duration(ms%(1<<39)) * time.Millisecond},
			{ID: id2, Type: typ2, Data: data2},
			{Data: data},
		}
		var wire []byte
		for i, e := range sent {
			if e.Validate() != nil {
				t.Skip("no event can be this")
			}
			wire = AppendComment(wire, comment)
			wire = AppendEventFields(wire, &e)
			wire = AppendComment(wire, comment)
			wire = appendEnd(wire, e.ID)
			sent[i].Data = []byte(normalised(e.Data))
			if e.ID == "" && i > 0 {
				sent[i].ID = sent[i-1].ID
			}
		}
		var got []Event
		for e, err := range Read(readPieces(cutAt(wire, cuts))) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e)
		}
		if !slices.EqualFunc(got, sent, equal) {
			t.Errorf("%q: read %+v, want %+v", wire, got, sent)
		}
	})
}

// appendEnd ends an event of AppendEventFields.
func appendEnd(wire []byte, id string) []byte {
	if id == "" {
		return append(wire, '\n')
	}
	return AppendID(wire, id)
}

func equal(a, b Event) bool {
	return a.ID == b.ID && a.Type == b.Type && bytes.Equal(a.Data, b.Data) && a.Retry == b.Retry
}

// FuzzSplits: a stream in pieces is the stream, whether they are read or fed, whether or
// not all that is complete is taken before the next one, and in the parts of NextRaw.
func FuzzSplits(f *testing.F) {
	for _, wire := range streams {
		f.Add([]byte(wire), []byte{0, 2, 5, 1}, []byte{0, 1, 2})
	}
	f.Add([]byte(strings.Repeat("data: "+strings.Repeat("x", 3000)+"\r\n", 9)+"\r\n"), []byte{250, 249, 3, 222}, []byte{1})
	f.Fuzz(func(t *testing.T, wire, cuts, takes []byte) {
		pieces := cutAt(wire, cuts)
		var whole Decoder
		whole.Feed(wire)
		want, _ := takeAll(&whole)
		var read, inTurns, raw []string
		var all []byte
		read, err := takeAll(NewDecoder(readPieces(pieces)))
		if err != io.EOF {
			t.Fatal(err)
		}
		inTurns = feedInTurns(pieces, takes)
		parts := NewDecoder(readPieces(pieces))
		for err = nil; err == nil; {
			var part []byte
			var b *Received
			part, b, err = parts.NextRaw()
			all = append(all, part...)
			if err == nil && b.HasData {
				raw = append(raw, said(parts, b))
			}
		}
		for name, got := range map[string][]string{"read": read, "fed": inTurns, "in parts": raw} {
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if !bytes.Equal(all, wire) {
			t.Errorf("the parts are %q, of %q", all, wire)
		}
	})
}

// said is what b says, and the Decoder with it.
func said(d *Decoder, b *Received) string {
	wait, set := d.Retry()
	return fmt.Sprintf("%q %q %q %v %v %v %d %q", b.ID, b.Type, b.Data, b.HasRetry, wait, set, d.Comments(), d.LastEventID())
}

func takeAll(d *Decoder) (list []string, err error) {
	for {
		b, err := d.Next()
		if err != nil {
			return list, err
		}
		list = append(list, said(d, b))
	}
}

// feedInTurns takes as many events after a piece as takes says, in place of all. A piece is overwritten
// when it is not the Decoder's any more.
func feedInTurns(pieces [][]byte, takes []byte) (list []string) {
	var d Decoder
	var lent []byte
	for i, piece := range pieces {
		next := bytes.Clone(piece)
		d.Feed(next)
		for j := range lent {
			lent[j] = '#'
		}
		lent = next
		most := 1 << 30
		if len(takes) > 0 {
			most = int(takes[i%len(takes)] % 4)
		}
		for range most {
			b, err := d.Next()
			if err != nil {
				break
			}
			list = append(list, said(&d, b))
		}
	}
	rest, _ := takeAll(&d)
	return append(list, rest...)
}
