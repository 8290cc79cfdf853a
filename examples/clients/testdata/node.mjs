// Clients of npm: each prints the name of its topic and the data of each event as a line
// of JSON. It is called with the URL of a hub.
import { createRequire } from 'node:module'

const need = createRequire(process.env.SSE_CLIENTS + '/')
const url = topic => process.argv[2] + '/events?topic=' + topic
const got = (topic, data) => console.log(JSON.stringify({ topic, data }))

const sources = {
	'eventsource-4': need('eventsource-4').EventSource,
	'eventsource-2': need('eventsource-2'),
	'undici': need('undici').EventSource,
}
for (const [topic, EventSource] of Object.entries(sources)) {
	const source = new EventSource(url(topic))
	source.onmessage = e => got(topic, e.data)
	source.onerror = () => {} // or some would end the program
}
