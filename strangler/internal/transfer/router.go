package transfer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"banyan.dev/platform/ownership/handover"
	"banyan.dev/platform/watch"
	"banyan.dev/strangler/internal/ramp"
)

// FileRouter tells gateways of one file who owns a resource: two values of the file
// and its revision change, and nothing else. The local target has one of its own.
type FileRouter struct {
	Fleet    ramp.Gateways
	Resource string
	// Path of the gateways' file, the truth. Without one the gateways are told only,
	// and lose it with a restart.
	Path   string
	Logger *slog.Logger
}

var _ handover.Router = (*FileRouter)(nil)

// Text is the configuration that is the truth.
func (f *FileRouter) Text(ctx context.Context) ([]byte, error) {
	if f.Path == "" {
		ready, err := Ready(ctx, f.Fleet, f.Logger)
		if err != nil {
			return nil, err
		}
		return ready.Config(ctx)
	}
	text, err := os.ReadFile(f.Path)
	if err != nil {
		return nil, fmt.Errorf("read the gateways' file: %w", err)
	}
	return text, nil
}

// Route implements handover.Router.
func (f *FileRouter) Route(ctx context.Context, owner string, epoch int64) error {
	text, err := f.Text(ctx)
	if err != nil {
		return err
	}
	is, err := ramp.LookupOwner(text, f.Resource)
	if err != nil {
		return err
	}
	if err := Newer(f.Resource, is, owner, epoch); err != nil {
		return err
	}
	fleet, err := Ready(ctx, f.Fleet, f.Logger)
	if err != nil {
		return err
	}
	revision := is.Revision
	if is.Epoch != epoch {
		if revision, err = f.next(ctx, fleet, is.Revision); err != nil {
			return err
		}
		if text, err = ramp.EditOwner(text, f.Resource, owner, epoch, revision); err != nil {
			return err
		}
		if err := f.write(text); err != nil {
			return err
		}
	}
	return Tell(ctx, fleet, revision, text)
}

// Newer compares what is to be routed with what is: ErrOutrun when that is newer.
func Newer(resource string, is ramp.Ownership, owner string, epoch int64) error {
	switch {
	case epoch < is.Epoch:
		return fmt.Errorf("%w: they say that %s owns %s at epoch %d, not %s at %d", handover.ErrOutrun, is.Owner, resource, is.Epoch, owner, epoch)
	case epoch == is.Epoch && owner != is.Owner:
		return fmt.Errorf("%w: the routes say that %s owns %s at epoch %d, the rows that %s does: find out who changed the gateways' file by hand",
			handover.ErrContradiction, is.Owner, resource, epoch, owner)
	default:
		return nil
	}
}

// next is a revision above what the file and all gateways have.
func (f *FileRouter) next(ctx context.Context, fleet ramp.Gateways, revision int64) (int64, error) {
	if len(fleet.URLs) > 0 {
		all, err := fleet.Status(ctx)
		if err != nil {
			return 0, err
		}
		for _, s := range all {
			revision = max(revision, s.Revision)
		}
	}
	return revision + 1, nil
}

func (f *FileRouter) write(text []byte) error {
	if f.Path == "" {
		return nil
	}
	mode := os.FileMode(0o644)
	if info, err := os.Stat(f.Path); err == nil {
		mode = info.Mode().Perm()
	}
	return watch.Write(f.Path, text, mode)
}

// Tell gives gateways a text by their admin ports, for speed, and waits until all have
// it. One that has it already, from its file, need not take it again.
func Tell(ctx context.Context, fleet ramp.Gateways, revision int64, text []byte) error {
	if len(fleet.URLs) == 0 {
		return nil
	}
	before := fleet.Refusals(ctx)
	told := fleet.Put(ctx, text)
	var answer *ramp.AnswerError
	if errors.As(told, &answer) && (answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden) {
		return told
	}
	if err := fleet.Await(ctx, revision, text, before); err != nil {
		return errors.Join(err, told)
	}
	return nil
}
