-- Ends a reservation in one atomic step. src/core/quota/reservation.ts is the rule; a randomised test holds this to it.
--
-- KEYS[1]  the tenant's hash (decide.lua says what is in it), KEYS[2] the reservation's hash, as decide.lua made it.
-- ARGV     'commit' or 'release', what it was in the end (0 for a release).
-- Reply    {outcome, time, reset number, estimate}; the outcomes are those of reservation.ts.
local MAX_COUNT = 9007199254740991

local clock = redis.call('TIME')
local time = clock[1] * 1000 + math.floor(clock[2] / 1000)
local commits, actual = ARGV[1] == 'commit', tonumber(ARGV[2])
local record = redis.call('HMGET', KEYS[2], 'state', 'estimate', 'actual', 'expires', 'r', 'g', 'windows')
local state, estimate = record[1], tonumber(record[2])
local function answer(outcome) return { outcome, time, record[5] or '0', record[2] or '0' } end

if not state then return answer('unknown') end
if state == 'committed' then
  if not commits then return answer('already_committed') end
  return answer((actual == tonumber(record[3]) and 'committed') or 'other_amount')
end
if state == 'released' then return answer((commits and 'already_released') or 'released') end
if state == 'late' then return answer('expired') end
if time >= tonumber(record[4]) then
  if commits then redis.call('HSET', KEYS[2], 'state', 'late', 'actual', ARGV[2]) end
  return answer('expired')
end

-- The estimate out, what it was in: never below 0, never beyond what is exact.
local function replaced(used)
  local rest = math.max(0, used - estimate)
  return (actual > MAX_COUNT - rest and MAX_COUNT) or rest + actual
end

local writes = {}
if redis.call('HGET', KEYS[1], 'g') == record[6] then
  local words = {}
  for word in string.gmatch(record[7], '%S+') do words[#words + 1] = word end
  for i = 1, #words, 2 do
    local value = redis.call('HGET', KEYS[1], words[i]) or ''
    local start, length, used, held, told, p = string.match(value, '^(%d+) (%d+) (%d+) ?(%d*) ?(%d*)(p?)$')
    if start == words[i + 1] then
      local out = math.max(0, (tonumber(held) or 0) - estimate)
      local changed = string.format('%s %s %.0f', start, length, replaced(tonumber(used)))
      if out > 0 or told ~= '' then changed = changed .. string.format(' %.0f', out) end
      if told ~= '' then changed = changed .. ' ' .. told end
      writes[#writes + 1], writes[#writes + 2] = words[i], changed .. p
    elseif string.sub(value, 1, 1) == '~' then
      local parts, found = {}, false
      for index, units in string.gmatch(value, '(%d+):(%d+)') do
        if index == words[i + 1] then units, found = string.format('%.0f', replaced(tonumber(units))), true end
        parts[#parts + 1] = index .. ':' .. units
      end
      if found then writes[#writes + 1], writes[#writes + 2] = words[i], '~' .. table.concat(parts, ' ') end
    end
  end
end
if #writes > 0 then redis.call('HSET', KEYS[1], unpack(writes)) end
redis.call('HSET', KEYS[2], 'state', (commits and 'committed') or 'released', 'actual', ARGV[2])
return answer((commits and 'committed') or 'released')
