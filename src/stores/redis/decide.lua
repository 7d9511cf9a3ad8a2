-- Decides one charge of a tenant in one atomic step. src/core/quota/charge.ts is the rule; a randomised test holds this to it.
--
-- KEYS[1]  the tenant's hash. Field `g`: TIME in microseconds when the hash was made (its incarnation). Every other field is
--          one window as "start length used" in decimal, followed by "p" where its count was seeded while the ledger was away.
-- ARGV     cost, deadline ('' for none), then for each window eight values:
--          field, limit ('' for none), start of the previous, the present and the next window, end of the next,
--          '1' where the ledger knows the window's sum ('' where not), floor ("start used" or "start usedp", '' for none)
-- Reply    {'late' | 'clock' | 'cold', time}: nothing was changed; or
--          {'granted' | 'denied', time, and for each window start, end, used, index of the sent window or -1, 1 if provisional}
--          or the error BADCOUNTER where a field is no window: nothing was changed.
--          (`used` from 10^15 as text: node-redis reads an integer of 2^53-1 as 2^53)
--
-- All times are milliseconds since 1970. Everything before HSET only reads, so an error reply of a failed read or of a refused
-- HSET means that nothing was charged. Numbers are written with %.0f: tostring keeps 14 digits.
local STRIDE = 8
local MAX_COUNT = 9007199254740991
local KEEP_AFTER_END = 172800000
local TEXT_FROM = 1000000000000000

local key = KEYS[1]
local cost = tonumber(ARGV[1])
local deadline = tonumber(ARGV[2])
-- Read once: two readings could fall into two windows.
local clock = redis.call('TIME')
local time = clock[1] * 1000 + math.floor(clock[2] / 1000)
if deadline and time > deadline then return { 'late', time } end

local count = (#ARGV - 2) / STRIDE
local names = { 'g' }
for i = 1, count do names[i + 1] = ARGV[3 + (i - 1) * STRIDE] end
local stored = redis.call('HMGET', key, unpack(names))

-- Index of the sent window that holds `instant`, or -1.
local function sentAt(s1, s2, s3, last, instant)
  if instant >= last then return -1 end
  if instant >= s3 then return 2 end
  if instant >= s2 then return 1 end
  if instant >= s1 then return 0 end
  return -1
end

local function endOf(window, s2, s3, last)
  return (window == 2 and last) or (window == 1 and s3) or s2
end

local limits, starts, ends, units, sent, provisional = {}, {}, {}, {}, {}, {}
-- fresh: not stored yet for this window. raised: a floor changed it. later: it ends after the expiry that is already set.
local fresh, raised, later = {}, {}, {}
local cold = false
for i = 1, count do
  local at = 2 + (i - 1) * STRIDE
  local limit = tonumber(ARGV[at + 2])
  local s1, s2, s3, last = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  local known, start, stop, counted, mark = false, nil, nil, 0, false
  if stored[i + 1] then
    local from, length, sum, p = string.match(stored[i + 1], '^(%d+) (%d+) (%d+)(p?)$')
    -- Another program wrote it. Taken for absent it would be a free pass, and a failing comparison would name no key.
    if not from then return redis.error_reply('BADCOUNTER ' .. key .. ' field ' .. names[i + 1] .. ' is no counter: delete it') end
    from = tonumber(from)
    -- A window that begins after all that the caller could mean was written by a clock that jumped ahead and came back.
    if from <= s3 then
      known, start, stop, counted, mark = true, from, from + tonumber(length), tonumber(sum), p == 'p'
      -- A changed zone or anchor makes the running window end later: it lasts as long, or its date got its limit again.
      local window = sentAt(s1, s2, s3, last, start)
      local changed = window >= 0 and endOf(window, s2, s3, last)
      if changed and changed > stop then stop, later[i] = changed, true end
    end
  end
  if not known or time >= stop then
    local window = sentAt(s1, s2, s3, last, time)
    -- Told before anything else: with a clock that is off, no other finding about this request means anything.
    if window < 0 then return { 'clock', time } end
    local sentStart = (window == 2 and s3) or (window == 1 and s2) or s1
    start = (known and stop > sentStart and stop) or sentStart
    stop, counted, mark = endOf(window, s2, s3, last), 0, false
    fresh[i], later[i] = true, true
  end
  local floor, floorMark
  if ARGV[at + 8] ~= '' then
    local from, sum, p = string.match(ARGV[at + 8], '^(%d+) (%d+)(p?)$')
    if tonumber(from) == start then floor, floorMark = tonumber(sum), p == 'p' end
  end
  -- An older window proves that this store has been counting all along. Without one, nothing is known of this one.
  if not known and ARGV[at + 7] == '1' and limit and not floor then cold = true end
  if floor then
    local lifted = (floor > counted and floor) or counted
    local marked = floorMark and (fresh[i] or mark) or false
    -- A raised counter is written on a denial too, or every denial would ask the ledger again.
    raised[i] = fresh[i] or lifted ~= counted or marked ~= mark
    counted, mark = lifted, marked
  end
  limits[i], starts[i], ends[i], units[i], provisional[i] = limit, start, stop, counted, mark
  sent[i] = sentAt(s1, s2, s3, last, start)
end
if cold then return { 'cold', time } end

local used, denied = {}, false
for i = 1, count do
  used[i] = units[i]
  if fresh[i] then
    -- A window limited for the first time counts at least what any window lying wholly inside it has counted.
    for j = 1, count do
      if starts[j] >= starts[i] and ends[j] <= ends[i] and units[j] > used[i] then used[i] = units[j] end
    end
  end
  -- A sum would round above 2^53; this difference of two exact numbers does not.
  if limits[i] and cost > 0 and cost > limits[i] - used[i] then denied = true end
end

local added = (denied and 0) or cost
local reply = { (denied and 'denied') or 'granted', time }
local writes = {}
local longest, moved = 0, false
for i = 1, count do
  local total = (added > MAX_COUNT - used[i] and MAX_COUNT) or used[i] + added
  local at = 3 + (i - 1) * 5
  reply[at], reply[at + 1], reply[at + 3] = starts[i], ends[i], sent[i]
  reply[at + 2] = (total < TEXT_FROM and total) or string.format('%.0f', total)
  reply[at + 4] = (provisional[i] and 1) or 0
  if ends[i] > longest then longest = ends[i] end
  if cost > 0 and (not denied or raised[i]) then
    writes[#writes + 1] = names[i + 1]
    writes[#writes + 1] = string.format('%.0f %.0f %.0f', starts[i], ends[i] - starts[i], total) .. ((provisional[i] and 'p') or '')
    moved = moved or later[i]
  end
end
if #writes == 0 then return reply end

if not stored[1] then
  writes[#writes + 1] = 'g'
  writes[#writes + 1] = string.format('%.0f', clock[1] * 1000000 + clock[2])
end
redis.call('HSET', key, unpack(writes))
-- Only a window that is new or lasts longer can end after all before it. The expiry never moves back: the hash may hold longer windows
-- than this request names. A key without any answers -1 and gets one.
if moved or not stored[1] then
  local expiry = longest + KEEP_AFTER_END
  if redis.call('PTTL', key) < expiry - time then redis.call('PEXPIREAT', key, string.format('%.0f', expiry)) end
end
return reply
