package main

import (
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// hosts are the programs of this repository, whose images carry a step's name.
var hosts = []string{"monolith", "comments", "gateway"}

var (
	byDigest = regexp.MustCompile(`@sha256:[0-9a-f]{64}$`)
	released = regexp.MustCompile(`^(.*)-v[0-9]+\.[0-9]+\.[0-9]+$`)
)

// house checks what this repository asks of a step beyond what others ask of any deployment.
func house(step string, text []byte) ([]finding, error) {
	pods, err := podsOf(text)
	if err != nil {
		return nil, err
	}
	var found []finding
	for _, p := range pods {
		for _, c := range slices.Concat(p.spec.InitContainers, p.spec.Containers) {
			if wrong := wrongImage(step, c); wrong != "" {
				found = append(found, finding{p.object, "image", wrong})
			}
		}
		for key, value := range p.meta.Labels {
			if key == "app.kubernetes.io/version" || value == step {
				found = append(found, finding{p.object, "pod-label", "its pods carry the label " + key + ": " + value +
					", so that each step would start them anew, and with them end the sessions in their memory"})
			}
		}
	}
	return found, nil
}

// wrongImage says what is wrong with a container's image, or nothing.
func wrongImage(step string, c corev1.Container) string {
	if byDigest.MatchString(c.Image) {
		return ""
	}
	last := c.Image[strings.LastIndex(c.Image, "/")+1:]
	_, tag, tagged := strings.Cut(last, ":")
	if !tagged {
		return c.Image + " has no tag: what runs would change without anybody asking"
	}
	if ofHost(c.Image) == "" {
		return ""
	}
	if match := released.FindStringSubmatch(tag); match != nil {
		tag = match[1]
	}
	if tag != step {
		return c.Image + " is not tagged with the step, " + step
	}
	return ""
}
