// Package fiber holds what fastsse promises to applications made with fiber: its
// tests run a stream behind the middleware that such applications have. It is a
// module of its own, so that nothing else depends on fiber.
package fiber
