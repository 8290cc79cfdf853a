// Feeds the vectors of decode.json to parsers of event streams from npm, which are in the
// folder SSE_CLIENTS. Each line of its output is what one has made of one vector:
// {"client", "name", "events": [{"type", "data", "lastEventId"}], "retry": number or null}.
import {readFileSync} from 'node:fs'
import {createRequire} from 'node:module'
import {once} from 'node:events'

const folder = process.env.SSE_CLIENTS
const need = createRequire(folder + '/')
const {vectors} = JSON.parse(readFileSync(new URL('decode.json', import.meta.url)))

const joined = (parts) => parts.map(([text, times]) => text.repeat(times)).join('')

function wireOf(vector) {
  if (vector.wireBase64 !== undefined) return Buffer.from(vector.wireBase64, 'base64')
  return Buffer.from(vector.wireParts ? joined(vector.wireParts) : vector.wire)
}

// A vector's bytes, as they are to arrive.
function piecesOf(vector) {
  let wire = wireOf(vector)
  const pieces = []
  for (const n of vector.pieces ?? []) {
    pieces.push(wire.subarray(0, n))
    wire = wire.subarray(n)
  }
  return wire.length > 0 ? [...pieces, wire] : pieces
}

// The caller keeps the last id: an event has its own, or none. It decodes UTF-8 as well.
async function eventsourceParser(pieces) {
  const {createParser} = need('eventsource-parser')
  const got = {events: [], retry: null}
  let last = ''
  const parser = createParser({
    onEvent: ({id, event, data}) => {
      last = id ?? last
      got.events.push({type: event ?? 'message', data, lastEventId: last})
    },
    onRetry: (ms) => (got.retry = ms),
  })
  const text = new TextDecoder()
  for (const piece of pieces) parser.feed(text.decode(piece, {stream: true}))
  return got
}

// It resumes with the id that onId was given last.
async function fetchEventSource(pieces) {
  const {getLines, getMessages} = need('@microsoft/fetch-event-source/lib/cjs/parse.js')
  const got = {events: [], retry: null}
  let last = ''
  const feed = getLines(getMessages(
    (id) => (last = id),
    (ms) => (got.retry = ms),
    ({event, data}) => got.events.push({type: event || 'message', data, lastEventId: last}),
  ))
  for (const piece of pieces) feed(new Uint8Array(piece))
  return got
}

async function undici(pieces) {
  const {EventSourceStream} = need('undici/lib/web/eventsource/eventsource-stream.js')
  const state = {lastEventId: '', reconnectionTime: null, origin: ''}
  const got = {events: []}
  const stream = new EventSourceStream({eventSourceSettings: state})
  stream.on('data', ({type, options}) => got.events.push({type, data: options.data, lastEventId: options.lastEventId}))
  for (const piece of pieces) stream.write(piece)
  stream.end()
  await once(stream, 'end')
  return {...got, retry: state.reconnectionTime}
}

for (const [client, read] of [['eventsource-parser', eventsourceParser], ['@microsoft/fetch-event-source', fetchEventSource], ['undici', undici]]) {
  for (const vector of vectors) {
    console.log(JSON.stringify({client, name: vector.name, ...await read(piecesOf(vector))}))
  }
}
