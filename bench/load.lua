-- Adds the header whose value must not stand in argv, and prints what was done in a form that
-- load.py reads. There is no request() here: wrk then sends one prepared request, without Lua.
wrk.headers["X-API-Key"] = os.getenv("BENCH_KEY")

function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format(
    "BENCH requests=%d duration_us=%d refused=%d socket_errors=%d",
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout
  ))
end
