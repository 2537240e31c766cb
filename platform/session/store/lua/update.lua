-- Replaces the data of a session that is there. KEYS[1] session. ARGV: data, now, idle.
-- 0: absent or expired. 1: written. 2: revoked.
local f = redis.call('HMGET', KEYS[1], 'gone', 'seen', 'deadline')
if f[1] then return 2 end
if not f[2] then return 0 end
local now = tonumber(ARGV[2])
if now >= tonumber(f[3]) or now >= tonumber(f[2]) + tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'data', ARGV[1])
return 1
