package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
)

//go:embed settings.yaml
var settingsYAML []byte

// settings of one contender; settings.yaml says what each means.
type settings struct {
	Schema string        `yaml:"schema"`
	Topics int           `yaml:"topics"`
	Batch  int           `yaml:"batch"`
	Poll   time.Duration `yaml:"poll"`
}

// The schemas of watermill-sql.
const (
	defaultSchema = "default"
	queueSchema   = "queue"
)

func readSettings() (map[string]settings, error) {
	all := map[string]settings{}
	decoder := yaml.NewDecoder(bytes.NewReader(settingsYAML))
	decoder.KnownFields(true)
	if err := decoder.Decode(&all); err != nil {
		return nil, fmt.Errorf("read settings.yaml: %w", err)
	}
	for name, s := range all {
		if s.Schema != defaultSchema && s.Schema != queueSchema || s.Topics < 1 || s.Batch < 1 || s.Poll <= 0 {
			return nil, fmt.Errorf("settings.yaml: %s: schema %q, topics %d, batch %d, poll %v can't be: use %s or %s, and more than 0", name, s.Schema, s.Topics, s.Batch, s.Poll, defaultSchema, queueSchema)
		}
	}
	return all, nil
}
