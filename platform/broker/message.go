package broker

import "time"

// Message is one record. A consumer's message belongs to the consumer: keep a copy
// of nothing, it is not used again.
type Message struct {
	Topic string
	// Partition is named by the publisher (see Topic.Partition): which one a key
	// belongs to must not depend on a client's balancer.
	Partition int
	// Offset is the place in the partition; Kafka gives it, a publisher leaves it.
	Offset  int64
	Key     []byte
	Value   []byte
	Headers []Header
	// Time is when the message was made, to the millisecond; zero means now.
	Time time.Time
}

// Header is one of a message's headers. A key may be there more than once.
type Header struct {
	Key   string
	Value []byte
}

// Header returns the value of the first header with that key, or "".
func (m *Message) Header(key string) string {
	for i := range m.Headers {
		if m.Headers[i].Key == key {
			return string(m.Headers[i].Value)
		}
	}
	return ""
}

// The headers of an event: CloudEvents 1.0's attributes in binary mode, each with
// the prefix ce_, and beside them those that have names of their own.
const (
	HeaderSpecVersion = "ce_specversion" // always SpecVersion
	HeaderID          = "ce_id"          // with the source unique: what an inbox remembers
	HeaderType        = "ce_type"
	HeaderSource      = "ce_source"
	HeaderSubject     = "ce_subject" // the aggregate's id, as the key
	HeaderTime        = "ce_time"    // RFC 3339
	HeaderVersion     = "ce_version" // an extension: the aggregate's version, a decimal number
	HeaderContentType = "content-type"
	HeaderTraceparent = "traceparent"

	// SpecVersion is the version of CloudEvents that is spoken.
	SpecVersion = "1.0"
	// ContentJSON is the content type of the events' bodies.
	ContentJSON = "application/json"
)

// size is about how many bytes the message has in a batch; a little too many.
func (m *Message) size() int {
	n := 32 + len(m.Key) + len(m.Value)
	for _, h := range m.Headers {
		n += 8 + len(h.Key) + len(h.Value)
	}
	return n
}
