//go:build race

package fastsse

// raceEnabled: the race detector allocates where the code does not.
const raceEnabled = true
