// A key put to use, ready to paste. `address`: where callers reach the gateway, without a slash at its end;
// `path`: what curl asks for.

const quoted = (value) => JSON.stringify(value);
const hostOf = (address) => address.replace(/^https?:\/\//, "");
const wsOf = (address) => address.replace(/^http/, "ws");

export const SNIPPETS = [
  {
    name: "curl",
    text: (key, address, path) => `curl -H "X-API-Key: ${key}" ${address}${path}

# the same, as OpenAI's clients send it
curl -H "Authorization: Bearer ${key}" ${address}${path}`,
  },
  {
    name: "OpenAI SDK",
    text: (key, address) => `from openai import OpenAI

client = OpenAI(base_url=${quoted(`${address}/v1`)}, api_key=${quoted(key)})
for model in client.models.list():
    print(model.id)`,
  },
  {
    name: "Ollama client",
    text: (key, address) => `from ollama import Client

client = Client(host=${quoted(address)}, headers={"Authorization": ${quoted(`Bearer ${key}`)}})
print(client.list())`,
  },
  {
    name: "SignalR",
    text: (key, address) => `import { HubConnectionBuilder } from "@microsoft/signalr";

const connection = new HubConnectionBuilder()
  .withUrl(${quoted(`${address}/hub`)}, { accessTokenFactory: () => ${quoted(key)} })
  .withAutomaticReconnect()
  .build();
await connection.start();`,
  },
  {
    name: "WebSocket",
    text: (key, address) => `const socket = new WebSocket(${quoted(`${wsOf(address)}/ws?access_token=${key}`)});
socket.onmessage = (event) => console.log(event.data);

// clients that can send headers rather send: X-API-Key: ${key}`,
  },
  {
    name: "Environment file",
    text: (key, address) => `KEYHATCH_API_KEY=${key}
OPENAI_API_KEY=${key}
OPENAI_BASE_URL=${address}/v1
OLLAMA_HOST=http://x:${key}@${hostOf(address)}`,
  },
];
