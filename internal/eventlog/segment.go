package eventlog

import "sync/atomic"

// Segment is a piece of a log: the frames of some events, contiguous, and an index of
// them. Both arrays have their final size from the start, and what is written never
// changes, so readers need no lock: they see the first n frames. Readers must not change
// anything.
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

// Frame is the index entry of one event, whose block is stored as an HTTP chunk.
type Frame struct {
	Seq   uint64
	Start uint32 // in Segment.Bytes
	End   uint32
	at    uint32 // seconds of the hub's clock
	head  uint8  // bytes of the chunk head
	flags frameFlags
}

// expired reports whether f is older than age, in seconds. Publishers take the time before
// the lock, so f may be from a second that now has not reached.
func (f *Frame) expired(age, now uint32) bool { return now > f.at && now-f.at > age }

// IsEphemeral reports whether the event is never replayed.
func (f *Frame) IsEphemeral() bool { return f.flags&ephemeralFrame != 0 }

type frameFlags uint8

const (
	ephemeralFrame frameFlags = 1 << iota // never replayed
	aliasedFrame                          // its id is the publisher's
)

const (
	frameSize       = 24 // unsafe.Sizeof(Frame{}), for accounting
	smallestSegment = 512
	largestSegment  = 128 << 10
	// bytesPerFrame is the event size for which the index has room. Smaller events fill
	// the index first, and so start the next segment early.
	bytesPerFrame = 96

	// MostEventBytes is the largest Data of an event, in bytes: its offsets in a segment
	// must fit 32 bits, even if every byte of it is a newline and so a line of its own.
	// (The constant below does not compile if they do not fit.)
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

// memory is the size of the segment, in bytes.
func (s *Segment) memory() int { return len(s.Bytes) + len(s.Frames)*frameSize }

// Visible returns the frames that may be read, at this moment. Any goroutine may call it.
func (s *Segment) Visible() []Frame { return s.Frames[:s.n.Load()] }

// used is where the next frame starts.
func (s *Segment) used() int {
	if n := s.n.Load(); n > 0 {
		return int(s.Frames[n-1].End)
	}
	return 0
}

// Payload is the event's block, without the chunk around it: a slice of the segment.
func (s *Segment) Payload(f *Frame) []byte {
	return s.Bytes[f.Start+uint32(f.head) : f.End-2]
}

// Chunk is the event's block as an HTTP chunk: a slice of the segment.
func (s *Segment) Chunk(f *Frame) []byte { return s.Bytes[f.Start:f.End] }
