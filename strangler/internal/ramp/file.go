package ramp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// File is a route of gateways that read one file, or the same one. It is a Target.
type File struct {
	Gateways Gateways
	Route    string
	// Path of the gateways' file, the truth: it is written before any gateway is
	// told. Without one the gateways are told only, and lose it with a restart.
	Path string
}

// Owners are the route's owners: who answers it now, and who is its canary.
func (f *File) Owners(ctx context.Context) (baseline, canary string, err error) {
	p, _, err := f.read(ctx)
	return p.Owner, p.Canary, err
}

func (f *File) read(ctx context.Context) (Policy, []byte, error) {
	var text []byte
	var err error
	if f.Path != "" {
		text, err = os.ReadFile(f.Path)
	} else {
		text, err = f.Gateways.Config(ctx)
	}
	if err != nil {
		return Policy{}, nil, fmt.Errorf("read the gateway's file: %w", err)
	}
	p, err := Lookup(text, f.Route)
	if err != nil && f.Path != "" {
		err = fmt.Errorf("%s: %w", f.Path, err)
	}
	return p, text, err
}

// agreeWithin is how long gateways may take to have in force what the file says.
const agreeWithin = 5 * time.Second

// Share implements Target. All gateways must have in force what the file says: to
// change a file that they refuse, or that somebody has overruled by their admin
// port, would change more than one means to.
func (f *File) Share(ctx context.Context) (Share, error) {
	p, text, err := f.read(ctx)
	if err != nil {
		return 0, err
	}
	until := time.Now().Add(agreeWithin)
	for {
		err := f.agree(ctx, p, text)
		if err == nil || time.Now().After(until) || ctx.Err() != nil {
			return p.Share, err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (f *File) agree(ctx context.Context, p Policy, text []byte) error {
	all, err := f.Gateways.Status(ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		r, err := s.reading(f.Route)
		if err != nil {
			return err
		}
		if p.Revision != 0 && s.Revision != p.Revision || r.Share != p.Share {
			refused := ""
			if s.LastRefused != nil {
				refused = "; it refused last: " + s.LastRefused.Reason
			}
			return fmt.Errorf("the gateway at %s has revision %d with %s in force, the file revision %d with %s%s: make them agree first",
				s.URL, s.Revision, r.Share, p.Revision, p.Share, refused)
		}
		if s.Digest != "" && s.Digest != Digest(text) {
			return fmt.Errorf("the gateway at %s has revision %d in force with another text than the file: write the file with a higher revision first", s.URL, s.Revision)
		}
	}
	return nil
}

// Set implements Target: the file first, then the admin ports, then it waits until
// every gateway reports the new revision.
func (f *File) Set(ctx context.Context, share Share) error {
	all, err := f.Gateways.Status(ctx)
	if err != nil && f.Path == "" {
		return err
	}
	var text []byte
	var revision int64
	before := f.Gateways.Refusals(ctx)
	edit := func(is []byte) (_ []byte, err error) {
		text, revision, err = f.edit(is, share, all)
		return text, err
	}
	if f.Path != "" {
		err = Update(f.Path, edit)
	} else if text, err = f.Gateways.Config(ctx); err == nil {
		_, err = edit(text)
	}
	if err != nil {
		return err
	}
	told := f.tell(ctx, text)
	if err := f.Gateways.Await(ctx, revision, text, before); err != nil {
		return errors.Join(err, told)
	}
	return nil
}

// edit is the text with this share and a revision above every gateway's.
func (f *File) edit(text []byte, share Share, all []Status) ([]byte, int64, error) {
	p, err := Lookup(text, f.Route)
	if err != nil {
		return nil, 0, fmt.Errorf("the gateways' file: %w", err)
	}
	if err := notBehind(text, all); err != nil {
		return nil, 0, err
	}
	revision := p.Revision
	for _, s := range all {
		revision = max(revision, s.Revision)
	}
	text, err = Edit(text, f.Route, share, revision+1)
	return text, revision + 1, err
}

// tell is no error of its own while there is a file: a gateway that could not be
// told reads it.
func (f *File) tell(ctx context.Context, text []byte) error {
	if f.Gateways.Token == "" && f.Path != "" {
		return nil
	}
	return f.Gateways.Put(ctx, text)
}

// Read implements Target.
func (f *File) Read(ctx context.Context) ([]Reading, error) { return f.Gateways.Readings(ctx, f.Route) }
