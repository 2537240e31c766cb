// Package telemetry gives each host its logger, its metric registry and the
// trace context that ties one request's log lines together across hosts.
//
// Trace context follows W3C Trace Context, https://www.w3.org/TR/trace-context/.
// Nothing here is global: a host makes what it needs in main and hands it on.
package telemetry
