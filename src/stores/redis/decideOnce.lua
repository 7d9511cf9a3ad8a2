-- Decides one request under a client's key: charged once, whoever tells it again. src/core/quota/chargeOnce.ts is the rule. Sent behind the
-- text of decide.lua, which decideOnce.ts makes a function `decide(KEYS, ARGV)`: what it writes and what is remembered are one step.
--
-- KEYS     as decide.lua, and behind them what is remembered under the key: "content time reset-number day-start reservation expiry",
--          "-" for what there is none of, then " field used" of each limited window that refuses nothing. It lives for ten minutes.
-- ARGV     as decide.lua, and behind them "content position-of-the-day reservation", "-" for what there is none of.
-- Reply    {'conflict', time, reset number}: something else was admitted under the key, and nothing was changed; or as decide.lua, of a
--          decided request with one value more: what is remembered, where nothing was charged because of it, or ''.
local REMEMBER_MS = 600000
local HEAD, STRIDE, REPLY_HEAD, REPLY_STRIDE = 7, 9, 7, 6

local memory = KEYS[#KEYS]
local content, day, reservation = string.match(ARGV[#ARGV], '^(%x+) (%S+) (%S+)$')
local keys, values = {}, {}
for i = 1, #KEYS - 1 do keys[i] = KEYS[i] end
for i = 1, #ARGV - 1 do values[i] = ARGV[i] end

local remembered = redis.call('GET', memory)
if remembered then
  -- The same again only looks: no cost, no block, no reservation, nothing given back.
  values[1], values[4], values[5], values[6] = string.gsub(values[1], '%d+', '0'), '0', '', ''
end
local reply = decide(keys, values)
-- An error reply has no first element.
if not reply[1] or reply[1] == 'late' then return reply end
if remembered and string.match(remembered, '^%x+') ~= content then return { 'conflict', reply[2], reply[3] } end
if reply[1] ~= 'decided' then return reply end
if remembered or reply[5] ~= '1' then
  reply[#reply + 1] = remembered or ''
  return reply
end

local function orNone(value) return (value and string.format('%.0f', value)) or '-' end
local function startOf(position) return position and reply[REPLY_HEAD + (position - 1) * REPLY_STRIDE + 1] end
local lifetime = tonumber(values[5])
local words = {
  content, orNone(reply[2]), reply[3], orNone(startOf(tonumber(day))), reservation, orNone(lifetime and reply[2] + lifetime),
}
for i = 1, (#values - HEAD) / STRIDE do
  local at = HEAD + (i - 1) * STRIDE
  if values[at + 2] ~= '' and not string.find(values[at + 3], 'd', 1, true) then
    words[#words + 1], words[#words + 2] = values[at + 1], reply[REPLY_HEAD + (i - 1) * REPLY_STRIDE + 3]
  end
end
redis.call('SET', memory, table.concat(words, ' '), 'PX', REMEMBER_MS)
reply[#reply + 1] = ''
return reply
