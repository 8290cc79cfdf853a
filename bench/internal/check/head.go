package check

import (
	"bufio"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// head is a response's status line and headers, as they were sent.
type head struct {
	proto  string
	status int
	reason string
	fields []field
}

type field struct{ name, value string }

// maxHead bounds a head.
const maxHead = 64 << 10

// readHead reads the head of the final answer, and skips 1xx answers.
func readHead(r *bufio.Reader) (head, error) {
	for {
		h, err := readOneHead(r)
		if err != nil || h.status/100 != 1 {
			return h, err
		}
	}
}

func readOneHead(r *bufio.Reader) (head, error) {
	room := maxHead
	line, err := headLine(r, &room)
	if err != nil {
		return head{}, err
	}
	h, err := parseStatusLine(line)
	if err != nil {
		return head{}, err
	}
	for {
		line, err := headLine(r, &room)
		if err != nil || line == "" {
			return h, err
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return head{}, fmt.Errorf("header line %s is not of the form Name: value", quote(line))
		}
		h.fields = append(h.fields, field{name, strings.Trim(value, " \t")})
	}
}

func headLine(r *bufio.Reader, room *int) (string, error) {
	line, err := r.ReadString('\n')
	if *room -= len(line); *room < 0 {
		return "", fmt.Errorf("the head is longer than %d bytes", maxHead)
	}
	return strings.TrimRight(line, "\r\n"), err
}

var errNotHTTP = errors.New("the answer does not begin as HTTP/1 does")

func parseStatusLine(line string) (head, error) {
	proto, rest, _ := strings.Cut(line, " ")
	code, reason, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if err != nil || !strings.HasPrefix(proto, "HTTP/1.") || len(code) != 3 {
		return head{}, fmt.Errorf("%w: %s", errNotHTTP, quote(line))
	}
	return head{proto: proto, status: status, reason: reason}, nil
}

// all are the values of a header, one for each line that has it.
func (h *head) all(name string) []string {
	var values []string
	for _, f := range h.fields {
		if strings.EqualFold(f.name, name) {
			values = append(values, f.value)
		}
	}
	return values
}

// get is a header's value, or all of them with commas between.
func (h *head) get(name string) string { return strings.Join(h.all(name), ", ") }

// has reports whether a header is a list with this word in it, in any case.
func (h *head) has(name, word string) bool {
	for item := range strings.SplitSeq(h.get(name), ",") {
		item, _, _ = strings.Cut(item, ";")
		item, _, _ = strings.Cut(item, "=")
		if strings.EqualFold(strings.TrimSpace(item), word) {
			return true
		}
	}
	return false
}

func (h *head) statusText() string { return strings.TrimSpace(strconv.Itoa(h.status) + " " + h.reason) }
