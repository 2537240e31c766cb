package beside

import (
	"fmt"
	"syscall"
)

// raiseFiles lets this process and those that it starts have so many files open,
// if the system allows, and answers how many it is. A process with less than it
// needs would refuse connections, and that would look like its own fault.
func raiseFiles(wanted, needed int) (int, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read the limit of open files: %w", err)
	}
	raised := syscall.Rlimit{Cur: uint64(wanted), Max: max(limit.Max, uint64(wanted))}
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
		return wanted, nil
	}
	// More than the hard limit is for the privileged.
	raised = syscall.Rlimit{Cur: min(limit.Max, uint64(wanted)), Max: limit.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised); err != nil {
		return 0, fmt.Errorf("raise the limit of open files to %d: %w", raised.Cur, err)
	}
	if raised.Cur < uint64(needed) {
		return 0, fmt.Errorf("a process may have %d files open, and %d are needed: raise it (ulimit -n), or give less --idle and --connections", raised.Cur, needed)
	}
	return int(raised.Cur), nil
}
