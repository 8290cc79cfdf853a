package server

// queue is a first-in first-out list. The zero value is empty.
type queue[T any] struct {
	items []T
	head  int // items before it are gone
}

func (q *queue[T]) len() int { return len(q.items) - q.head }

func (q *queue[T]) push(v T) { q.items = append(q.items, v) }

// pop takes the first item; there must be one.
func (q *queue[T]) pop() T {
	v := q.items[q.head]
	q.head++
	switch {
	case q.head == len(q.items):
		q.items, q.head = q.items[:0], 0
	case q.head >= 1024 && q.head*2 >= len(q.items):
		n := copy(q.items, q.items[q.head:])
		q.items, q.head = q.items[:n], 0
	}
	return v
}
