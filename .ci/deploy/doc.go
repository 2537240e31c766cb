// Command deploy checks what is deployed, without a cluster and without an engine: every kustomization of the path and
// of deploy/, and docker-compose.yml at every step.
//
//	deploy manifests    renders every kustomization and checks each object against the API's own schemas (two releases of
//	                    Kubernetes, and the custom resources that are used), each pod by the API server's own evaluator of the
//	                    restricted standard, whole steps by kube-score and by this repository's rules
//	deploy compose      loads docker-compose.yml as docker compose does, once for each step
//	deploy render DIR   prints what a kustomization gives, where there is no kubectl
//
// It is a module of its own, outside of the workspace: its libraries are for these checks alone. .ci/deploy/check builds and
// runs it, among other checks. It says nothing of admission, CEL rules, or whether a thing starts: for that there is a cluster.
package main
