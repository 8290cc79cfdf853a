// Package server holds many streams.
package server

import _ "github.com/fasthttp/router"
