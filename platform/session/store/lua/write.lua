-- Shared by put.lua and copy.lua: writes the whole session and its entry in the
-- user's index, with the time to live that is left. On the way it trims the index:
-- of the ten oldest entries (more than one write adds), those whose session is gone.
local function write()
  redis.call('HSET', KEYS[1], 'user', ARGV[2], 'data', ARGV[3], 'created', ARGV[4],
    'seen', ARGV[5], 'deadline', ARGV[6], 'agent', ARGV[7], 'address', ARGV[8])
  redis.call('PEXPIRE', KEYS[1], ARGV[9])
  redis.call('ZADD', KEYS[2], ARGV[6], ARGV[1])
  for _, hash in ipairs(redis.call('ZRANGE', KEYS[2], 0, 9)) do
    if redis.call('EXISTS', ARGV[11] .. hash) == 0 then redis.call('ZREM', KEYS[2], hash) end
  end
  if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[10]) then
    redis.call('PEXPIRE', KEYS[2], ARGV[10])
  end
end
