package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

var errMissing = errors.New("kubectl is not in PATH: install it (https://kubernetes.io/docs/tasks/tools/) or add its folder to PATH")

// OldestServer is the minor version of Kubernetes 1 from which on what the manifests
// use is there: a preStop that sleeps needs no shell since 1.30.
const OldestServer = 30

// Access is something that the tool must be allowed to do.
type Access struct {
	Verb, Group, Resource string
}

func (a Access) String() string {
	if a.Group == "" {
		return a.Verb + " " + a.Resource
	}
	return a.Verb + " " + a.Resource + "." + a.Group
}

// needed is what the tool does in its namespace.
func needed() []Access {
	var all []Access
	for _, verb := range []string{"get", "list", "create", "patch", "delete"} {
		for _, r := range [][2]string{{"", "services"}, {"", "configmaps"}, {"", "secrets"}, {"apps", "deployments"}, {"apps", "statefulsets"}, {"batch", "jobs"},
			{"", "serviceaccounts"}, {"networking.k8s.io", "networkpolicies"}, {"policy", "poddisruptionbudgets"}} {
			all = append(all, Access{verb, r[0], r[1]})
		}
	}
	for _, verb := range []string{"get", "list", "patch", "delete"} {
		all = append(all, Access{verb, "", "pods"})
	}
	return append(all, Access{"get", "", "pods/log"}, Access{"list", "", "events"},
		Access{"create", "", "pods/portforward"}, Access{"create", "", "pods/exec"}, Access{"patch", "apps", "deployments/scale"}, Access{"patch", "apps", "statefulsets/scale"})
}

// Preflight checks all that can be known before anything is done: that kubectl is there,
// that the cluster answers and is not too old, that we may do what the tool does, and
// that the cluster knows every kind of the objects. The error says what is wrong and what
// helps; a version is returned to be told, such as v1.34.4.
func (c Cluster) Preflight(ctx context.Context, objects []Object) (version string, err error) {
	if _, err := exec.LookPath(c.program()); err != nil {
		return "", errMissing
	}
	if version, err = c.version(ctx); err != nil {
		return "", err
	}
	if err := c.may(ctx, needed()); err != nil {
		return version, err
	}
	return version, c.knows(ctx, objects)
}

// version asks the cluster, and with that whether it answers.
func (c Cluster) version(ctx context.Context) (string, error) {
	if err := c.hasContext(ctx); err != nil {
		return "", err
	}
	var v struct {
		Server *struct {
			Major string `json:"major"`
			Minor string `json:"minor"`
			Text  string `json:"gitVersion"`
		} `json:"serverVersion"`
	}
	if err := c.get(ctx, &v, "version", "--request-timeout=10s"); err != nil {
		return "", fmt.Errorf("%s does not answer: %w\ntry `kubectl%s get namespaces`; choose another with --context", c.named(), err, c.contextFlag())
	}
	if v.Server == nil {
		return "", fmt.Errorf("%s does not say its version: try `kubectl%s version`", c.named(), c.contextFlag())
	}
	minor, err := strconv.Atoi(strings.TrimRight(v.Server.Minor, "+"))
	if err == nil && v.Server.Major == "1" && minor < OldestServer {
		return "", fmt.Errorf("%s runs Kubernetes %s: the manifests need 1.%d or newer (a preStop that sleeps)", c.named(), v.Server.Text, OldestServer)
	}
	return v.Server.Text, nil
}

// hasContext tells a missing kubeconfig apart from a cluster that does not answer.
func (c Cluster) hasContext(ctx context.Context) error {
	out, err := Cluster{Program: c.Program}.run(ctx, nil, "config", "get-contexts", "-o", "name")
	if err != nil {
		return err
	}
	known := strings.Fields(string(out))
	if c.Context != "" {
		for _, name := range known {
			if name == c.Context {
				return nil
			}
		}
		return fmt.Errorf("--context %s: the kubeconfig knows no such context, only %q: choose one of them, or set KUBECONFIG", c.Context, known)
	}
	if _, err := (Cluster{Program: c.Program}).run(ctx, nil, "config", "current-context"); err != nil {
		return fmt.Errorf("no cluster is chosen: set KUBECONFIG, or choose one of %q with --context or `kubectl config use-context`", known)
	}
	return nil
}

func (c Cluster) named() string {
	if c.Context == "" {
		return "the cluster of the current context"
	}
	return "the cluster of context " + c.Context
}

func (c Cluster) contextFlag() string {
	if c.Context == "" {
		return ""
	}
	return " --context " + c.Context
}

// may asks for all at once what `kubectl auth can-i` asks one by one.
func (c Cluster) may(ctx context.Context, all []Access) error {
	reviews := make([]Object, len(all))
	for i, a := range all {
		resource, sub, _ := strings.Cut(a.Resource, "/")
		reviews[i] = Object{
			"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
			"spec": map[string]any{"resourceAttributes": map[string]any{
				"namespace": c.Namespace, "verb": a.Verb, "group": a.Group, "resource": resource, "subresource": sub,
			}},
		}
	}
	asked, err := listOf(reviews)
	if err != nil {
		return err
	}
	out, err := c.run(ctx, asked, "create", "-f", "-", "-o", "json")
	if err != nil {
		return fmt.Errorf("ask %s what we may do: %w", c.named(), err)
	}
	var answers []allowed
	if answers, err = readReviews(out); err != nil {
		return err
	}
	var denied []Access
	for i, a := range answers {
		if !a.Status.Allowed && i < len(all) {
			denied = append(denied, all[i])
		}
	}
	if len(denied) > 0 {
		return fmt.Errorf("in namespace %s we may not %s; ask for a role with these (the ClusterRole admin, bound there, has them), or choose another --context; `kubectl%s auth can-i %s --namespace %s` asks again",
			c.Namespace, inWords(denied), c.contextFlag(), denied[0], c.Namespace)
	}
	return nil
}

// inWords names each resource once.
func inWords(all []Access) string {
	var resources []string
	verbs := map[string][]string{}
	for _, a := range all {
		r := strings.TrimPrefix(a.String(), a.Verb+" ")
		if verbs[r] == nil {
			resources = append(resources, r)
		}
		verbs[r] = append(verbs[r], a.Verb)
	}
	for i, r := range resources {
		resources[i] = strings.Join(verbs[r], "/") + " " + r
	}
	return strings.Join(resources, ", ")
}

type allowed struct {
	Status struct {
		Allowed bool `json:"allowed"`
	} `json:"status"`
}

// readReviews reads a List, or objects one behind another: kubectl writes either.
func readReviews(out []byte) ([]allowed, error) {
	var all []allowed
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var one struct {
			allowed
			Items []allowed `json:"items"`
		}
		if err := d.Decode(&one); err != nil {
			return nil, fmt.Errorf("read what we may do: %w", err)
		}
		if one.Items != nil {
			all = append(all, one.Items...)
			continue
		}
		all = append(all, one.allowed)
	}
	return all, nil
}

// knows checks that the cluster has an API for each object.
func (c Cluster) knows(ctx context.Context, objects []Object) error {
	out, err := c.run(ctx, nil, "api-resources", "--no-headers")
	if err != nil {
		return fmt.Errorf("ask %s which APIs it has: %w", c.named(), err)
	}
	known := map[string]bool{}
	for _, line := range strings.Split(string(out), "\n") {
		// NAME [SHORTNAMES] APIVERSION NAMESPACED KIND
		if f := strings.Fields(line); len(f) >= 4 {
			known[f[len(f)-3]+" "+f[len(f)-1]] = true
		}
	}
	missing := map[string]bool{}
	var said []string
	for _, o := range objects {
		key := o.APIVersion() + " " + o.Kind()
		if !known[key] && !missing[key] {
			missing[key] = true
			said = append(said, fmt.Sprintf("%s of %s (%s)", o.Kind(), o.APIVersion(), o.Ref()))
		}
	}
	if len(said) > 0 {
		return fmt.Errorf("%s knows no %s: install what brings it, or leave its component out of the step's kustomization", c.named(), strings.Join(said, ", no "))
	}
	return nil
}
