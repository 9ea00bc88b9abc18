-- As load.lua, but no head ever comes again: each request has another query.
wrk.headers["X-API-Key"] = os.getenv("BENCH_KEY")
local number = 0

function request()
  number = number + 1
  return wrk.format("GET", "/v1/models?number=" .. number)
end

function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format(
    "BENCH requests=%d duration_us=%d refused=%d socket_errors=%d",
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout
  ))
end
