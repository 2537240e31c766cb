package command

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"banyan.dev/platform/inbox"
)

// letterList is what was found.
type letterList struct {
	Letters []hostLetter `json:"letters"`
	More    []string     `json:"more,omitempty"`   // hosts that have more than were asked for
	Silent  []string     `json:"silent,omitempty"` // hosts that don't run, or run without events
}

// listPayload is how much of each payload a list has, in bytes.
const listPayload = 4 << 10

func (t *tool) listLetters(ctx context.Context, d letterDesk, f listFlags) error {
	which := inbox.Which{State: inbox.Unsettled, Consumer: f.consumer}
	if f.all {
		which.State = ""
	}
	list, failed := d.list(ctx, which, f.limit)
	if f.json {
		return errors.Join(writeJSON(t.out, list), failed)
	}
	if failed == nil || len(list.Letters) > 0 {
		list.write(t.out, d.resource)
	}
	return failed
}

// list asks all hosts. What one can't say keeps nobody from what another says.
func (d letterDesk) list(ctx context.Context, which inbox.Which, limit int) (list letterList, failed error) {
	list.Letters = []hostLetter{}
	var unknown []error
	asked := 0
	for _, h := range d.hosts {
		if h.client == nil {
			list.Silent = append(list.Silent, h.name)
			continue
		}
		asked++
		found, more, err := h.list(ctx, which, limit)
		list.Letters = append(list.Letters, found...)
		if more {
			list.More = append(list.More, h.name)
		}
		switch {
		case errors.Is(err, inbox.ErrNoConsumer): // it is the other's
			unknown = append(unknown, err)
		case silent(err):
			list.Silent = append(list.Silent, h.name)
			asked--
		default:
			failed = errors.Join(failed, err)
		}
	}
	switch {
	case asked == 0: // nobody knows what there is
		failed = d.noneTells()
	case len(unknown) == asked:
		failed = errors.Join(unknown...)
	}
	return list, failed
}

// list reads a host's, page by page.
func (h letterHost) list(ctx context.Context, which inbox.Which, limit int) (all []hostLetter, more bool, err error) {
	for {
		which.Limit = min(limit-len(all), 1000)
		page, err := h.client.List(ctx, which, listPayload)
		if err != nil {
			return all, false, err
		}
		for _, v := range page.Letters {
			all = append(all, hostLetter{h.name, h.ref(v.ID), v})
			which.After = v.ID
		}
		if !page.More || len(all) >= limit {
			return all, page.More, nil
		}
	}
}

func (l letterList) write(out io.Writer, resource string) {
	if len(l.Letters) == 0 {
		fmt.Fprintln(out, "no dead letters")
	} else {
		table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tSTATE\tCONSUMER\tOF\tKIND\tEVENT\tAT\tTRIES\tLAST\t")
		for _, v := range l.Letters {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s/%d@%d\t%d\t%s\t\n", v.Ref, v.State, v.Consumer, v.Resource, v.Kind,
				told(v.LetterView), v.Topic, v.Partition, v.Offset, v.Attempts, v.LastAt.UTC().Format(time.RFC3339))
		}
		_ = table.Flush() // prints are not checked
		fmt.Fprintln(out)
		for _, v := range l.Letters {
			fmt.Fprintf(out, "%s: %s\n", v.Ref, oneLine(v.why()))
		}
	}
	for _, host := range l.More {
		fmt.Fprintf(out, "%s has more: give a larger --limit\n", host)
	}
	for _, host := range l.Silent {
		fmt.Fprintf(out, "%s tells of none: it does not run, or not with events\n", host)
	}
	l.writeBlocked(out, resource)
}

// writeBlocked says what they are in the way of.
func (l letterList) writeBlocked(out io.Writer, resource string) {
	var hosts []string
	n := map[string]int{}
	for _, v := range l.Letters {
		if v.Settled() || v.Resource != resource {
			continue
		}
		if n[v.Host]++; n[v.Host] == 1 {
			hosts = append(hosts, v.Host)
		}
	}
	for _, host := range hosts {
		least := ""
		if slices.Contains(l.More, host) { // of what was not listed nobody knows whose it is
			least = "at least "
		}
		fmt.Fprintf(out, "%s can't take %s while %s%d are not settled: mend the cause, then strangler deadletters redrive\n", host, resource, least, n[host])
	}
}

// why is the reason, and what became of it.
func (v hostLetter) why() string {
	if v.State == inbox.Discarded {
		return v.Reason + "; discarded: " + v.Note
	}
	return v.Reason
}

// told is the event in a few words, on one line: a message may have anything in them.
func told(v inbox.LetterView) string {
	text := cmp.Or(v.Type, "no event")
	if v.Aggregate != "" {
		text += " of " + v.Aggregate
		if v.Version != "" {
			text += " v" + v.Version
		}
	}
	return oneLine(text)
}

const longestLine = 300

// oneLine is the beginning of a text that may be a whole stack.
func oneLine(text string) string {
	line, _, cut := strings.Cut(strings.TrimSpace(text), "\n")
	if runes := []rune(line); len(runes) > longestLine {
		line, cut = string(runes[:longestLine]), true
	}
	if cut {
		line += " …"
	}
	return printed(strings.ReplaceAll(line, "\t", " "))
}

// printed is a text of others for a terminal: nothing of it steers that.
func printed(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, text)
}

func (t *tool) showLetter(ctx context.Context, d letterDesk, ref letterRef, f letterFlags) error {
	h, err := d.find(ctx, ref)
	if err != nil {
		return err
	}
	v, err := h.client.Show(ctx, ref.id)
	if err != nil {
		return hinted(err)
	}
	one := hostLetter{h.name, h.ref(v.ID), v}
	if f.json {
		return writeJSON(t.out, one)
	}
	one.write(t.out)
	return nil
}

func (v hostLetter) write(out io.Writer) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-10s %s\n", name, printed(fmt.Sprintf(format, args...)))
	}
	line("id", "%s", v.Ref)
	line("state", "%s%s", v.State, v.closed())
	line("consumer", "%s, counted under %s", v.Consumer, v.Resource)
	line("event", "%s, id %s", told(v.LetterView), v.EventID)
	line("at", "topic %s, partition %d, offset %d", v.Topic, v.Partition, v.Offset)
	line("tried", "%d times, %s to %s", v.Attempts, v.FirstAt.UTC().Format(time.RFC3339), v.LastAt.UTC().Format(time.RFC3339))
	line("reason", "%s: %s", v.Kind, v.Reason)
	fmt.Fprintf(out, "headers\n%s\n", printed(indented(v.Headers)))
	cut := ""
	if v.PayloadCut {
		cut = ", of which this is the beginning"
	}
	fmt.Fprintf(out, "payload, %d bytes%s\n%s\n", v.PayloadBytes, cut, printed(v.body()))
}

func (v hostLetter) closed() string {
	switch {
	case v.ClosedAt == nil:
		return ""
	case v.Note == "":
		return " at " + v.ClosedAt.UTC().Format(time.RFC3339)
	}
	return " at " + v.ClosedAt.UTC().Format(time.RFC3339) + ": " + v.Note
}

func (v hostLetter) body() string {
	switch {
	case v.Payload != nil:
		return indented(v.Payload)
	case v.PayloadBinary != nil:
		return fmt.Sprintf("(no text, as hex) %x", v.PayloadBinary)
	}
	return v.PayloadText
}

func indented(text []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, text, "", "  ") != nil {
		return string(text)
	}
	return b.String()
}
