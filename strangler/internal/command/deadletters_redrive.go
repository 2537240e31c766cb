package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"banyan.dev/platform/inbox"
)

// redriven is what became of what was asked for. Each dead letter is in one of the
// lists.
type redriven struct {
	Settled []hostLetter `json:"settled"`
	Gone    []hostLetter `json:"gone"`    // the host has them no more, as they were when they were asked for
	Failed  []hostLetter `json:"failed"`  // once more, and open with the new reason
	Waiting []hostLetter `json:"waiting"` // asked for, and not handled yet
	Left    []hostLetter `json:"left"`    // with --all: what nobody would handle
}

// lookAgain is the pause between two looks at what is being handled.
const lookAgain = 100 * time.Millisecond

// hostOrder is what one host is asked for.
type hostOrder struct {
	letterHost
	ids []int64 // none: all that are not settled
}

func (t *tool) redriveLetters(ctx context.Context, d letterDesk, refs []letterRef, f redriveFlags) error {
	orders, err := d.orders(ctx, refs, f.all)
	if err != nil {
		return err
	}
	r := redriven{Settled: []hostLetter{}, Gone: []hostLetter{}, Failed: []hostLetter{}, Waiting: []hostLetter{}, Left: []hostLetter{}}
	asked, err := d.ask(ctx, orders, f.consumer)
	if err == nil || len(asked) > 0 { // what was asked for is told in any case
		err = errors.Join(err, t.awaitLetters(ctx, asked, f.wait, &r))
	}
	if err == nil && f.all {
		err = d.left(ctx, f.consumer, asked, &r)
	}
	if err == nil {
		err = r.verdict(f.wait > 0)
	}
	if f.json {
		return errors.Join(writeJSON(t.out, r), err)
	}
	if err == nil && r.all() == 0 {
		fmt.Fprintln(t.out, "no dead letters are open")
	}
	r.write(t.out)
	return err
}

// orders finds the host of each, before anything is asked for.
func (d letterDesk) orders(ctx context.Context, refs []letterRef, all bool) (orders []*hostOrder, err error) {
	of := map[string]*hostOrder{}
	order := func(h letterHost) *hostOrder {
		if of[h.name] == nil {
			of[h.name] = &hostOrder{letterHost: h}
			orders = append(orders, of[h.name])
		}
		return of[h.name]
	}
	for _, h := range d.hosts {
		if all && h.client != nil {
			order(h)
		}
	}
	for _, r := range refs {
		h, err := d.find(ctx, r)
		if err != nil {
			return nil, err
		}
		o := order(h)
		o.ids = append(o.ids, r.id)
	}
	return orders, nil
}

// askedOf is what a host was asked for.
type askedOf struct {
	letterHost
	letters []inbox.LetterView
}

// ask asks each host, also when another can't be asked.
func (d letterDesk) ask(ctx context.Context, orders []*hostOrder, consumer string) (asked []askedOf, failed error) {
	var unknown []error
	quiet := 0
	for _, o := range orders {
		letters, err := o.ask(ctx, consumer)
		if len(letters) > 0 {
			asked = append(asked, askedOf{o.letterHost, letters})
		}
		switch {
		case o.ids == nil && errors.Is(err, inbox.ErrNoConsumer): // it is the other's
			unknown = append(unknown, err)
		case o.ids == nil && silent(err):
			quiet++
		default:
			failed = errors.Join(failed, hinted(err))
		}
	}
	switch {
	case quiet == len(orders):
		failed = d.noneTells()
	case len(unknown) > 0 && quiet+len(unknown) == len(orders):
		failed = errors.Join(unknown...)
	}
	return asked, failed
}

func (o *hostOrder) ask(ctx context.Context, consumer string) (all []inbox.LetterView, err error) {
	const page = 1000
	for from := 0; from < len(o.ids); from += page {
		got, err := o.client.Redrive(ctx, inbox.RedriveOrder{IDs: o.ids[from:min(from+page, len(o.ids))]})
		if err != nil {
			return all, err
		}
		all = append(all, got.Letters...)
	}
	order := inbox.RedriveOrder{All: true, Consumer: consumer}
	for more := o.ids == nil; more; {
		got, err := o.client.Redrive(ctx, order)
		if err != nil {
			return all, err
		}
		for _, v := range got.Letters {
			order.After = v.ID
		}
		all, more = append(all, got.Letters...), got.More
	}
	return all, nil
}

// awaitLetters sorts what was asked for by what became of it. Hosts are waited for side
// by side: one that is slow takes nobody's time.
func (t *tool) awaitLetters(ctx context.Context, asked []askedOf, wait time.Duration, r *redriven) error {
	came := make([][]inbox.LetterView, len(asked))
	errs := make([]error, len(asked))
	var all sync.WaitGroup
	for i, a := range asked {
		if wait == 0 {
			came[i] = a.letters
			continue
		}
		t.say(fmt.Sprintf("%s: %d asked for; waiting up to %s until they are handled", a.name, len(a.letters), wait))
		all.Go(func() { came[i], errs[i] = a.await(ctx, wait) })
	}
	all.Wait()
	for i, a := range asked {
		for _, v := range came[i] {
			r.sort(a.letterHost, v)
		}
		if errs[i] != nil && ctx.Err() == nil { // that it took too long, and perhaps why
			t.say(errs[i].Error())
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}

// await returns all of them as they are in the end.
func (a askedOf) await(ctx context.Context, wait time.Duration) (came []inbox.LetterView, err error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	waiting, err := a.client.Await(ctx, a.letters, lookAgain, func(v inbox.LetterView) { came = append(came, v) })
	return append(came, waiting...), err
}

func (r *redriven) sort(h letterHost, v inbox.LetterView) {
	one := hostLetter{h.name, h.ref(v.ID), v}
	switch {
	case v.State == inbox.Gone:
		r.Gone = append(r.Gone, one)
	case v.Settled():
		r.Settled = append(r.Settled, one)
	case v.State == inbox.Open:
		r.Failed = append(r.Failed, one)
	default:
		r.Waiting = append(r.Waiting, one)
	}
}

// left finds what --all has passed over: the host runs nobody who would handle it.
func (d letterDesk) left(ctx context.Context, consumer string, asked []askedOf, r *redriven) error {
	list, err := d.list(ctx, inbox.Which{State: inbox.Unsettled, Consumer: consumer}, mostLeft)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, a := range asked {
		for _, v := range a.letters {
			known[a.ref(v.ID)] = true
		}
	}
	for _, v := range list.Letters {
		if !known[v.Ref] {
			r.Left = append(r.Left, v)
		}
	}
	return nil
}

const mostLeft = 10_000

func (r redriven) all() int {
	return len(r.Settled) + len(r.Gone) + len(r.Failed) + len(r.Waiting) + len(r.Left)
}

func (r redriven) write(out io.Writer) {
	for _, v := range r.Settled {
		how := "was handled"
		if v.State == inbox.Discarded {
			how = "was discarded meanwhile: " + v.Note
		}
		fmt.Fprintf(out, "%s %s\n", v.Ref, oneLine(how))
	}
	for _, v := range r.Gone {
		fmt.Fprintf(out, "%s is gone: %s has its row no more, as after it was emptied; nothing waits for it\n", v.Ref, v.Host)
	}
	for _, v := range r.Failed {
		fmt.Fprintf(out, "%s failed again, %d times by now: %s\n", v.Ref, v.Attempts, oneLine(v.Reason))
	}
	for _, v := range r.Waiting {
		fmt.Fprintf(out, "%s is asked for and not handled yet\n", v.Ref)
	}
	for _, v := range r.Left {
		fmt.Fprintf(out, "%s is not settled and was not asked for: consumer %s put it aside since, or runs at %s no more\n", v.Ref, v.Consumer, v.Host)
	}
}

// verdict is the exit status: 0 only when all are settled, if that was waited for.
func (r redriven) verdict(waited bool) error {
	switch {
	case len(r.Failed) > 0:
		return fmt.Errorf("%d of %d dead letters failed again: mend the cause (strangler deadletters show %s), then redrive them once more", len(r.Failed), r.all(), r.Failed[0].Ref)
	case len(r.Left) > 0:
		return fmt.Errorf("%d of %d dead letters are not settled: redrive them once more; those whose consumer runs no more, discard", len(r.Left), r.all())
	case waited && len(r.Waiting) > 0:
		return fmt.Errorf("%d of %d dead letters are not handled yet: they stay asked for; if it lasts, see the log of %s for what its consumer waits for",
			len(r.Waiting), r.all(), r.Waiting[0].Host)
	}
	return nil
}
