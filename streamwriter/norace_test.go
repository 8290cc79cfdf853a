//go:build !race

package streamwriter

const raceEnabled = false
