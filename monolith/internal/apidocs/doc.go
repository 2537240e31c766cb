// Package apidocs shows the OpenAPI document to people, at /api/docs: one page, no
// script, nothing fetched from elsewhere. It reads the document once, at the start;
// it never says more than the document does.
package apidocs
