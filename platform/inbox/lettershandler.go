package inbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// LettersPath is where LettersHandler is mounted.
const LettersPath = "/deadletters"

// The bounds of what is asked over the admin port.
const (
	lettersOrderLimit = 64 << 10 // of a body, in bytes
	payloadListed     = 4 << 10  // of each, unless more or less is asked for
	payloadShown      = 64 << 10 // of one
	mostPayload       = 1 << 20
	mostShown         = 16 << 20 // of all payloads in one answer
)

// LettersHandler answers for the dead letters of a host, whose consumers are named:
//
//	GET  /deadletters                 those that nobody has settled, oldest first: a LettersPage
//	GET  /deadletters/{id}            one: a LetterView
//	POST /deadletters/redrive         a RedriveOrder: the consumer handles them again in its next round; a LettersPage
//	POST /deadletters/{id}/discard    {"reason": "..."} closes it for good, and keeps it on record; the LetterView
//
// A list may be narrowed by consumer=, resource=, ids=17,18 and state= (open, redrive,
// unsettled for both of them as without it, redriven, discarded, or all), and paged by limit= (1 to 1000, or 100) and after= (the last
// id of the page before). payload= is how many bytes of each payload are shown, up to
// 1 MiB, and limit times payload up to 16 MiB; the list shows 4 KiB, one alone 64.
//
// Errors are problems (RFC 9457): 400 for what can't be asked, 404 for an id or a
// consumer that is none, 409 where its state does not allow it, 503 when the database does not answer:
// whether it was done is then for the list to say. Each order may be given again.
//
// It shows what people wrote. Mount it on the admin port only, behind httpkit.Bearer,
// without stripping the path. It is safe for concurrent use.
func LettersHandler(letters DeadLetters, consumers ...string) http.Handler {
	h := lettersHandler{desk{letters, slices.Sorted(slices.Values(consumers))}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+LettersPath, h.list)
	mux.HandleFunc("GET "+LettersPath+"/{id}", h.one)
	mux.HandleFunc("POST "+LettersPath+"/redrive", h.redrive)
	mux.HandleFunc("POST "+LettersPath+"/{id}/discard", h.discard)
	return mux
}

type lettersHandler struct{ desk desk }

func (h lettersHandler) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	which, err := whichOf(q)
	payload, bad := number(q, "payload", payloadListed, 0, mostPayload)
	if err = errors.Join(err, bad, mayShow(which.Limit, int(payload))); err != nil {
		refuseLetters(w, err)
		return
	}
	page, err := h.desk.list(r.Context(), which, int(payload))
	answerLetters(w, page, err)
}

// mayShow bounds what one question has a host read.
func mayShow(limit, payload int) error {
	if limit*payload <= mostShown {
		return nil
	}
	return fmt.Errorf("%w: limit %d and payload %d are %d bytes together: use a limit up to %d for that payload, or a payload up to %d for that limit",
		ErrLetterAsked, limit, payload, limit*payload, mostShown/payload, mostShown/limit)
}

// letterQuestions are the parameters of a list.
var letterQuestions = []string{"consumer", "resource", "state", "ids", "after", "limit", "payload"}

func whichOf(q url.Values) (Which, error) {
	which := Which{Consumer: q.Get("consumer"), Resource: q.Get("resource"), State: Unsettled}
	var errs []error
	for name := range q { // one that is misspelt would list more than was asked for
		if !slices.Contains(letterQuestions, name) {
			errs = append(errs, fmt.Errorf("%w: parameter %q is unknown: use %s", ErrLetterAsked, name, strings.Join(letterQuestions, ", ")))
		}
	}
	switch state := q.Get("state"); state {
	case "":
	case "all":
		which.State = ""
	case Open, Redrive, Redriven, Discarded, Unsettled:
		which.State = state
	default:
		errs = append(errs, fmt.Errorf("%w: state %q is none: use %s, %s, %s, %s, %s or all", ErrLetterAsked, state, Open, Redrive, Unsettled, Redriven, Discarded))
	}
	limit, bad := number(q, "limit", lettersByDefault, 1, mostLetters)
	errs = append(errs, bad)
	which.Limit = int(limit)
	which.After, bad = number(q, "after", 0, 0, math.MaxInt64)
	errs = append(errs, bad)
	if text := q.Get("ids"); text != "" {
		which.IDs, bad = idsIn(text)
		errs = append(errs, bad)
	}
	return which, errors.Join(errs...)
}

func idsIn(text string) (ids []int64, err error) {
	for _, part := range strings.Split(text, ",") {
		id, err := letterID("ids", part)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	if len(ids) > mostLetters {
		return nil, fmt.Errorf("%w: ids are %d: give up to %d", ErrLetterAsked, len(ids), mostLetters)
	}
	return ids, nil
}

func letterID(field, text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, fmt.Errorf("%w: %s %q can't be: give the number that the list shows", ErrLetterAsked, field, text)
	}
	return id, nil
}

func number(q url.Values, field string, otherwise, least, most int64) (int64, error) {
	text := q.Get(field)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%w: %s %q can't be: use %d to %d", ErrLetterAsked, field, text, least, most)
	}
	return n, nil
}

func (h lettersHandler) one(w http.ResponseWriter, r *http.Request) {
	id, err := letterID("id", r.PathValue("id"))
	payload, bad := number(r.URL.Query(), "payload", payloadShown, 0, mostPayload)
	if err = errors.Join(err, bad); err != nil {
		refuseLetters(w, err)
		return
	}
	view, err := h.desk.one(r.Context(), id, int(payload))
	answerLetters(w, view, err)
}

func (h lettersHandler) redrive(w http.ResponseWriter, r *http.Request) {
	var o RedriveOrder
	err := bodyOf(w, r, &o)
	if err == nil {
		err = mayOrder(o)
	}
	if err != nil {
		refuseLetters(w, err)
		return
	}
	page, err := h.desk.redrive(r.Context(), o)
	answerLetters(w, page, err)
}

func mayOrder(o RedriveOrder) error {
	switch {
	case o.All == (len(o.IDs) > 0):
		return fmt.Errorf("%w: ids are %d and all is %t: give either ids or all", ErrLetterAsked, len(o.IDs), o.All)
	case len(o.IDs) > mostLetters:
		return fmt.Errorf("%w: ids are %d: give up to %d", ErrLetterAsked, len(o.IDs), mostLetters)
	case !o.All && (o.Consumer != "" || o.After != 0):
		return fmt.Errorf("%w: consumer and after narrow all, not ids: leave them out", ErrLetterAsked)
	case o.After < 0:
		return fmt.Errorf("%w: after %d can't be: give the last id of the page before, or leave it out", ErrLetterAsked, o.After)
	}
	for _, id := range o.IDs {
		if id < 1 {
			return fmt.Errorf("%w: ids have %d: give the numbers that the list shows", ErrLetterAsked, id)
		}
	}
	return nil
}

// discarding is the body of a discard.
type discarding struct {
	Reason string `json:"reason"`
}

func (h lettersHandler) discard(w http.ResponseWriter, r *http.Request) {
	id, err := letterID("id", r.PathValue("id"))
	var order discarding
	if err == nil {
		err = bodyOf(w, r, &order)
	}
	switch length := len(order.Reason); {
	case err != nil:
	case strings.TrimSpace(order.Reason) == "":
		err = fmt.Errorf("%w: reason is empty: say why, since somebody will ask", ErrLetterAsked)
	case length > maxReason:
		err = fmt.Errorf("%w: reason has %d bytes: use up to %d", ErrLetterAsked, length, maxReason)
	}
	if err != nil {
		refuseLetters(w, err)
		return
	}
	view, err := h.desk.discard(r.Context(), id, order.Reason)
	answerLetters(w, view, err)
}

func bodyOf(w http.ResponseWriter, r *http.Request, into any) error {
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, lettersOrderLimit))
	body.DisallowUnknownFields()
	if err := body.Decode(into); err != nil {
		return fmt.Errorf("%w: the body is no order: %s", ErrLetterAsked, err) //nolint:errorlint // the reader's error is for people
	}
	return nil
}
