package who

import (
	"bytes"
	"time"

	"banyan.dev/gateway/internal/policy"
)

// Copy returns what identity.Header says of a copy for a shadow; nothing when the
// request carries no session, or one that is nobody's. head is the request as it was
// sent to its owner: the request line and the header lines, each with its end. No
// client waits for it, so none pays for it either.
func (a *Asker) Copy(head []byte, deadline time.Time) (token []byte, err error) {
	q := Question{Deadline: deadline, Beside: true}
	var cookies [][]byte
	_, rest, _ := bytes.Cut(head, crlf)
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, crlf)
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok {
			continue
		}
		switch value = bytes.TrimSpace(value); policy.Kind(name) {
		case policy.Cookie:
			cookies = append(cookies, value)
		case policy.Host:
			q.Host = value
		case policy.ForwardedFor, policy.ForwardedProto, policy.ForwardedHost, policy.RequestID, policy.Traceparent:
			q.Lines = append(append(q.Lines, line...), crlf...)
		}
	}
	if q.Session = a.AppendSession(nil, cookies); len(q.Session) == 0 {
		return nil, nil
	}
	q.View = &policy.Request{Cookies: cookies}
	answer, err := a.Ask(q)
	return answer.Token, err
}

var crlf = []byte("\r\n")
