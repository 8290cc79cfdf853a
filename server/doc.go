// Package server holds many streams.
package server
