-- Puts the tombstone in the session's place. KEYS[1] session.
-- ARGV: now, the tombstone's life (ms), '1' if the session was seen alive, prefix of user indexes, hash.
-- 0: nothing found and nothing left. 1: revoked. 2: was revoked before.
local f = redis.call('HMGET', KEYS[1], 'gone', 'user')
if f[1] then return 2 end
if not f[2] and ARGV[3] ~= '1' then return 0 end
if f[2] then redis.call('ZREM', ARGV[4] .. f[2], ARGV[5]) end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'gone', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
