-- Stores an entry, and returns its sequence.
--
-- KEYS  1 the stream  2 where the idempotency key is kept; absent without one
-- ARGV  1 an epoch, for a new stream  2 the entry  3 for how many ms the key is kept
--       4 most entries, or 0  5 most bytes, or 0: do not look
--
-- Nothing can fail after XADD, so that an error means that nothing was stored: the last
-- SET may do what the first may.
local id = epoch(ARGV[1])

if KEYS[2] then
  local was = redis.call('SET', KEYS[2], '', 'NX', 'GET', 'PX', ARGV[3])
  local of, seq = string.match(was or '', '^([a-z0-9]+)-(%d+)$')
  if of == id then return seq end
end

local most = tonumber(ARGV[5])
if most > 0 then
  local used = redis.call('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', '0')
  if used > most then
    local keep = math.floor(redis.call('XLEN', KEYS[1]) * 0.95 * most / used)
    redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', math.max(keep, 1), 'LIMIT', '0')
  end
end

local added
if ARGV[4] == '0' then
  added = redis.call('XADD', KEYS[1], '0-*', 'd', ARGV[2])
else
  added = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '0-*', 'd', ARGV[2])
end
local seq = string.match(added, '%d+$')

if KEYS[2] then redis.call('SET', KEYS[2], id .. '-' .. seq, 'PX', ARGV[3]) end
return seq
