-- Ends a reservation in one atomic step. src/core/quota/reservation.ts is the rule; a randomised test holds this to it.
--
-- KEYS[1]  the tenant's hash (decide.lua says what is in it), KEYS[2] the reservation's hash, as decide.lua made it.
-- ARGV     1 'commit' or 'release', 2 what it was in the end (0 for a release), 3 the same in meters of the team's own
--          ("tokens:500 words:3", by their names' order).
-- Reply    {outcome, time, reset number, estimate, estimates in meters as in ARGV 3}; the outcomes are those of reservation.ts.
local MAX_COUNT = 9007199254740991

local clock = redis.call('TIME')
local time = clock[1] * 1000 + math.floor(clock[2] / 1000)
local commits, actual = ARGV[1] == 'commit', tonumber(ARGV[2])
local record = redis.call('HMGET', KEYS[2], 'state', 'estimate', 'actual', 'expires', 'r', 'g', 'windows',
  'metered', 'estimates', 'actuals')
local was = record[1]
local function answer(outcome) return { outcome, time, record[5] or '0', record[2] or '0', record[9] or '' } end

if not was then return answer('unknown') end
if was == 'committed' then
  if not commits then return answer('already_committed') end
  local same = actual == tonumber(record[3]) and ARGV[3] == (record[10] or '')
  return answer((same and 'committed') or 'other_amount')
end
if was == 'released' then return answer((commits and 'already_released') or 'released') end
if was == 'late' then return answer('expired') end
-- Expired: nothing goes back, what is held stays so, and what was above the estimate is charged.
local late = time >= tonumber(record[4])
if late and not commits then return answer('expired') end

-- The estimate out, what it was in: never below 0, never beyond what is exact.
local function replaced(used, estimated, actually)
  local rest = math.max(0, used - estimated)
  return (actually > MAX_COUNT - rest and MAX_COUNT) or rest + actually
end

local writes = {}
local function correct(field, startText, estimated, actually)
  if late then estimated, actually = 0, math.max(0, actually - estimated) end
  if late and actually == 0 then return end
  local value = redis.call('HGET', KEYS[1], field) or ''
  local start, length, used, held, told, p = string.match(value, '^(%d+) (%d+) (%d+) ?(%d*) ?(%d*)(p?)$')
  if start == startText then
    local out = math.max(0, (tonumber(held) or 0) - estimated)
    local changed = string.format('%s %s %.0f', start, length, replaced(tonumber(used), estimated, actually))
    if out > 0 or told ~= '' then changed = changed .. string.format(' %.0f', out) end
    if told ~= '' then changed = changed .. ' ' .. told end
    writes[#writes + 1], writes[#writes + 2] = field, changed .. p
  elseif string.sub(value, 1, 1) == '~' then
    local parts, found = {}, false
    for index, units in string.gmatch(value, '(%d+):(%d+)') do
      if index == startText then
        units, found = string.format('%.0f', replaced(tonumber(units), estimated, actually)), true
      end
      parts[#parts + 1] = index .. ':' .. units
    end
    if found then writes[#writes + 1], writes[#writes + 2] = field, '~' .. table.concat(parts, ' ') end
  end
end

local function byMeter(amounts)
  local found = {}
  for name, units in string.gmatch(amounts or '', '(%S+):(%d+)') do found[name] = tonumber(units) end
  return found
end

if redis.call('HGET', KEYS[1], 'g') == record[6] then
  local estimates, actuals = byMeter(record[9]), byMeter(ARGV[3])
  for field, start in string.gmatch(record[7], '(%S+) (%S+)') do correct(field, start, tonumber(record[2]), actual) end
  for field, start, name in string.gmatch(record[8] or '', '(%S+) (%S+) (%S+)') do
    correct(field, start, estimates[name] or 0, actuals[name] or 0)
  end
end
if #writes > 0 then redis.call('HSET', KEYS[1], unpack(writes)) end
local state = (late and 'late') or (commits and 'committed') or 'released'
redis.call('HSET', KEYS[2], 'state', state, 'actual', ARGV[2], 'actuals', ARGV[3])
return answer((late and 'expired') or state)
