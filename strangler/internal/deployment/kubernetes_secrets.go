package deployment

import (
	"context"
	"fmt"
	"slices"
	"time"

	"banyan.dev/strangler/internal/kube"
	"banyan.dev/strangler/internal/steps"
)

// tokens are what all hosts of a run share, by the key in their Secrets.
func (k *kubernetes) tokens() map[string]string {
	return map[string]string{"ADMIN_TOKEN": k.run.state.Token, "IDENTITY_KEY": k.run.state.IdentityKey}
}

// ours puts the run's own tokens into the Secrets that a step brings. Those that somebody
// else brings are taken as they are: see adopt.
func (k *kubernetes) ours(o kube.Object) kube.Object {
	if o.Kind() != "Secret" {
		return o
	}
	data, _ := o["data"].(map[string]any)
	for key, value := range k.tokens() {
		if _, has := data[key]; has {
			delete(data, key)
			o.SetStringData(key, value)
		}
	}
	return o
}

// broughtWithin is how long somebody else's Secret may take to come (External Secrets asks
// a store outside).
const broughtWithin = 2 * time.Minute

// adopt takes the tokens of a Secret that somebody else brings: the host knows these.
func (k *kubernetes) adopt(ctx context.Context, p steps.Process, objects []kube.Object) error {
	name := p.Name + "-secrets"
	if !p.Host() || slices.ContainsFunc(objects, func(o kube.Object) bool { return o.Kind() == "Secret" && o.Name() == name }) {
		return nil
	}
	bound, cancel := context.WithTimeout(ctx, broughtWithin)
	defer cancel()
	var data map[string]string
	var err error
	if !await(bound, time.Second, func() bool { data, err = k.cluster.Secret(bound, name); return err == nil || !kube.NotFound(err) }) || err != nil {
		return fmt.Errorf("%s needs the Secret %s, which no step brings: %w: make it, or see why External Secrets does not", p.Name, name, err)
	}
	s := k.run.state
	for key, mine := range map[string]*string{"ADMIN_TOKEN": &s.Token, "IDENTITY_KEY": &s.IdentityKey} {
		theirs := data[key]
		if theirs == "" || theirs == *mine {
			continue
		}
		if k.known().Adopted != "" {
			return fmt.Errorf("Secret %s has another %s than %s: give all hosts the same", name, key, k.known().Adopted)
		}
		*mine = theirs
	}
	if k.known().Adopted == "" {
		k.known().Adopted = name
	}
	return k.run.save()
}
