// Node's own `fetch` and the WebSocket of npm's `ws`, as scripts use them. One line of JSON on stdin, one on stdout.
//
// {fetch: url, headers} tells {status, reason, text}; {socket: url, headers, protocols} tells {echo} of what it sent,
// or {status} of the refusal. The key comes on stdin because arguments can be read by everyone on a machine.
"use strict";
const tell = (what) => {
  process.stdout.write(JSON.stringify(what) + "\n");
  process.exit(0);
};

async function main(asked) {
  if (asked.fetch) {
    const answer = await fetch(asked.fetch, { headers: asked.headers });
    return tell({ status: answer.status, reason: answer.headers.get("x-keyhatch-reason"), text: await answer.text() });
  }
  const WebSocket = require("ws");
  const socket = new WebSocket(asked.socket, asked.protocols || [], { headers: asked.headers });
  socket.on("open", () => socket.send("good morning"));
  socket.on("message", (data) => tell({ status: 101, text: data.toString() }));
  socket.on("unexpected-response", (_, answer) => {
    tell({ status: answer.statusCode, reason: answer.headers["x-keyhatch-reason"], text: "" });
  });
  socket.on("error", (error) => tell({ status: 0, text: String(error) }));
}

process.stdin.once("data", (line) => main(JSON.parse(line)));
