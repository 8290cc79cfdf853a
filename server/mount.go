package server

import "github.com/fasthttp/router"

// MountOptions are the settings of a hub's routes.
type MountOptions struct {
	// SubscribePath is where streams are opened. Empty means "/events".
	SubscribePath string
	// PublishPath is where events are published. Empty means "/publish".
	PublishPath string

	Subscribe SubscribeOptions
	Publish   PublishOptions
}

// Mount adds a hub's routes to r: GET, HEAD and OPTIONS of SubscribePath, POST
// and OPTIONS of PublishPath, and an answer to every other method. It panics if
// the options contradict each other (CORS), or a route is taken.
func (h *Hub) Mount(r *router.Router, o MountOptions) {
	subscribe, publish := o.SubscribePath, o.PublishPath
	if subscribe == "" {
		subscribe = "/events"
	}
	if publish == "" {
		publish = "/publish"
	}
	r.ANY(subscribe, h.SubscribeHandler(o.Subscribe))
	r.ANY(publish, h.PublishHandler(o.Publish))
}

// Mount is [Hub.Mount].
func Mount(r *router.Router, h *Hub, o MountOptions) { h.Mount(r, o) }
