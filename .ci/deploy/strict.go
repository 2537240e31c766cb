package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
)

// object is a JSON object: a schema, or a part of one.
type object = map[string]any

const reference = "#/definitions/"

// writeRelease writes one strict schema for each kind of a release of Kubernetes, from the API's own description (OpenAPI 2), under
// the names that kubeconform asks for.
func writeRelease(swagger, dir string) error {
	text, err := os.ReadFile(swagger)
	if err != nil {
		return fmt.Errorf("read the API's description: %w", err)
	}
	var described struct{ Definitions map[string]object }
	if err := json.Unmarshal(text, &described); err != nil {
		return fmt.Errorf("read %s: %w", swagger, err)
	}
	for name, definition := range described.Definitions {
		lenient(name, definition)
	}
	for _, definition := range described.Definitions {
		kinds, _ := definition["x-kubernetes-group-version-kind"].([]any)
		if len(kinds) != 1 { // DeleteOptions and the like: of all groups, never in a file
			continue
		}
		kind, _ := kinds[0].(object)
		if err := writeKind(described.Definitions, definition, text3(kind), dir); err != nil {
			return err
		}
	}
	return nil
}

// text3 is a kind's group, version and kind.
func text3(kind object) [3]string {
	var named [3]string
	for i, key := range []string{"group", "version", "kind"} {
		named[i], _ = kind[key].(string)
	}
	return named
}

func writeKind(all map[string]object, definition object, named [3]string, dir string) error {
	group, version, kind := named[0], named[1], named[2]
	whole := maps.Clone(definition)
	apiVersion, name := version, strings.ToLower(kind)
	if group != "" {
		apiVersion = group + "/" + version
		first, _, _ := strings.Cut(group, ".")
		name += "-" + first
	}
	if properties, ok := definition["properties"].(object); ok {
		properties = maps.Clone(properties)
		properties["apiVersion"] = object{"type": "string", "enum": []any{apiVersion}}
		properties["kind"] = object{"type": "string", "enum": []any{kind}}
		required, _ := definition["required"].([]any)
		whole["properties"], whole["required"] = properties, append(slices.Clone(required), "apiVersion", "kind")
	}
	used := object{}
	reach(whole, all, used)
	whole["definitions"] = used
	whole["$schema"] = "http://json-schema.org/schema#"
	return writeJSON(filepath.Join(dir, name+"-"+version+".json"), whole)
}

// reach gathers the definitions that a schema refers to, and those that these refer to.
func reach(part any, all map[string]object, used object) {
	switch part := part.(type) {
	case object:
		if to, ok := part["$ref"].(string); ok {
			name := strings.TrimPrefix(to, reference)
			if used[name] == nil {
				used[name] = all[name]
				reach(all[name], all, used)
			}
		}
		for _, child := range part {
			reach(child, all, used)
		}
	case []any:
		for _, child := range part {
			reach(child, all, used)
		}
	}
}

// lenient makes a definition strict, but for the types that the API server reads in several forms.
func lenient(name string, definition object) {
	var instead object
	switch {
	case strings.HasSuffix(name, ".IntOrString"):
		instead = object{"oneOf": []any{object{"type": "string"}, object{"type": "integer"}}}
	case strings.HasSuffix(name, ".resource.Quantity"):
		instead = object{"oneOf": []any{object{"type": "string"}, object{"type": "number"}}}
	case strings.HasSuffix(name, ".JSONSchemaProps"), strings.HasSuffix(name, ".RawExtension"):
		instead = object{"type": "object"}
	default:
		strict(definition)
		return
	}
	clear(definition)
	maps.Copy(definition, instead)
}

// strict refuses fields that are not described, in a schema and all below it.
func strict(part any) {
	schema, ok := part.(object)
	if !ok {
		return
	}
	delete(schema, "format") // int32, date-time ...: not what a JSON schema asserts
	if properties, ok := schema["properties"].(object); ok {
		if schema["additionalProperties"] == nil && schema["x-kubernetes-preserve-unknown-fields"] != true {
			schema["additionalProperties"] = false
		}
		required, _ := schema["required"].([]any)
		for name, property := range properties {
			strict(property)
			if !slices.Contains(required, any(name)) {
				nullable(property)
			}
		}
	}
	for _, below := range []string{"additionalProperties", "items"} {
		strict(schema[below])
	}
	if schema["x-kubernetes-int-or-string"] == true {
		for _, key := range []string{"type", "anyOf", "pattern"} {
			delete(schema, key)
		}
		schema["oneOf"] = []any{object{"type": "string"}, object{"type": "integer"}}
	}
}

// nullable lets an optional field be null: the API server drops such a one.
func nullable(part any) {
	schema, ok := part.(object)
	if !ok {
		return
	}
	kind, ok := schema["type"].(string)
	if !ok {
		return
	}
	schema["type"] = []any{kind, "null"}
	if values, ok := schema["enum"].([]any); ok {
		schema["enum"] = append(slices.Clone(values), nil)
	}
}

// writeDefinitions writes a strict schema for each version of each custom resource of a group that a file defines.
func writeDefinitions(path, group, dir string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read definitions: %w", err)
	}
	return eachObject(text, func(document []byte, kind, _ string) error {
		if kind != "CustomResourceDefinition" {
			return nil
		}
		var defined struct {
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct{ OpenAPIV3Schema object }
				}
			}
		}
		if err := yamlutil.Unmarshal(document, &defined); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		if defined.Spec.Group != group {
			return nil
		}
		for _, version := range defined.Spec.Versions {
			schema := version.Schema.OpenAPIV3Schema
			strict(schema)
			if properties, ok := schema["properties"].(object); ok { // a definition says nothing of metadata
				properties["metadata"] = object{"type": "object"}
			}
			name := strings.ToLower(defined.Spec.Names.Kind) + "_" + version.Name + ".json"
			if err := writeJSON(filepath.Join(dir, name), schema); err != nil {
				return err
			}
		}
		return nil
	})
}
