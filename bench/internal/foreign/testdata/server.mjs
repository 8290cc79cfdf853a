// An event stream of a package of npm on Express, written as the package's documents show it:
// node server.mjs better-sse (no history) or sse-channel (the last 1,000 events). It listens
// at PORT. JSON is posted to where the stream is. SSE_CLIENTS is the folder of the packages.
import {createRequire} from 'node:module'

const need = createRequire(process.env.SSE_CLIENTS + '/')
const express = need('express')

const streams = {
	'better-sse'(app) {
		const {createSession, createChannel} = need('better-sse')
		const channel = createChannel()
		app.get('/events', async (req, res) => {
			channel.register(await createSession(req, res, {retry: 1000}))
		})
		return text => channel.broadcast(text, 'message')
	},
	'sse-channel'(app) {
		const Channel = need('sse-channel')
		const channel = new Channel({historySize: 1000, retryTimeout: 1000})
		app.get('/events', (req, res) => channel.addClient(req, res))
		let id = 0
		return text => channel.send({id: ++id, data: text})
	},
}

const app = express()
const send = streams[process.argv[2]](app)
app.post('/events', express.json(), (req, res) => {
	send(req.body.text)
	res.sendStatus(202)
})
app.listen(process.env.PORT, '127.0.0.1')
