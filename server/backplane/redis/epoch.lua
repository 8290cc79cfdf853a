-- epoch returns the identity of the stream KEYS[1]: the name of its group "epoch-…". If
-- the stream or the group is missing, it is made, with the name fresh.
local function epoch(fresh)
  if redis.call('EXISTS', KEYS[1]) == 1 then
    for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
      local found = string.match(group[2], '^epoch%-([a-z0-9]+)$')
      if found then return found end
    end
  end
  redis.call('XGROUP', 'CREATE', KEYS[1], 'epoch-' .. fresh, '0', 'MKSTREAM')
  return fresh
end
