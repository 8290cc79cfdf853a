// Package queue is a first-in first-out list.
package queue

// Queue is a first-in first-out list of one goroutine's. The zero value is empty.
type Queue[T any] struct {
	items []T
	head  int // items before it are gone
}

// Len is how many items there are.
func (q *Queue[T]) Len() int { return len(q.items) - q.head }

// Push appends an item.
func (q *Queue[T]) Push(v T) { q.items = append(q.items, v) }

// Peek returns the item that Pop would; there must be one.
func (q *Queue[T]) Peek() T { return q.items[q.head] }

// Pop takes the first item out; there must be one.
func (q *Queue[T]) Pop() T {
	var zero T
	v := q.items[q.head]
	q.items[q.head] = zero // or it would be kept alive
	q.head++
	switch {
	case q.head == len(q.items):
		q.items, q.head = q.items[:0], 0
	case q.head >= 1024 && q.head*2 >= len(q.items):
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	return v
}
