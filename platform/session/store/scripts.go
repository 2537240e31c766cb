package store

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

// The scripts are what makes each operation on Redis one step: looking for the
// tombstone and writing cannot be torn apart by another replica. They build some
// keys from arguments, so they need a single primary, not a cluster.
var (
	//go:embed lua/write.lua
	writeLua string
	//go:embed lua/put.lua
	putLua string
	//go:embed lua/copy.lua
	copyLua string
	//go:embed lua/load.lua
	loadLua string
	//go:embed lua/update.lua
	updateLua string
	//go:embed lua/revoke.lua
	revokeLua string
	//go:embed lua/list.lua
	listLua string
	//go:embed lua/cache.lua
	cacheLua string

	putScript    = redis.NewScript(writeLua + putLua)
	copyScript   = redis.NewScript(writeLua + copyLua)
	loadScript   = redis.NewScript(loadLua)
	updateScript = redis.NewScript(updateLua)
	revokeScript = redis.NewScript(revokeLua)
	listScript   = redis.NewScript(listLua)
	cacheScript  = redis.NewScript(cacheLua)
)
