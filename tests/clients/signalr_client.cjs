// The real @microsoft/signalr, told by lines of JSON on stdin what to do; it tells what happens in lines on stdout.
//
// First line: {url, key, transport, headers}. Then {send: {...}} calls SendMessage with it, {call: name} another
// method, {stop: true} ends. The key comes on stdin because arguments can be read by everyone on a machine.
"use strict";
const readline = require("node:readline");
const { HttpTransportType, HubConnectionBuilder, LogLevel } = require("@microsoft/signalr");

const AGAIN_MS = [0, 100, 200, 300, 500, 500, 500, 1000, 1000, 1000];
const tell = (event, more = {}) => process.stdout.write(JSON.stringify({ event, ...more }) + "\n");
const said = (error) => (error ? String(error.message || error) : null);

let connection = null;

async function open({ url, key, transport, headers }) {
  connection = new HubConnectionBuilder()
    .withUrl(url, {
      transport: HttpTransportType[transport],
      headers: headers || {},
      ...(key ? { accessTokenFactory: () => key } : {}),
    })
    .withAutomaticReconnect(AGAIN_MS)
    .configureLogging(LogLevel.None)
    .build();
  connection.on("ReceiveMessage", (message) => tell("received", { message }));
  connection.onreconnecting((error) => tell("reconnecting", { error: said(error) }));
  connection.onreconnected(() => tell("reconnected"));
  connection.onclose((error) => tell("closed", { error: said(error) }));
  try {
    await connection.start();
    tell("started");
  } catch (error) {
    tell("failed", { error: said(error) });
  }
}

async function call(method, ...values) {
  try {
    tell("done", { result: (await connection.invoke(method, ...values)) ?? null });
  } catch (error) {
    tell("refused", { error: said(error) });
  }
}

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  const told = JSON.parse(line);
  if (told.url) await open(told);
  else if (told.send) await call("SendMessage", told.send);
  else if (told.call) await call(told.call);
  else if (told.stop) {
    await connection.stop();
    tell("stopped");
    process.exit(0);
  }
});
