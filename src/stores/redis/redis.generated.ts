// Made by `npm run generate` from the files beside it: change those, never this one.

/** The text of `decide.lua`. */
export const decide = `-- Decides some charges of a tenant in one atomic step. src/core/quota/charge.ts is the rule; a randomised test holds this to it.
--
-- KEYS[1]  the tenant's hash. Field \`g\`: TIME in microseconds when the hash was made or last reset (its incarnation); \`r\`: number of
--          the last reset, where there was one. Every other field is one counter. Of a fixed window: "start length used", then
--          " held" where something is held or told, " told" (the highest threshold, in units) where one was told of, and "p" where
--          its count was seeded while the ledger was away. Of a sliding window: "~" and its segments, "index:units index:units ...".
-- KEYS[2]  only to reserve: the reservation's hash.
-- ARGV     1 costs ("5 1 1": request by request, of each one a meter, own units first), 2 deadline ('' for none), 3 reset number,
--          4 own units wanted as a block, 5 lifetime of the reservation in milliseconds ('' for none), 6 settlement ("g block rest
--          field start field start ...", '' for none), 7 names of the meters beside own units, by spaces; then for each window nine
--          values: field, limit ('' for none), flags ('d': refuses what does not fit, 'l': the ledger knows its sum, 's': it slides;
--          behind them the place of its meter among the names, from 1, or nothing), of a fixed window: start of the previous, the
--          present and the next window, end of the next, first threshold ('' for none), floor ("start used", then 'p' if
--          provisional, 'r' if it only raises; '' for none); of a sliding one: length of a segment, then five times ''.
-- Reply    {'late' | 'clock' | 'cold', time, reset number}: nothing was changed; or
--          {'decided', time, reset number, incarnation, a digit a request ('1': granted), block, thresholds reached
--          ("index:level ..." with the window's index from 0), and for each window start, end, used before the costs, index of the
--          sent window or -1, 1 if provisional, held; then, if a request was refused, the segments of each sliding window}
--          or the error BADCOUNTER where a field is no counter: nothing was changed.
--          (numbers that can pass 10^15 as text: node-redis reads an integer of 2^53-1 as 2^53)
--
-- All times are milliseconds since 1970. Everything before HSET only reads, so an error reply of a failed read or of a refused
-- HSET means that nothing was charged. Numbers are written with %.0f: tostring keeps 14 digits.
local STRIDE = 9
local HEAD = 7
local MAX_COUNT = 9007199254740991
local KEEP_AFTER_END = 172800000
local OLDER_SEGMENTS = 10
local LARGEST_SHARE = 8

local key = KEYS[1]
-- Read once: two readings could fall into two windows.
local clock = redis.call('TIME')
local time = clock[1] * 1000 + math.floor(clock[2] / 1000)
local micros = string.format('%.0f', clock[1] * 1000000 + clock[2])
local deadline, askedReset = tonumber(ARGV[2]), tonumber(ARGV[3])

local count = (#ARGV - HEAD) / STRIDE
local names = { 'g', 'r' }
for i = 1, count do names[i + 2] = ARGV[HEAD + 1 + (i - 1) * STRIDE] end
local stored = redis.call('HMGET', key, unpack(names))
local storedReset = tonumber(stored[2] or '0')
local resetNumber = (askedReset > storedReset and askedReset) or storedReset
local function text(number) return string.format('%.0f', number) end
if deadline and time > deadline then return { 'late', time, text(resetNumber) } end
local isReset = stored[1] and askedReset > storedReset

local function sum(a, b)
  return (b > MAX_COUNT - a and MAX_COUNT) or a + b
end

local function badCounter(name)
  return redis.error_reply('BADCOUNTER ' .. key .. ' field ' .. name .. ' is no counter: delete it')
end

-- start, length, used, held, told, 'p' or ''; nil where it is no fixed window's counter.
local function parsed(value)
  local start, length, used, held, told, p = string.match(value, '^(%d+) (%d+) (%d+) ?(%d*) ?(%d*)(p?)$')
  return tonumber(start), tonumber(length), tonumber(used), tonumber(held) or 0, tonumber(told) or 0, p
end

local function packed(start, length, used, held, told, provisional)
  local value = string.format('%.0f %.0f %.0f', start, length, used)
  if held > 0 or told > 0 then value = value .. string.format(' %.0f', held) end
  if told > 0 then value = value .. string.format(' %.0f', told) end
  return value .. ((provisional and 'p') or '')
end

-- A block that ends goes back to the very windows that it was taken from.
local settled, settledNames = {}, {}
if ARGV[6] ~= '' and not isReset then
  local words = {}
  for word in string.gmatch(ARGV[6], '%S+') do words[#words + 1] = word end
  if stored[1] == words[1] then
    local block, rest = tonumber(words[2]), tonumber(words[3])
    for i = 4, #words, 2 do
      local value = redis.call('HGET', key, words[i])
      local start, length, used, held, told, p = parsed(value or '')
      if start and start == tonumber(words[i + 1]) then
        settled[words[i]] = packed(start, length, math.max(0, used - rest), math.max(0, held - block), told, p == 'p')
        settledNames[#settledNames + 1] = words[i]
      end
    end
  end
end

-- Index of the sent window that holds \`instant\`, or -1.
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

-- The highest threshold that \`used\` has reached, in units.
local function reached(limit, tellAt, used)
  if not limit or not tellAt then return 0 end
  return (used >= limit and limit) or (used >= tellAt and tellAt) or 0
end

local meters = {}
for name in string.gmatch(ARGV[7], '%S+') do meters[#meters + 1] = name end
local width = 1 + #meters
-- meter: place of a window's meter in a request's costs.
local meter = {}
local limits, denies, starts, ends, used, sent, provisional, held, told, tellAt = {}, {}, {}, {}, {}, {}, {}, {}, {}, {}
-- segments: of a sliding window, by position {index, units}. present: index of its present segment.
local segments, present = {}, {}
-- fresh: not stored yet for this window. raised: a floor changed it. later: it ends after the expiry that is already set.
local fresh, raised, later = {}, {}, {}
local cold, slides = false, false
for i = 1, count do
  local at = HEAD + (i - 1) * STRIDE
  local limit, flags = tonumber(ARGV[at + 2]), ARGV[at + 3]
  local value = settled[names[i + 2]] or stored[i + 2]
  limits[i], denies[i] = limit, string.find(flags, 'd', 1, true)
  meter[i] = 1 + (tonumber(string.match(flags, '%d+')) or 0)
  if string.find(flags, 's', 1, true) then
    slides = true
    local length = tonumber(ARGV[at + 4])
    local now = math.floor(time / length)
    local kept, total = {}, 0
    if value and not isReset then
      if string.sub(value, 1, 1) ~= '~' then return badCounter(names[i + 2]) end
      for index, units in string.gmatch(value, '(%d+):(%d+)') do
        -- More than a window ahead: written by a clock that jumped and came back.
        if math.abs(now - tonumber(index)) <= OLDER_SEGMENTS then
          kept[#kept + 1] = { tonumber(index), tonumber(units) }
          total = sum(total, tonumber(units))
        end
      end
    end
    local newest = (#kept > 0 and kept[#kept][1]) or now
    if newest < now then newest = now end
    segments[i], present[i], used[i], later[i] = kept, now, total, true
    starts[i], ends[i] = (now - OLDER_SEGMENTS) * length, (newest + OLDER_SEGMENTS + 1) * length
    sent[i], provisional[i], held[i], told[i] = 1, false, 0, 0
  else
    local s1, s2, s3, last = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7])
    local known, start, stop, counted, mark, out, toldOf = false, nil, nil, 0, false, 0, 0
    if value then
      local from, length, total, heldUnits, toldUnits, p = parsed(value)
      -- Another program wrote it. Taken for absent it would be a free pass, and a failing comparison would name no key.
      if not from then return badCounter(names[i + 2]) end
      -- A window that begins after all that the caller could mean was written by a clock that jumped ahead and came back.
      if from <= s3 then
        known, start, stop = true, from, from + length
        if not isReset then counted, mark, out, toldOf = total, p == 'p', heldUnits, toldUnits end
        -- A changed zone or anchor makes the running window end later: it lasts as long, or its date got its limit again.
        local window = sentAt(s1, s2, s3, last, start)
        local changed = window >= 0 and endOf(window, s2, s3, last)
        if changed and changed > stop then stop, later[i] = changed, true end
      end
    end
    if not known or time >= stop then
      local window = sentAt(s1, s2, s3, last, time)
      -- Told before anything else: with a clock that is off, no other finding about this request means anything.
      if window < 0 then return { 'clock', time, text(resetNumber) } end
      local sentStart = (window == 2 and s3) or (window == 1 and s2) or s1
      start = (known and stop > sentStart and stop) or sentStart
      stop, counted, mark, out, toldOf = endOf(window, s2, s3, last), 0, false, 0, 0
      fresh[i], later[i] = true, true
    end
    local floor, floorKind
    -- Floors of an earlier reset would bring back what it took away.
    if ARGV[at + 9] ~= '' and askedReset >= storedReset then
      local from, total, kind = string.match(ARGV[at + 9], '^(%d+) (%d+)([pr]?)$')
      if tonumber(from) == start then floor, floorKind = tonumber(total), kind end
    end
    -- An older window proves that this store has been counting all along. Without one, nothing is known of this one.
    local tells = floor and floorKind ~= 'r'
    if not known and limit and not tells and string.find(flags, 'l', 1, true) then cold = true end
    if floor then
      local lifted = (floor > counted and floor) or counted
      local marked = mark
      if floorKind ~= 'r' then marked = floorKind == 'p' and (fresh[i] or mark) or false end
      -- A raised counter is written on a denial too, or every denial would ask the ledger again.
      raised[i] = fresh[i] or lifted ~= counted or marked ~= mark
      counted, mark = lifted, marked
    end
    tellAt[i] = tonumber(ARGV[at + 8])
    if fresh[i] then toldOf = reached(limit, tellAt[i], counted) end
    starts[i], ends[i], used[i], provisional[i], held[i], told[i] = start, stop, counted, mark, out, toldOf
    sent[i] = sentAt(s1, s2, s3, last, start)
  end
end
if cold then return { 'cold', time, text(resetNumber) } end

-- A window limited for the first time counts at least what any window of its meter lying wholly inside it has counted.
local lifted = {}
for i = 1, count do
  if fresh[i] then
    lifted[i] = used[i]
    for j = 1, count do
      local inside = not segments[j] and meter[j] == meter[i] and starts[j] >= starts[i] and ends[j] <= ends[i]
      if inside and used[j] > lifted[i] then lifted[i] = used[j] end
    end
  end
end
for i, total in pairs(lifted) do
  if total ~= used[i] then used[i], told[i] = total, reached(limits[i], tellAt[i], total) end
end

-- Each request in its turn. A sum would round above 2^53; this difference of two exact numbers does not.
local bits, costs, added, asked, refused = {}, {}, {}, false, false
for word in string.gmatch(ARGV[1], '%d+') do costs[#costs + 1] = tonumber(word) end
for m = 1, width do added[m] = 0 end
for first = 0, #costs - 1, width do
  local fits = true
  for i = 1, count do
    local cost = costs[first + meter[i]]
    if cost > 0 and denies[i] and limits[i] and cost > limits[i] - sum(used[i], added[meter[i]]) then fits = false end
  end
  for m = 1, width do
    if costs[first + m] > 0 then asked = true end
    if fits then added[m] = sum(added[m], costs[first + m]) end
  end
  refused = refused or not fits
  bits[#bits + 1] = (fits and '1') or '0'
end

local block = tonumber(ARGV[4])
for i = 1, count do
  if limits[i] and meter[i] == 1 then
    block = math.min(block, math.floor((limits[i] - sum(used[i], added[1])) / LARGEST_SHARE))
  end
end
if block < 0 or slides then block = 0 end

local reserves = ARGV[5] ~= '' and bits[1] == '1' and asked
local writes, crossings, segmentTexts = {}, {}, {}
local longest, moved = 0, false
for i = 1, count do
  local name = names[i + 2]
  local ownBlock = (meter[i] == 1 and block) or 0
  local charged = sum(added[meter[i]], ownBlock)
  if ends[i] > longest then longest = ends[i] end
  local changed = (asked or block > 0) and (charged > 0 or raised[i] or isReset or reserves)
  if segments[i] then
    local found = false
    for _, one in ipairs(segments[i]) do
      if one[1] == present[i] then one[2], found = sum(one[2], charged), true end
    end
    if not found and charged > 0 then
      local position = #segments[i] + 1
      while position > 1 and segments[i][position - 1][1] > present[i] do position = position - 1 end
      table.insert(segments[i], position, { present[i], charged })
    end
    local parts = {}
    for position, one in ipairs(segments[i]) do parts[position] = string.format('%.0f:%.0f', one[1], one[2]) end
    local value = '~' .. table.concat(parts, ' ')
    segmentTexts[#segmentTexts + 1] = value
    if charged > 0 then
      writes[#writes + 1], writes[#writes + 2], moved = name, value, true
    end
  elseif changed then
    local total = sum(used[i], charged)
    local out = sum(held[i], ownBlock + ((reserves and added[meter[i]]) or 0))
    local threshold = reached(limits[i], tellAt[i], total)
    if threshold > told[i] then
      crossings[#crossings + 1] = (i - 1) .. ':' .. ((threshold == limits[i] and 100) or 80)
      told[i] = threshold
    end
    writes[#writes + 1] = name
    writes[#writes + 1] = packed(starts[i], ends[i] - starts[i], total, out, told[i], provisional[i])
    settled[name] = nil
    moved = moved or later[i]
  end
end
for _, name in ipairs(settledNames) do
  if settled[name] then writes[#writes + 1], writes[#writes + 2] = name, settled[name] end
end

local begins = #writes > 0 and (not stored[1] or isReset)
local incarnation = (begins and micros) or stored[1] or ''
local reply = { 'decided', time, text(resetNumber), incarnation, table.concat(bits), text(block), table.concat(crossings, ' ') }
for i = 1, count do
  local at = 8 + (i - 1) * 6
  reply[at], reply[at + 1], reply[at + 2], reply[at + 3] = starts[i], ends[i], text(used[i]), sent[i]
  reply[at + 4], reply[at + 5] = (provisional[i] and 1) or 0, text(held[i])
end
if refused then
  for _, value in ipairs(segmentTexts) do reply[#reply + 1] = value end
end
if #writes == 0 then return reply end

if begins then writes[#writes + 1], writes[#writes + 2] = 'g', micros end
if resetNumber > 0 and (begins or resetNumber ~= storedReset) then
  writes[#writes + 1], writes[#writes + 2] = 'r', text(resetNumber)
end
local old = (begins and isReset and redis.call('HKEYS', key)) or {}
redis.call('HSET', key, unpack(writes))
-- What a reset leaves out goes. After HSET: if that was refused, nothing may be lost.
local kept = {}
for i = 1, #writes, 2 do kept[writes[i]] = true end
for _, name in ipairs(old) do
  if not kept[name] then redis.call('HDEL', key, name) end
end
-- Only a window that is new or lasts longer can end after all before it. The expiry never moves back: the hash may hold longer windows
-- than this request names. A key without any answers -1 and gets one.
if moved or begins then
  local expiry = longest + KEEP_AFTER_END
  if redis.call('PTTL', key) < expiry - time then redis.call('PEXPIREAT', key, text(expiry)) end
end

if reserves then
  local expires = time + tonumber(ARGV[5])
  local windows, metered, estimates = {}, {}, {}
  for i = 1, count do
    local window = names[i + 2] .. ' ' .. text((segments[i] and present[i]) or starts[i])
    if meter[i] == 1 then windows[#windows + 1] = window else metered[#metered + 1] = window .. ' ' .. meters[meter[i] - 1] end
  end
  for m, name in ipairs(meters) do
    if added[m + 1] > 0 then estimates[#estimates + 1] = name .. ':' .. text(added[m + 1]) end
  end
  redis.call('HSET', KEYS[2], 'state', 'open', 'estimate', text(added[1]), 'actual', '0', 'expires', text(expires),
    'r', text(resetNumber), 'g', incarnation, 'windows', table.concat(windows, ' '))
  -- Apart from own units: a process of the version before ends those as it knows them.
  if #meters > 0 then
    redis.call('HSET', KEYS[2], 'metered', table.concat(metered, ' '), 'estimates', table.concat(estimates, ' '))
  end
  redis.call('PEXPIREAT', KEYS[2], text(((longest > expires and longest) or expires) + KEEP_AFTER_END))
end
return reply
`;

/** The text of `decideOnce.lua`. */
export const decideOnce = `-- Decides one request under a client's key: charged once, whoever tells it again. src/core/quota/chargeOnce.ts is the rule. Sent behind the
-- text of decide.lua, which decideOnce.ts makes a function \`decide(KEYS, ARGV)\`: what it writes and what is remembered are one step.
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
`;

/** The text of `finish.lua`. */
export const finish = `-- Ends a reservation in one atomic step. src/core/quota/reservation.ts is the rule; a randomised test holds this to it.
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
`;
