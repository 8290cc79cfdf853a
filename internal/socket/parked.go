package socket

// Parked is a descriptor of its own on a connection's socket, and all that is left of
// a connection which has been parked: whoever accepted it has closed theirs.
type Parked struct {
	FD int32
}

// NoDescriptor is the FD of a stream that is not parked.
const NoDescriptor = -1

// IsParked reports whether there is a descriptor.
func (p Parked) IsParked() bool { return p.FD != NoDescriptor }
