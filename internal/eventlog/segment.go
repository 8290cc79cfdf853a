package eventlog

import "sync/atomic"

// Segment is a piece of a log: the frames of some events, contiguous, and their
// index. Both arrays have their final size from the start and what is written
// stays as it is, so that readers need no lock: they see the first n frames.
//
//	bytes   |head payload CRLF|head payload CRLF|…        room        |
//	frames   0                 1                 … n
//
//	start+head ≤ end-2 ≤ len(bytes), each frame's end is the next one's start
type Segment struct {
	Bytes  []byte
	Frames []Frame
	n      atomic.Int32 // frames that may be read; stored last
}

// Frame is the index entry of one event: an HTTP chunk that holds its block.
type Frame struct {
	Seq   uint64
	Start uint32
	End   uint32
	at    uint32 // seconds of the hub's clock
	head  uint8  // bytes of the chunk head
	flags frameFlags
}

// expired reports whether f is older than age. Publishers take the time before the
// lock: f may be of a second that now has not reached.
func (f *Frame) expired(age, now uint32) bool { return now > f.at && now-f.at > age }

// IsEphemeral reports whether f is never replayed.
func (f *Frame) IsEphemeral() bool { return f.flags&ephemeralFrame != 0 }

type frameFlags uint8

const (
	ephemeralFrame frameFlags = 1 << iota // never replayed
	aliasedFrame                          // its id line is the publisher's
)

const (
	frameSize       = 24 // unsafe.Sizeof(frame{}), for accounting
	smallestSegment = 512
	largestSegment  = 128 << 10
	// bytesPerFrame is what the index reckons with. Events smaller than that
	// fill a segment by number, and start the next one early.
	bytesPerFrame = 96

	// MostEventBytes is the largest Data of an event: its place in a segment must fit
	// 32 bits, even if every byte of it is a newline and so a line of its own.
	// (This does not compile if it cannot.)
	MostEventBytes = 64 << 20
	_              = uint32((MostEventBytes+1)*len("data: \n") + frameOverhead)
	frameOverhead  = 1024 // more than an event's id, type, retry and framing take
)

func newSegment(size int) *Segment {
	return &Segment{
		Bytes:  make([]byte, size),
		Frames: make([]Frame, max(4, size/bytesPerFrame)),
	}
}

// memory is what the segment costs.
func (s *Segment) memory() int { return len(s.Bytes) + len(s.Frames)*frameSize }

// Visible returns the frames that may be read.
func (s *Segment) Visible() []Frame { return s.Frames[:s.n.Load()] }

// used is where the next frame starts.
func (s *Segment) used() int {
	if n := s.n.Load(); n > 0 {
		return int(s.Frames[n-1].End)
	}
	return 0
}

// Payload is the event's block, without the chunk around it.
func (s *Segment) Payload(f *Frame) []byte {
	return s.Bytes[f.Start+uint32(f.head) : f.End-2]
}

// Chunk is the event's block with the chunk around it.
func (s *Segment) Chunk(f *Frame) []byte { return s.Bytes[f.Start:f.End] }
