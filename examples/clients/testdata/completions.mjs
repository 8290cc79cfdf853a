// Clients of OpenAI's API: npm's openai, and ai with @ai-sdk/openai. It is called with a base
// URL and models, reads an answer of each model with each client, and prints what text it is
// as a line of JSON.
import { createRequire } from 'node:module'

const need = createRequire(process.env.SSE_CLIENTS + '/')
const [baseURL, ...models] = process.argv.slice(2)
const OpenAI = need('openai').default
const { streamText } = need('ai')
const { createOpenAI } = need('@ai-sdk/openai')
const openai = new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 })
const provider = createOpenAI({ baseURL, apiKey: 'none' })

const clients = {
	async openai(model) {
		let text = ''
		const stream = await openai.chat.completions.create({ model, messages: [{ role: 'user', content: 'Speak.' }], stream: true })
		for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? ''
		return text
	},
	async ai(model) {
		let text = ''
		const answer = streamText({ model: provider.chat(model), prompt: 'Speak.', maxRetries: 0, onError: ({ error }) => { throw error } })
		for await (const part of answer.textStream) text += part
		return text
	},
}
for (const [client, read] of Object.entries(clients)) {
	for (const model of models) {
		let data, type = ''
		try { data = await read(model) } catch (e) { data = String(e); type = 'error' }
		process.stdout.write(JSON.stringify({ client, id: model, type, data }) + '\n')
	}
}
