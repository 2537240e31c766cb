package deployment

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"banyan.dev/strangler/internal/kube"
	"banyan.dev/strangler/internal/steps"
)

// Ports of every host's pods.
const (
	publicPort = 8080
	adminPort  = 8081
)

// OnKubernetes is what the next command has to know of a run there.
type OnKubernetes struct {
	// Claimed says that the namespace is this run's, and Made that it made it.
	Claimed bool `json:"claimed"`
	Made    bool `json:"made"`
	// Entries are where users come in, by process, once that was found out.
	Entries map[string]string `json:"entries,omitempty"`
	// Adopted is the Secret of somebody else whose tokens are the run's.
	Adopted string `json:"adopted,omitempty"`
	// Settled is the step that what is beside the processes was brought to.
	Settled string `json:"settled,omitempty"`
}

// kubernetes is the target "a namespace": Deployments and StatefulSets of the steps'
// kustomizations. What a step says of an object is taken from its kustomization; how
// many there are, what they are told, and what is in the watched ConfigMaps is the run's.
// Nothing is done to pods that need not: they follow ConfigMaps while they run.
type kubernetes struct {
	run      *Run
	cluster  kube.Cluster
	tunnels  *kube.Tunnels
	seen     listing
	rendered map[string][]kube.Object // the steps' objects, by step
	prepared bool
	missed   time.Time      // when nobody led users in
	touching sync.WaitGroup // pods that are being touched
}

func newKubernetes(r *Run) *kubernetes {
	t := &r.state.Target
	if t.Namespace == "" {
		t.Namespace = "banyan"
	}
	c := kube.Cluster{Context: t.Context, Namespace: t.Namespace}
	return &kubernetes{run: r, cluster: c, tunnels: kube.NewTunnels(c), rendered: map[string][]kube.Object{}}
}

// known is the run's part of the state.
func (k *kubernetes) known() *OnKubernetes {
	s := k.run.state
	if s.Kubernetes == nil {
		s.Kubernetes = &OnKubernetes{}
	}
	if s.Kubernetes.Entries == nil {
		s.Kubernetes.Entries = map[string]string{}
	}
	return s.Kubernetes
}

// named: owners keep the address of the step's gateway.yaml, a Service's name that stands
// for all ready pods.
func (k *kubernetes) named() bool { return false }

// spreads is how long a kubelet may take to show a changed ConfigMap when it does not
// notice that the pod was touched: its period of a minute and its cache's life.
func (k *kubernetes) spreads() time.Duration { return 90 * time.Second }

func (k *kubernetes) close() error {
	k.touching.Wait()
	k.tunnels.Close()
	return nil
}

func (k *kubernetes) publicURL(name string) string { return k.tunnel(name, publicPort) }
func (k *kubernetes) adminURL(name string) string  { return k.tunnel(name, adminPort) }

// tunnelWithin bounds how long a port-forward may take to listen.
const tunnelWithin = 20 * time.Second

// tunnel is where a pod's port is reached by this command. One that can't be reached has
// an address at which nobody answers: who asks there tells that.
func (k *kubernetes) tunnel(name string, port int) string {
	ctx, cancel := context.WithTimeout(context.Background(), tunnelWithin)
	defer cancel()
	at, err := k.tunnels.To(ctx, name, publicPort, adminPort)
	if err != nil {
		k.seen.forget()
		return "http://" + name + ".unreachable.invalid"
	}
	return "http://" + at[port]
}

// entry is the process's Service with the entry label, or what --url gave. A process
// that has none is reached by a port-forward to one pod, while this command runs.
func (k *kubernetes) entry(p steps.Process) (string, error) {
	if given := k.run.state.Target.URL; given != "" {
		return given, nil
	}
	if url := k.known().Entries[p.Name]; url != "" {
		return url, nil
	}
	if k.run.folder == nil || !k.prepared && k.run.journal.At() == "" {
		return "", fmt.Errorf("where users come in to %s is not known yet", p.Name)
	}
	if time.Since(k.missed) < time.Second {
		return "", fmt.Errorf("%w to %s", kube.ErrNoEntry, p.Name)
	}
	url, err := k.cluster.Entry(context.Background(), p.Name)
	if errors.Is(err, kube.ErrNoEntry) {
		if url, ok := k.throughPod(p); ok {
			return url, nil
		}
		k.missed = time.Now()
	}
	if err != nil {
		return "", err
	}
	k.known().Entries[p.Name] = url
	return url, k.run.save()
}

// page is how to see the gateway's: a tunnel of this command would end with it.
func (k *kubernetes) page() string {
	return fmt.Sprintf("http://127.0.0.1:%d/_strangler/ by kubectl --context %s --namespace %s port-forward deployment/gateway %d", adminPort, k.cluster.Context, k.cluster.Namespace, adminPort)
}

// throughPod is a tunnel to the first pod of a process that users don't come to.
func (k *kubernetes) throughPod(p steps.Process) (url string, ok bool) {
	if k.run.state.Entry == p.Name {
		return "", false // they must not hang on this command
	}
	for _, name := range k.run.replicas(p.Name) {
		if k.alive(name) {
			return k.publicURL(name), true
		}
	}
	return "", false
}

// upstream is a pod as the gateway names it, which resolves the Service by itself.
func (k *kubernetes) upstream(name string) GatewayReplica {
	at := net.JoinHostPort(k.pod(name).IP, strconv.Itoa(publicPort))
	return GatewayReplica{Name: at, URL: "http://" + at}
}

// peers are those that the step's own settings name: a Service that stands for all
// replicas, also for those that are not ready.
func (k *kubernetes) peers([]string) ([]string, error) {
	f, err := k.settings(context.Background())
	return f.Session.Peers, err
}

// settings are those of the step's kustomization.
func (k *kubernetes) settings(ctx context.Context) (settingsFile, error) {
	var f settingsFile
	o, err := k.watched(ctx, settingsName)
	if err != nil {
		return f, err
	}
	text, _ := o.Data(settingsName)
	if err := yaml.Unmarshal([]byte(text), &f); err != nil {
		return f, fmt.Errorf("read %s of %s: %w", settingsName, o.Ref(), err)
	}
	return f, nil
}

// address: only the settings file is written here; what pods are told else stands in the
// manifests.
func (k *kubernetes) address(ctx context.Context, what, _ string) (string, error) {
	if what == "redis.url" {
		f, err := k.settings(ctx)
		return f.Redis.URL, err
	}
	return "", fmt.Errorf("${%s} is no matter of the tool on Kubernetes: write the value into the host's manifest", what)
}

func (k *kubernetes) describe(name string) (id, detail string) {
	p := k.pod(name)
	var parts []string
	switch {
	case p.Trouble != "":
		parts = append(parts, p.Trouble)
	case !p.Ready:
		parts = append(parts, "not ready yet")
	}
	if p.IP != "" {
		parts = append(parts, p.IP)
	}
	return "", strings.Join(parts, ", ")
}
