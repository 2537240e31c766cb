package openapi

import _ "embed" // for the document

// Document is openapi.yaml.
//
//go:embed openapi.yaml
var Document []byte
