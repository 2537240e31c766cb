package main

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// takePublicURL takes public_url out of the settings file's content: the rest is
// the sessions', who refuse what they do not know. Its line stays, empty, so that
// their messages name the right ones. The address is empty when the file names none.
func takePublicURL(content []byte) (publicURL string, rest []byte, err error) {
	var doc yaml.Node
	if yaml.Unmarshal(content, &doc) != nil || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return "", content, nil // the sessions' parser says what is wrong
	}
	top := doc.Content[0]
	lines := strings.Split(string(content), "\n")
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		if key.Value != "public_url" {
			continue
		}
		if publicURL != "" {
			return "", nil, fmt.Errorf("line %d: field \"public_url\" stands twice: remove one", key.Line)
		}
		if top.Style&yaml.FlowStyle != 0 || value.Kind != yaml.ScalarNode || value.Line != key.Line {
			return "", nil, fmt.Errorf("line %d: public_url is not one address on a line of its own: write public_url: https://blog.example.org", key.Line)
		}
		publicURL = strings.TrimSuffix(value.Value, "/")
		lines = slices.Clone(lines)
		lines[key.Line-1] = ""
	}
	return publicURL, []byte(strings.Join(lines, "\n")), nil
}
