//go:build !race

package fastsse

const raceEnabled = false
