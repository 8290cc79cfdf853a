// What npm's openai, and ai with @ai-sdk/openai, make of the API at the first argument. A
// line of JSON for each: what they read, or the error that they throw.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(process.env.SSE_CLIENTS + "/"));
const load = name => import(pathToFileURL(require.resolve(name)).href);
const { default: OpenAI } = await load("openai");
const { streamText } = await load("ai");
const { createOpenAI } = await load("@ai-sdk/openai");

const baseURL = process.argv[2];
const messages = [{ role: "user", content: "Hello" }];

async function openai(model, stop) {
  const client = new OpenAI({ baseURL, apiKey: "of the reader", maxRetries: model === "busy once" ? 2 : 0 });
  const stream = await client.chat.completions.create({ model, messages, stream: true });
  let text = "";
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    if (stop) break; // it aborts the request
  }
  return text;
}

async function ai(model, stop) {
  const provider = createOpenAI({ baseURL, apiKey: "of the reader" });
  const leave = new AbortController();
  const result = streamText({
    model: provider.chat(model), messages, abortSignal: leave.signal,
    maxRetries: model === "busy once" ? 2 : 0, onError() {}, // or it prints them
  });
  let text = "";
  for await (const part of result.fullStream) {
    if (part.type === "error") throw part.error;
    if (part.type !== "text-delta") continue;
    text += part.text;
    if (stop) {
      leave.abort();
      break;
    }
  }
  return text;
}

for (const [name, ask] of Object.entries({ openai, ai })) {
  for (const model of ["good", "slow", "busy once", "no key", "busy", "error", "cut"]) {
    let saw;
    try {
      saw = { text: await ask(model, model === "slow") };
    } catch (error) {
      saw = { status: error.status ?? error.statusCode, error: error.message || JSON.stringify(error) };
    }
    console.log(JSON.stringify({ name, model, ...saw }));
  }
}
