package telemetry

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
)

// The types are the message ExportTraceServiceRequest in OTLP's JSON: ids are
// hexadecimal, 64-bit numbers are text
// (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
type otlpRequest struct {
	ResourceSpans []otlpResource `json:"resourceSpans"`
}

type otlpResource struct {
	Resource struct {
		Attributes []otlpAttribute `json:"attributes"`
	} `json:"resource"`
	ScopeSpans []otlpScope `json:"scopeSpans"`
}

type otlpScope struct {
	Scope struct {
		Name string `json:"name"`
	} `json:"scope"`
	Spans []otlpSpan `json:"spans"`
}

type otlpSpan struct {
	TraceID    string          `json:"traceId"`
	SpanID     string          `json:"spanId"`
	ParentID   string          `json:"parentSpanId,omitempty"`
	Name       string          `json:"name"`
	Kind       Kind            `json:"kind"`
	Begin      string          `json:"startTimeUnixNano"`
	End        string          `json:"endTimeUnixNano"`
	Attributes []otlpAttribute `json:"attributes,omitempty"`
	Status     struct {
		Code int `json:"code,omitempty"`
	} `json:"status"`
}

type otlpAttribute struct {
	Key   string    `json:"key"`
	Value otlpValue `json:"value"`
}

type otlpValue struct {
	String *string `json:"stringValue,omitempty"`
	Int    string  `json:"intValue,omitempty"`
	Bool   *bool   `json:"boolValue,omitempty"`
}

const statusError = 2

func (t *Tracer) encode(batch []Span) []byte {
	var r otlpResource
	for _, a := range []Attribute{{"service.name", t.cfg.Service}, {"service.instance.id", t.cfg.Replica}, {"service.version", t.cfg.Version}} {
		r.Resource.Attributes = append(r.Resource.Attributes, attribute(a))
	}
	scope := otlpScope{Spans: make([]otlpSpan, len(batch))}
	scope.Scope.Name = "banyan.dev/platform/telemetry"
	for i, s := range batch {
		scope.Spans[i] = s.otlp()
	}
	r.ScopeSpans = []otlpScope{scope}
	text, _ := json.Marshal(otlpRequest{[]otlpResource{r}}) // texts and numbers only: it can't fail
	return text
}

func (s Span) otlp() otlpSpan {
	o := otlpSpan{
		TraceID: s.Trace.ID(), SpanID: hex.EncodeToString(s.Trace.span[:]), Name: s.Name, Kind: s.Kind,
		Begin: strconv.FormatInt(s.Begin.UnixNano(), 10), End: strconv.FormatInt(s.End.UnixNano(), 10),
	}
	if s.Parent != [8]byte{} {
		o.ParentID = hex.EncodeToString(s.Parent[:])
	}
	if s.Failed {
		o.Status.Code = statusError
	}
	for _, a := range s.Attributes {
		o.Attributes = append(o.Attributes, attribute(a))
	}
	return o
}

func attribute(a Attribute) otlpAttribute {
	out := otlpAttribute{Key: a.Key}
	switch v := a.Value.(type) {
	case string:
		out.Value.String = &v
	case int:
		out.Value.Int = strconv.Itoa(v)
	case bool:
		out.Value.Bool = &v
	}
	return out
}
