package kube_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/kube"
)

func TestAPodTellsItsTrouble(t *testing.T) {
	for name, c := range map[string]struct{ status, want string }{
		"runs":  {`"conditions":[{"type":"Ready","status":"True"}],"containerStatuses":[{"name":"app","state":{"running":{}}}]`, ""},
		"comes": {`"containerStatuses":[{"name":"app","state":{"waiting":{"reason":"ContainerCreating"}}}]`, ""},
		"image": {`"containerStatuses":[{"name":"app","state":{"waiting":{"reason":"ErrImagePull","message":"no such tag"}}}]`, "container app waits: ErrImagePull: no such tag"},
		"crash": {`"containerStatuses":[{"name":"app","restartCount":4,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"reason":"Error","exitCode":2}}}]`,
			"container app ended 4 times, the last time with exit code 2 (Error)"},
		"place": {`"conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/1 nodes: Insufficient cpu."}]`, "Unschedulable: 0/1 nodes: Insufficient cpu."},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := kube.ReadPod([]byte(`{"metadata":{"name":"p"},"status":{` + c.status + `}}`))
			require.NoError(t, err)
			require.Equal(t, c.want, p.Trouble)
			require.Equal(t, name == "runs", p.Ready)
		})
	}
	ending, err := kube.ReadPod([]byte(`{"metadata":{"name":"p","deletionTimestamp":"2026-01-02T03:04:05Z"},"status":{"conditions":[{"type":"Ready","status":"True"}]}}`))
	require.NoError(t, err)
	require.False(t, ending.Ready, "one that is told to end gets nobody new")
}

func TestARolloutIsDoneOnlyWhenNothingOldIsLeft(t *testing.T) {
	for name, c := range map[string]struct {
		workload string
		done     bool
	}{
		"done":              {`{"metadata":{"generation":2},"spec":{"replicas":2},"status":{"observedGeneration":2,"replicas":2,"updatedReplicas":2,"readyReplicas":2}}`, true},
		"not observed yet":  {`{"metadata":{"generation":3},"spec":{"replicas":2},"status":{"observedGeneration":2,"replicas":2,"updatedReplicas":2,"readyReplicas":2}}`, false},
		"an old one left":   {`{"metadata":{"generation":2},"spec":{"replicas":2},"status":{"observedGeneration":2,"replicas":3,"updatedReplicas":2,"readyReplicas":3}}`, false},
		"a new one unready": {`{"metadata":{"generation":2},"spec":{"replicas":2},"status":{"observedGeneration":2,"replicas":2,"updatedReplicas":2,"readyReplicas":1}}`, false},
		"scaled to nothing": {`{"metadata":{"generation":2},"spec":{"replicas":0},"status":{"observedGeneration":2}}`, true},
		"a stateful set":    {`{"metadata":{"generation":1},"spec":{},"status":{"observedGeneration":1,"replicas":1,"readyReplicas":1,"currentRevision":"a","updateRevision":"a"}}`, true},
		"one half way":      {`{"metadata":{"generation":1},"spec":{},"status":{"observedGeneration":1,"replicas":1,"readyReplicas":1,"currentRevision":"a","updateRevision":"b"}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			done, how, err := kube.Done([]byte(c.workload))
			require.NoError(t, err)
			require.Equal(t, c.done, done, how)
		})
	}
}

func TestTheLocalPortOfAForwardIsRead(t *testing.T) {
	local, remote, ok := kube.ParseForward("Forwarding from 127.0.0.1:43211 -> 8081")
	require.True(t, ok)
	require.Equal(t, []int{43211, 8081}, []int{local, remote})
	for _, other := range []string{"Forwarding from [::1]:43211 -> 8081", "Handling connection for 8081", "Forwarding from 127.0.0.1:x -> 1", "Forwarding from 127.0.0.1:1 -> "} {
		_, _, ok := kube.ParseForward(other)
		require.False(t, ok, other)
	}
}

func TestTheClientsOwnLogIsLeftOut(t *testing.T) {
	require.Equal(t, "The connection to the server localhost:8080 was refused",
		kube.LastWords("E1121 18:31:09.811246    9633 memcache.go:265] \"Unhandled Error\"\nThe connection to the server localhost:8080 was refused\n"))
	require.Equal(t, "Error from server (NotFound): x", kube.LastWords("Error from server (NotFound): x"))
}

func TestATagIsSetBehindARegistrysPort(t *testing.T) {
	for image, want := range map[string]string{
		"banyan/monolith":                                "banyan/monolith:05",
		"banyan/monolith:04":                             "banyan/monolith:05",
		"registry.example:5000/banyan/monolith":          "registry.example:5000/banyan/monolith:05",
		"registry.example:5000/banyan/monolith:04":       "registry.example:5000/banyan/monolith:05",
		"banyan/monolith:04@sha256:0123456789abcdef":     "banyan/monolith:05",
		"registry.example:5000/banyan/monolith@sha256:0": "registry.example:5000/banyan/monolith:05",
	} {
		require.Equal(t, want, kube.WithTag(image, "05"), image)
	}
}

func TestWhatWeMayNotIsToldByResource(t *testing.T) {
	require.Equal(t, "get/list pods, create deployments.apps, create pods/exec", kube.InWords([]kube.Access{
		{Verb: "get", Resource: "pods"}, {Verb: "create", Group: "apps", Resource: "deployments"}, {Verb: "list", Resource: "pods"}, {Verb: "create", Resource: "pods/exec"},
	}))
}
