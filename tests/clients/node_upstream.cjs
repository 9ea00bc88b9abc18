// A server of Node's own `http`, told its habits on one line of JSON on stdin; it tells its port on stdout.
//
// {idleMs}: how long it keeps an idle connection. After the port, every connection that ends is a line, `ended`.
"use strict";
const http = require("node:http");
const { createHash } = require("node:crypto");

const heard = (request, tell) => {
  const hash = createHash("sha256");
  let length = 0;
  request.on("data", (piece) => {
    hash.update(piece);
    length += piece.length;
  });
  request.on("end", () => tell({ length, sha256: hash.digest("hex") }));
};

const server = http.createServer((request, response) => {
  if (request.url.startsWith("/trailers")) {
    response.writeHead(200, { "Content-Type": "text/plain", Trailer: "X-Checksum" });
    response.write("spoken ");
    response.addTrailers({ "X-Checksum": "2f1a" });
    response.end("in pieces");
    return;
  }
  heard(request, (body) => {
    const { method, url, headers, httpVersion, socket } = request;
    const told = { method, url, headers, httpVersion, port: socket.remotePort, ...body };
    response.writeHead(200, { "Content-Type": "application/json" });
    response.end(JSON.stringify(told));
  });
});

process.stdin.once("data", (line) => {
  server.keepAliveTimeout = JSON.parse(line).idleMs;
  server.keepAliveTimeoutBuffer = 0;
  server.on("connection", (socket) => socket.on("close", () => process.stdout.write("ended\n")));
  server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
});
