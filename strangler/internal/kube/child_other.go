//go:build !linux

package kube

import "syscall"

// child is in a process group of its own. Here nothing ends it when the tool is
// killed with kill -9; a port-forward left behind ends when its pod does.
func child() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
