-- Brings a session from a replica's memory: never over a tombstone, never over a
-- value. A value that is there lives on as long as the longer-lived of the two.
-- 0: there is a tombstone. 1: written. 2: was there.
local here = redis.call('HMGET', KEYS[1], 'gone', 'seen')
if here[1] then return 0 end
if here[2] then
  if tonumber(ARGV[5]) > tonumber(here[2]) then
    redis.call('HSET', KEYS[1], 'seen', ARGV[5])
    redis.call('PEXPIRE', KEYS[1], ARGV[9])
  end
  return 2
end
write()
return 1
