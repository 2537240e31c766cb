package kube

import "syscall"

// child is in a process group of its own, and ends with the tool even if that is
// killed: nobody else would end a port-forward.
func child() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
