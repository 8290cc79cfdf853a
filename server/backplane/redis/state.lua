-- Returns the epoch of the stream KEYS[1], the id of its oldest entry or '', and the last
-- id that it gave. ARGV[1] is an epoch, for a new stream.
local id = epoch(ARGV[1])
local info = redis.call('XINFO', 'STREAM', KEYS[1])
local first, last = '', ''
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then last = info[i + 1] end
  if info[i] == 'first-entry' and info[i + 1] then first = info[i + 1][1] end
end
return {id, first, last}
