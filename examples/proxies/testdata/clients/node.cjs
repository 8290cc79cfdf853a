// node node.cjs FOLDER [undici|eventsource-4|eventsource-2 NAME URL]...
//
// Opens each URL with the EventSource of that npm package, which is in FOLDER, and prints
// "NAME gap" or "NAME data" for what arrives. HTTPS means HTTP/2. The certificate is not
// checked.
const {createRequire} = require('node:module')
const [folder, ...clients] = process.argv.slice(2)
const load = createRequire(folder + '/')
const undici = load('undici')
const eventsource4 = load('eventsource-4')
const EventSource2 = load('eventsource-2')

const dispatcher = new undici.Agent({allowH2: true, connect: {rejectUnauthorized: false}})
const open = {
	undici: (url) => new undici.EventSource(url, {node: {dispatcher}}),
	'eventsource-2': (url) => new EventSource2(url),
	'eventsource-4': (url) => new eventsource4.EventSource(url, {
		fetch: (to, init) => undici.fetch(to, {...init, dispatcher}),
	}),
}

for (let i = 0; i < clients.length; i += 3) {
	const [kind, name, url] = clients.slice(i)
	const source = open[kind](url)
	source.onmessage = (e) => console.log(name, e.data)
	source.addEventListener('gap', () => console.log(name, 'gap'))
}
setInterval(() => {}, 1000) // undici's timers alone do not keep node alive
