-- Writes a session whether or not it is there, but never over a tombstone.
-- 0: there is a tombstone. 1: written.
if redis.call('HEXISTS', KEYS[1], 'gone') == 1 then return 0 end
write()
return 1
