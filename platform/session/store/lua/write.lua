-- Shared by put.lua and copy.lua: writes the whole session and its entry in the
-- user's index, with the time to live that is left.
local function write()
  redis.call('HSET', KEYS[1], 'user', ARGV[2], 'data', ARGV[3], 'created', ARGV[4],
    'seen', ARGV[5], 'deadline', ARGV[6], 'agent', ARGV[7], 'address', ARGV[8])
  redis.call('PEXPIRE', KEYS[1], ARGV[9])
  redis.call('ZADD', KEYS[2], ARGV[6], ARGV[1])
  if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[10]) then
    redis.call('PEXPIRE', KEYS[2], ARGV[10])
  end
end
