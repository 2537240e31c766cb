-- The user's live sessions. KEYS[1] the user's index. ARGV: now, idle, prefix of sessions.
local out = {}
local now, idle = tonumber(ARGV[1]), tonumber(ARGV[2])
for _, hash in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local f = redis.call('HMGET', ARGV[3] .. hash, 'user', 'data', 'created', 'seen', 'deadline', 'agent', 'address')
  if not f[1] then
    redis.call('ZREM', KEYS[1], hash)
  elseif now < tonumber(f[5]) and now < tonumber(f[4]) + idle then
    out[#out + 1] = {hash, f[1], f[2], f[3], f[4], f[5], f[6], f[7]}
  end
end
return out
