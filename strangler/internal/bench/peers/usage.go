package peers

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is what proc_pid_stat(5) counts processor time in: 1/100 s on every
// Linux (USER_HZ).
const clockTick = 10 * time.Millisecond

// Usage is what a process and its children cost. All is 0 where there is no /proc.
type Usage struct {
	CPU time.Duration // since they began, user and system
	// Resident is the memory they hold now, Peak the most they held, in bytes.
	// Buffers of sockets are the kernel's and in neither.
	Resident int64
	Peak     int64
}

// Usage reads what the process costs.
func (p *Process) Usage() Usage { return UsageOf(p.PID()) }

// ForgetPeak lets Peak begin anew where the kernel can (proc_pid_clear_refs(5)).
func (p *Process) ForgetPeak() {
	for _, pid := range family(p.PID()) {
		_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0) // else Peak is since the start
	}
}

// UsageOf reads what any process and its children cost. The processor time is also
// that of children that have ended.
func UsageOf(pid int) Usage {
	var sum Usage
	for _, member := range family(pid) {
		if fields := statOf(member); fields != nil {
			for _, ticks := range fields[11:15] {
				sum.CPU += time.Duration(number(ticks)) * clockTick
			}
		}
		resident, peak := memoryOf(member)
		sum.Resident += resident
		sum.Peak += peak
	}
	return sum
}

// statOf splits /proc/PID/stat behind the program's name, which may hold anything:
// 0 is the state, 1 the parent, 11 and 12 the processor time as user and as system, 13
// and 14 that of the children that it has waited for.
func statOf(pid int) []string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil // it has ended, or there is no /proc
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 15 {
		return nil
	}
	return fields
}

// family is the process and all that descend from it.
func family(pid int) []int {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	children := map[int][]int{}
	for _, file := range stats {
		child := int(number(filepath.Base(filepath.Dir(file))))
		if fields := statOf(child); fields != nil {
			parent := int(number(fields[1]))
			children[parent] = append(children[parent], child)
		}
	}
	members := []int{pid}
	for i := 0; i < len(members); i++ {
		members = append(members, children[members[i]]...)
	}
	return members
}

func memoryOf(pid int) (resident, peak int64) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		kib := number(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		switch name {
		case "VmRSS":
			resident = kib << 10
		case "VmHWM":
			peak = kib << 10
		}
	}
	return resident, peak
}

// number is 0 for what is none: the kernel writes them, and a field that isn't one
// is not asked for.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
