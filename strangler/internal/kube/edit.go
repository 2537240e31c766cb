package kube

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Replicas of a workload; 1 when it names none.
func (o Object) Replicas() int {
	switch n := fields(o, "spec")["replicas"].(type) {
	case int:
		return n
	case float64:
		return int(n)
	default:
		return 1
	}
}

// SetReplicas of a workload.
func (o Object) SetReplicas(n int) { makeFields(o, "spec")["replicas"] = n }

// template is that of the pods that the object makes.
func (o Object) template() map[string]any {
	if o.Kind() == "Pod" {
		return o
	}
	return fields(o, "spec", "template")
}

// container of the pods by its name, among those that stay.
func (o Object) container(name string) (map[string]any, error) {
	list, _ := fields(o.template(), "spec")["containers"].([]any)
	var known []string
	for _, one := range list {
		c, _ := one.(map[string]any)
		if text(c, "name") == name {
			return c, nil
		}
		known = append(known, text(c, "name"))
	}
	return nil, fmt.Errorf("%s has no container %q, only %q: name the host's container so in its manifest", o.Ref(), name, known)
}

// Image of the host's container.
func (o Object) Image() string {
	c, err := o.container(Container)
	if err != nil {
		return ""
	}
	return text(c, "image")
}

// SetImage gives the host's container an image.
func (o Object) SetImage(image string) error {
	c, err := o.container(Container)
	if err == nil {
		c["image"] = image
	}
	return err
}

// SetTag gives the host's image another tag, and takes its digest away.
func (o Object) SetTag(tag string) error { return o.SetImage(withTag(o.Image(), tag)) }

// withTag minds that the colon of a registry's port is none of a tag.
func withTag(image, tag string) string {
	image, _, _ = strings.Cut(image, "@")
	if at := strings.LastIndexByte(image, ':'); at > strings.LastIndexByte(image, '/') {
		image = image[:at]
	}
	return image + ":" + tag
}

// SetEnv sets environment variables of the host's container, over what stands there,
// also over one that is taken from a Secret or a ConfigMap.
func (o Object) SetEnv(env map[string]string) error {
	c, err := o.container(Container)
	if err != nil {
		return err
	}
	list, _ := c["env"].([]any)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = setVariable(list, name, env[name])
	}
	if len(list) > 0 {
		c["env"] = list
	}
	return nil
}

func setVariable(list []any, name, value string) []any {
	set := map[string]any{"name": name, "value": value}
	for i, one := range list {
		if v, _ := one.(map[string]any); text(v, "name") == name {
			list[i] = set
			return list
		}
	}
	return append(list, set)
}

// Env are the variables of the host's container that have a plain value.
func (o Object) Env() map[string]string {
	c, err := o.container(Container)
	if err != nil {
		return nil
	}
	env := map[string]string{}
	list, _ := c["env"].([]any)
	for _, one := range list {
		v, _ := one.(map[string]any)
		if value, plain := v["value"].(string); plain {
			env[text(v, "name")] = value
		}
	}
	return env
}

// SetAnnotation of the object itself.
func (o Object) SetAnnotation(name, value string) {
	makeFields(o, "metadata", "annotations")[name] = value
}

// SetLabel of the object itself.
func (o Object) SetLabel(name, value string) { makeFields(o, "metadata", "labels")[name] = value }

// SetPodAnnotation annotates the pods that the object makes: a changed one is a reason
// to replace them.
func (o Object) SetPodAnnotation(name, value string) {
	if t := o.template(); t != nil {
		makeFields(t, "metadata", "annotations")[name] = value
	}
}

// SetData sets a key of a ConfigMap.
func (o Object) SetData(key, value string) { makeFields(o, "data")[key] = value }

// Data of a ConfigMap's key.
func (o Object) Data(key string) (string, bool) {
	value, ok := fields(o, "data")[key].(string)
	return value, ok
}

// SetStringData sets a key of a Secret, not encoded.
func (o Object) SetStringData(key, value string) { makeFields(o, "stringData")[key] = value }

// KeepPods gives the object the pods of what is live: whatever else of it changes, none
// is replaced.
func (o Object) KeepPods(live Object) {
	if t := live.Clone().template(); t != nil {
		makeFields(o, "spec")["template"] = t
	}
}

// Mounts lists the ConfigMaps that the pods have as files.
func (o Object) Mounts() []string {
	var names []string
	list, _ := fields(o.template(), "spec")["volumes"].([]any)
	for _, one := range list {
		v, _ := one.(map[string]any)
		if name := text(fields(v, "configMap"), "name"); name != "" {
			names = append(names, name)
		}
	}
	return names
}
