package kube

import "encoding/json"

// For tests of what only a cluster writes.
var (
	ParseForward = parseForward
	LastWords    = lastWords
	WithTag      = withTag
	InWords      = inWords
)

// ReadPod reads a pod as the API gives it.
func ReadPod(text []byte) (Pod, error) {
	var p pod
	err := json.Unmarshal(text, &p)
	return p.read(), err
}

// Done tells whether a workload as the API gives it is rolled out.
func Done(text []byte) (bool, string, error) {
	var w workload
	err := json.Unmarshal(text, &w)
	done, how := w.done()
	return done, how, err
}
