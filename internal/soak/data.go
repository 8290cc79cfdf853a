package soak

import (
	"hash/maphash"
	"math/rand/v2"
	"strings"
)

var seed = maphash.MakeSeed()

// Sum is by what data is recognised, in this process.
func Sum(data []byte) uint64 { return maphash.Bytes(seed, data) }

// Filler is what data is cut out of: letters, and line feeds here and there. Nobody changes it.
var Filler = func() []byte {
	random := rand.New(rand.NewPCG(7, 7))
	b := make([]byte, 128<<10)
	for i := range b {
		b[i] = 'a' + byte(random.IntN(26))
		if random.IntN(200) == 0 {
			b[i] = '\n'
		}
	}
	return b
}()

// Data is n bytes of Filler, at most 64 KiB.
func Data(random *rand.Rand, n int) []byte {
	at := random.IntN(len(Filler) - n)
	return Filler[at : at+n]
}

// Matches reports whether a topic is the one that a client asks for, or in its subtree.
func Matches(pattern, topic string) bool {
	prefix, subtree := strings.CutSuffix(pattern, "*")
	return pattern == topic || subtree && strings.HasPrefix(topic, prefix)
}
