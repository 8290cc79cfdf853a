// eventsource-parser of npm, from the folder SSE_CLIENTS, as a server on stdin and stdout:
// it is given batches of streams, and answers what the parser has said of each.
//
//   question: u32 length, then the streams: each u32 number of pieces, and these: u32 length, bytes
//   answer:   u32 length, then JSON: for each stream {events: [[id or null, type, data, retry, comments]], retry, comments}
//
// where retry and comments are what there was until then. All numbers are big-endian. A
// character of the parser's text is a byte here (Latin-1), so that it can be held against
// bytes of all kinds. Before the first piece it is given the empty text: it looks for a byte order
// mark in the first text only, and that is the task of who decodes UTF-8.
import {createRequire} from 'node:module'

const {createParser} = createRequire(process.env.SSE_CLIENTS + '/')('eventsource-parser')

function parse(pieces) {
  const said = {events: [], retry: null, comments: 0}
  const parser = createParser({
    onEvent: ({id, event, data}) => said.events.push([id ?? null, event ?? '', data, said.retry, said.comments]),
    onRetry: (ms) => (said.retry = Math.min(ms, Number.MAX_VALUE)), // Infinity is null in JSON
    onComment: () => said.comments++,
  })
  parser.feed('')
  for (const piece of pieces) parser.feed(piece.toString('latin1'))
  return said
}

function streamsOf(batch) {
  const streams = []
  for (let at = 0; at < batch.length; ) {
    const pieces = []
    let n = batch.readUInt32BE(at)
    for (at += 4; n > 0; n--) {
      const end = at + 4 + batch.readUInt32BE(at)
      pieces.push(batch.subarray(at + 4, end))
      at = end
    }
    streams.push(pieces)
  }
  return streams
}

function answer(batch) {
  const text = Buffer.from(JSON.stringify(streamsOf(batch).map(parse)))
  const whole = Buffer.alloc(4 + text.length)
  whole.writeUInt32BE(text.length)
  text.copy(whole, 4)
  process.stdout.write(whole)
}

let held = Buffer.alloc(0)
process.stdin.on('data', (chunk) => {
  held = held.length > 0 ? Buffer.concat([held, chunk]) : chunk
  while (held.length >= 4 && held.length >= 4 + held.readUInt32BE(0)) {
    const end = 4 + held.readUInt32BE(0)
    answer(held.subarray(4, end))
    held = held.subarray(end)
  }
})
