// Package watch tells when a settings file has a new content. The session store,
// the gateway's routes and whatever else switches while a host runs read their
// truth from such a file: written by rename on a laptop, mounted from a ConfigMap
// on Kubernetes.
//
// It only reads. What a content means, and whether it is valid, is the caller's.
package watch
