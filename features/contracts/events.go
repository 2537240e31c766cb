package contracts

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// The topics, one for each kind of aggregate. An event's key on its topic is the id
// of its aggregate, so that Kafka keeps the order of one aggregate's events.
const (
	CommentsTopic = "banyan.comments.v1"
	PostsTopic    = "banyan.posts.v1"
)

// The types of events, as the CloudEvents attribute "type" names them. They stay as
// they are for ever: they are in topics that are read again from their start.
const (
	TypeCommentChanged = "comment.changed"
	TypeCommentDeleted = "comment.deleted"
	TypeCommentsClosed = "comments.closed"
	TypeCommentsChunk  = "comments.chunk"
	TypePostDeleted    = "post.deleted"
	TypeDrainMarker    = "drain.marker"
)

// Event is what one feature tells the others. The types that implement it are the
// payloads; each has a JSON Schema in the folder schemas. Who reads one ignores
// fields that it does not know. An event is a value: nobody changes one after it
// was made.
type Event interface {
	// EventType is the CloudEvents type.
	EventType() string
	// Aggregate is the id of what the event is about: the key on the topic and the
	// CloudEvents subject.
	Aggregate() string
	// AggregateVersion is the version of the aggregate that the event tells of, from
	// 1 without gaps; 0 where the aggregate has none, and the order of its partition
	// is all there is.
	AggregateVersion() int
	// Validate returns an error that is ErrMalformed and names the first field that
	// can't be.
	Validate() error
}

// readers has, by type, how a payload becomes an event. Init order and reflection
// are not needed: it is all there is.
var readers = map[string]func([]byte) (Event, error){
	TypeCommentChanged: read[CommentChanged],
	TypeCommentDeleted: read[CommentDeleted],
	TypeCommentsClosed: read[CommentsClosed],
	TypeCommentsChunk:  read[CommentsChunk],
	TypePostDeleted:    read[PostDeleted],
	TypeDrainMarker:    read[DrainMarker],
}

// EventTypes are the types that there are, sorted.
func EventTypes() []string { return slices.Sorted(maps.Keys(readers)) }

// Zero is the empty event of a type, for who asks what fields it has; false when
// there is no such type.
func Zero(eventType string) (Event, bool) {
	zero, ok := map[string]Event{
		TypeCommentChanged: CommentChanged{}, TypeCommentDeleted: CommentDeleted{}, TypeCommentsClosed: CommentsClosed{},
		TypeCommentsChunk: CommentsChunk{}, TypePostDeleted: PostDeleted{}, TypeDrainMarker: DrainMarker{},
	}[eventType]
	return zero, ok
}

// Payload is the event as JSON, checked: what goes into the outbox row. An error is
// a mistake of the caller; an event that nobody could read is never written.
func Payload(e Event) ([]byte, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("write %s as JSON: %w", e.EventType(), err)
	}
	return data, nil
}

// Parse reads a payload of a type and checks it. Its errors are ErrUnknownType and
// ErrMalformed: no retry mends them.
func Parse(eventType string, payload []byte) (Event, error) {
	reader, ok := readers[eventType]
	if !ok {
		return nil, &EventError{Kind: ErrUnknownType, Field: "type", Value: eventType, Mend: "deploy a consumer that knows it, then redrive"}
	}
	return reader(payload)
}

func read[E Event](payload []byte) (Event, error) {
	var e E
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, &EventError{Kind: ErrMalformed, Field: "data", Value: shorten(string(payload)), Mend: "it is no " + e.EventType() + ": " + err.Error()}
	}
	if err := e.Validate(); err != nil {
		return nil, err
	}
	return e, nil
}
