// Clients of npm. It is called with the name of a client and its URL, again and again, and
// prints each event that a client hands out as a line of JSON.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const packages = process.env.SSE_CLIENTS + '/'
const need = createRequire(packages)
const types = ['message', 'goal', 'card:yellow', 'gap']
const print = o => process.stdout.write(JSON.stringify(o) + '\n')

// standard opens an EventSource of the standard's API.
const standard = EventSource => (client, url) => {
	const source = new EventSource(url)
	for (const type of types) {
		source.addEventListener(type, e => print({ client, id: e.lastEventId, type: e.type, data: e.data }))
	}
	source.onerror = () => {} // or some would end the program
}

// ownLoop reads with eventsource-parser, which leaves all but the format to its user.
async function ownLoop(client, url) {
	const { createParser } = need('eventsource-parser')
	let lastID = '', retry = 3000
	for (;;) {
		try {
			const headers = { Accept: 'text/event-stream', 'Cache-Control': 'no-cache' }
			if (lastID) headers['Last-Event-ID'] = lastID
			const answer = await fetch(url, { headers })
			if (answer.status === 204) return
			const parser = createParser({
				onEvent(e) {
					if (e.id !== undefined) lastID = e.id
					print({ client, id: lastID, type: e.event ?? '', data: e.data })
				},
				onRetry: ms => { retry = ms },
			})
			for await (const text of answer.body.pipeThrough(new TextDecoderStream())) parser.feed(text)
		} catch {} // refused, reset
		await new Promise(done => setTimeout(done, retry))
	}
}

const open = {
	'eventsource-2': standard(need('eventsource-2')),
	'eventsource-3': standard(need('eventsource-3').EventSource),
	'eventsource-4': standard(need('eventsource-4').EventSource),
	'eventsource-5': standard((await import(pathToFileURL(packages + 'eventsource-5/dist/index.js'))).EventSource),
	'undici': standard(need('undici').EventSource),
	'launchdarkly-eventsource': standard(need('launchdarkly-eventsource').EventSource),
	'eventsource-parser': ownLoop,
	'eventsource-client': (client, url) => need('eventsource-client').createEventSource({
		url, onMessage: e => print({ client, id: e.id, type: e.event, data: e.data }),
	}),
}

const args = process.argv.slice(2)
for (let i = 0; i < args.length; i += 2) open[args[i]](args[i], args[i + 1])
setInterval(() => {}, 1000) // undici's timers alone do not keep node alive
