package load

import (
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Data is what {{…}} stands for, by the number of a stream from 0: {{.Stream}} is that
// number. Topics and rows are dealt to streams in turn.
type Data struct {
	Topics []string            // {{.Topic}}
	Rows   []map[string]string // {{.Token}}, or the columns of a file
	First  int                 // number of this process's first stream
}

// NewData reads topics, which are a number, for that many from "0" on, or a file with one in
// each line; and tokens, a file with one in each line or, if its name ends in .csv, with a
// row in each line and the names of the columns in the first. Both may be empty.
func NewData(topics, tokens string) (d Data, err error) {
	if n, err := strconv.Atoi(topics); err == nil {
		if n < 1 {
			return d, fmt.Errorf("-topics %d: give at least one", n)
		}
		d.Topics = Numbered(n)
	} else if d.Topics, err = lines("-topics", topics); err != nil {
		return d, err
	}
	if strings.HasSuffix(tokens, ".csv") {
		d.Rows, err = rows(tokens)
		return d, err
	}
	all, err := lines("-tokens", tokens)
	for _, token := range all {
		d.Rows = append(d.Rows, map[string]string{"Token": token})
	}
	return d, err
}

// Numbered are so many topics, named by their numbers from 0 on.
func Numbered(n int) []string {
	topics := make([]string, n)
	for i := range topics {
		topics[i] = strconv.Itoa(i)
	}
	return topics
}

// lines reads a file, if its name is not empty.
func lines(flag, file string) (all []string, err error) {
	if file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", flag, err)
	}
	for line := range strings.Lines(string(content)) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("read %s: %q is empty; give one thing in each line", flag, file)
	}
	return all, nil
}

func rows(file string) (all []map[string]string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read -tokens: %w", err)
	}
	defer f.Close()
	table, err := csv.NewReader(f).ReadAll()
	if err != nil || len(table) < 2 {
		return nil, fmt.Errorf("read -tokens %q: give the names of the columns in the first line, and a row in each other one (%v)", file, err)
	}
	for _, cells := range table[1:] {
		row := map[string]string{}
		for i, name := range table[0] {
			row[strings.TrimSpace(name)] = cells[i]
		}
		all = append(all, row)
	}
	return all, nil
}

// of returns the values of this process's stream i.
func (d *Data) of(i int) values {
	i += d.First
	v := values{"Stream": i}
	if len(d.Topics) > 0 {
		v["Topic"] = d.Topics[i%len(d.Topics)]
	}
	if len(d.Rows) > 0 {
		for name, value := range d.Rows[i%len(d.Rows)] {
			v[name] = value
		}
	}
	return v
}

// topics is how many topics there are, at least one.
func (d *Data) topics() int { return max(len(d.Topics), 1) }
