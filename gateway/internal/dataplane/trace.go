package dataplane

import (
	"time"

	"banyan.dev/platform/telemetry"
)

// appendTrace appends the traceparent that the owner gets. Where spans are exported it
// is kept: all attempts of a request belong to one span.
func (x *exchange) appendTrace(dst []byte) []byte {
	if x.server.tracer == nil {
		return appendTraceparent(dst, x.head.traceparent)
	}
	if len(x.trace) == 0 {
		x.trace = appendTraceparent(x.trace, x.head.traceparent)
	}
	return append(dst, x.trace...)
}

// exportSpan exports what the gateway did for the request, if it is of a trace that is
// kept. It is named by the route: paths are many, and may be private.
func (x *exchange) exportSpan(took time.Duration) {
	if len(x.trace) == 0 {
		return
	}
	own, ok := telemetry.ParseTraceparent(string(x.trace))
	if !ok || !x.server.tracer.Keeps(own) {
		return
	}
	caller, _ := telemetry.ParseTraceparent(string(x.head.traceparent))
	span := telemetry.Span{
		Trace: own, Parent: caller.Span(), Kind: telemetry.Server, Name: x.route.Name, Begin: x.begun, End: x.begun.Add(took), Failed: x.status >= 500,
		Attributes: []telemetry.Attribute{
			{Key: "http.request.method", Value: string(x.view.Method)}, {Key: "http.response.status_code", Value: x.status},
			{Key: "banyan.request_id", Value: string(x.requestID)}, {Key: "banyan.attempts", Value: x.sent},
		},
	}
	if x.owner != nil {
		span.Attributes = append(span.Attributes, telemetry.Attribute{Key: "peer.service", Value: x.owner.Name})
	}
	x.server.tracer.Record(span)
}
