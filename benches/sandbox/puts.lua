-- Sends the signed requests of the file that SIGNED names, one after the other, and says how each was answered.

local requests, next_one = {}, 0
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init()
  made, refused, other = 0, 0, 0
  local file = assert(io.open(os.getenv("SIGNED"), "rb"))
  while true do
    local length = file:read("*n", "*l")
    if not length then
      break
    end
    requests[#requests + 1] = file:read(length)
  end
  file:close()
end

function request()
  next_one = next_one % #requests + 1
  return requests[next_one]
end

function response(status, _, body)
  if status == 200 then
    made = made + 1
  elseif status == 400 and body:find("ConditionalCheckFailed", 1, true) then
    refused = refused + 1
  else
    other = other + 1
  end
end

function done(summary)
  local made, refused, other = 0, 0, 0
  for _, thread in ipairs(threads) do
    made = made + thread:get("made")
    refused = refused + thread:get("refused")
    other = other + thread:get("other")
  end
  local seconds = summary.duration / 1e6
  print(string.format("RESULT %d made, %d refused by their condition, %d otherwise: %.0f a second",
    made, refused, other, (made + refused) / seconds))
end
