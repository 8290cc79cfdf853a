package server

import "sync/atomic"

// segment is a piece of a log: the frames of some events, contiguous, and their
// index. Both arrays have their final size from the start and what is written
// stays as it is, so that readers need no lock: they see the first n frames.
//
//	bytes   |head payload CRLF|head payload CRLF|…        room        |
//	frames   0                 1                 … n
//
//	start+head ≤ end-2 ≤ len(bytes), each frame's end is the next one's start
type segment struct {
	bytes  []byte
	frames []frame
	n      atomic.Int32 // frames that may be read; stored last
}

// frame is the index entry of one event: an HTTP chunk that holds its block.
type frame struct {
	seq   uint64
	start uint32
	end   uint32
	at    uint32 // seconds of the hub's clock
	head  uint8  // bytes of the chunk head
	flags frameFlags
}

// expired reports whether f is older than age. Publishers take the time before the
// lock: f may be of a second that now has not reached.
func (f *frame) expired(age, now uint32) bool { return now > f.at && now-f.at > age }

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
)

func newSegment(size int) *segment {
	return &segment{
		bytes:  make([]byte, size),
		frames: make([]frame, max(4, size/bytesPerFrame)),
	}
}

// memory is what the segment costs.
func (s *segment) memory() int { return len(s.bytes) + len(s.frames)*frameSize }

// visible returns the frames that may be read.
func (s *segment) visible() []frame { return s.frames[:s.n.Load()] }

// used is where the next frame starts.
func (s *segment) used() int {
	if n := s.n.Load(); n > 0 {
		return int(s.frames[n-1].end)
	}
	return 0
}

// payload is the event's block, without the chunk around it.
func (s *segment) payload(f *frame) []byte {
	return s.bytes[f.start+uint32(f.head) : f.end-2]
}

// chunk is the event's block with the chunk around it.
func (s *segment) chunk(f *frame) []byte { return s.bytes[f.start:f.end] }
