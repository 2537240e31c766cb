package ownership

// LockKey is for tests that lock by hand what Guard locks.
func LockKey(resource string) int64 { return lockKey(resource) }
