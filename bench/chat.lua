-- As load.lua, but a small chat completion is asked for.
wrk.method = "POST"
wrk.headers["X-API-Key"] = os.getenv("BENCH_KEY")
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"model":"bench","messages":[{"role":"user","content":"Say hello."}]}'

function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format(
    "BENCH requests=%d duration_us=%d refused=%d socket_errors=%d",
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout
  ))
end
