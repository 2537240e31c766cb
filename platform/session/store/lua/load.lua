-- Get, note the use, and the user's record: one round trip.
-- KEYS[1] session. ARGV: now, idle, touch every (ms); prefix of user records or ''.
-- {0} absent, {1, fields..., user record or nil} live, {2} revoked.
local f = redis.call('HMGET', KEYS[1], 'gone', 'user', 'data', 'created', 'seen', 'deadline', 'agent', 'address')
if f[1] then return {2} end
if not f[2] then return {0} end
local now, idle, deadline = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(f[6])
if now >= deadline or now >= tonumber(f[5]) + idle then return {0} end
if now - tonumber(f[5]) >= tonumber(ARGV[3]) then
  f[5] = ARGV[1]
  redis.call('HSET', KEYS[1], 'seen', ARGV[1])
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.min(idle, deadline - now)))
end
local record = false
if ARGV[4] ~= '' then record = redis.call('GET', ARGV[4] .. f[2]) end
return {1, f[2], f[3], f[4], f[5], f[6], f[7], f[8], record}
