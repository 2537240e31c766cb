package deployment

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Memory sums what this process and all processes of the run use, in MiB: their
// proportional share (PSS), since PostgreSQL's share most of theirs. It is 0 where
// there is no /proc. It may be called while others work on the run.
func Memory(dir string) int {
	state, err := readState(dir)
	if err != nil || state == nil {
		return 0
	}
	// Every process was started in a session of its own, and what it started is
	// in the same one.
	sessions := map[string]bool{}
	for _, i := range state.Processes {
		sessions[strconv.Itoa(i.PID)] = true
	}
	kib := pss(strconv.Itoa(os.Getpid()))
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	for _, file := range stats {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended meanwhile
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 3 && sessions[fields[3]] {
			kib += pss(filepath.Base(filepath.Dir(file)))
		}
	}
	return kib / 1024
}

func pss(pid string) int {
	content, err := os.ReadFile("/proc/" + pid + "/smaps_rollup")
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "Pss:"); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			if err == nil {
				return n
			}
		}
	}
	return 0
}
