package soak

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"time"
)

// Manners is how a client reads and when it goes.
type Manners struct {
	Pause time.Duration // after each block, now and then
	Every int           // a pause after so many blocks; 0: none
	Stall time.Duration // once, at some block
	Stay  time.Duration // 0: to the stream's end
	Exit  string        // "fin", "rst", "half"
}

// SomeManners draws them.
func SomeManners(random *rand.Rand) Manners {
	m := Manners{
		Stay: time.Duration(1+random.IntN(1200)) * time.Millisecond,
		Exit: []string{"fin", "rst", "half"}[random.IntN(3)],
	}
	switch random.IntN(6) {
	case 0:
		m.Every, m.Pause = 1+random.IntN(4), time.Duration(1+random.IntN(20))*time.Millisecond
	case 1:
		m.Every, m.Stall = 1+random.IntN(20), time.Duration(50+random.IntN(1500))*time.Millisecond
		m.Stay += m.Stall
	}
	if random.IntN(4) == 0 {
		m.Stay /= 20 // hardly there, and gone again
	}
	return m
}

// Read hands the blocks of a stream to take until the client leaves, as m says or because
// take returns false, or the stream ends. A client that stays to the end does so for patience
// at most. rest waits, when the client reads nothing for a while. Afterwards the connection is
// closed. end is "left", "clean", or "cut" with an error.
func (l *Line) Read(m Manners, patience time.Duration, rest func(time.Duration), take func(Receipt) bool) (end string, err error) {
	until := time.Now().Add(patience)
	if m.Stay > 0 {
		until = time.Now().Add(m.Stay)
	}
	_ = l.conn.SetReadDeadline(until)
	for n := 1; ; n++ {
		got, err := l.Block()
		switch {
		case err == nil && take(got):
			m.pause(n, rest)
		case err == nil, m.Stay > 0 && errors.Is(err, os.ErrDeadlineExceeded):
			l.Leave(m.Exit)
			return "left", nil
		case err == io.EOF:
			l.Leave("fin")
			return "clean", nil
		default:
			l.Leave("fin")
			return "cut", err
		}
	}
}

// pause is what a client does after its nth block.
func (m *Manners) pause(n int, rest func(time.Duration)) {
	switch {
	case m.Every == 0 || n%m.Every != 0:
	case m.Pause > 0:
		rest(m.Pause)
	case n == m.Every:
		rest(m.Stall)
	}
}
