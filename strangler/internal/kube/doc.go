// Package kube speaks to a Kubernetes cluster by the kubectl binary: it renders a
// step's kustomization, picks the objects of one process, applies them, waits for a
// rollout and says why one fails, runs Jobs, reaches pods' ports, and finds where
// users come in.
//
// kubectl and no client library: every team has it, it knows each way to sign in to
// a cluster (contexts, cloud plug-ins, proxies), and what the tool does can be done
// again by hand with the same commands. The target "kubernetes" calls this package; it
// knows nothing of steps, sessions or routes.
package kube
