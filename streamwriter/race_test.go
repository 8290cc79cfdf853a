//go:build race

package streamwriter

// raceEnabled: the race detector allocates where the code does not.
const raceEnabled = true
