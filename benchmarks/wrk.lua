-- wrk script: sends prepared request targets, one a line of a file.
-- Arguments after "--": targets file, method, Host header, body file or "-", order ("random" or "next"), first index.
-- No response() function: wrk then parses answers in C and only counts those that are not 2xx or 3xx.

local heads, body, order, at = {}, "", "next", 0

function init(args)
  local file = assert(io.open(args[1], "r"))
  local fields = " HTTP/1.1\r\nHost: " .. args[3] .. "\r\n"
  if args[4] ~= "-" then
    local source = assert(io.open(args[4], "rb"))
    body = source:read("*a")
    source:close()
    fields = fields .. "Content-Length: " .. #body .. "\r\n"
  end
  fields = fields .. "\r\n"
  for line in file:lines() do
    heads[#heads + 1] = args[2] .. " " .. line .. fields
  end
  file:close()
  order, at = args[5], tonumber(args[6])
  math.randomseed(at + 1)
end

function request()
  if order == "random" then
    return heads[math.random(#heads)]
  end
  at = at + 1
  return heads[(at - 1) % #heads + 1] .. body
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests": %d, "seconds": %.6f, "failed": %d, "p50": %.1f, "p90": %.1f, "p99": %.1f, "p999": %.1f}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency:percentile(99.9)))
end
