package transcript

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Answer is the head of an answer in a file of testdata/transcripts.
type Answer struct {
	File   string // and line
	Method string // of the request that came last before it
	Status int
	Head   []string // its header lines
}

// Answers returns the heads of all answers in the files of testdata/transcripts.
func Answers(t testing.TB) (all []Answer) {
	t.Helper()
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts, %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, answersIn(filepath.Base(file), string(text))...)
	}
	return all
}

func answersIn(file, text string) (all []Answer) {
	method, inHead := "", false
	for i, line := range strings.Split(text, "\n") {
		from, wire := sentLine(line)
		protocol, status, _ := strings.Cut(wire, " ")
		switch {
		case from == '>' && strings.Contains(wire, " HTTP/1."):
			method = protocol
		case from == '<' && strings.HasPrefix(protocol, "HTTP/1."):
			code, _ := strconv.Atoi(status[:min(3, len(status))])
			all = append(all, Answer{File: file + ":" + strconv.Itoa(i+1), Method: method, Status: code})
			inHead = true
		case from == '<' && inHead && wire != "":
			last := &all[len(all)-1]
			last.Head = append(last.Head, wire)
		case from == '<':
			inHead = false
		}
	}
	return all
}

// sentLine returns who sent a line of a file, '>' or '<', and the line without its end; 0 if
// nobody has.
func sentLine(line string) (from byte, wire string) {
	if len(line) < 2 || line[0] != '>' && line[0] != '<' {
		return 0, ""
	}
	wire, err := strconv.Unquote(line[2:])
	if err != nil { // an end, or bytes that were shortened
		return 0, ""
	}
	return line[0], strings.TrimRight(wire, "\r\n")
}
