package transfer

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"banyan.dev/platform/ownership/handover"
	"banyan.dev/strangler/internal/ramp"
)

// FileRouter tells gateways of one file who owns a resource: two values of the file
// and its revision change, and nothing else. The local target has one of its own.
type FileRouter struct {
	Fleet ramp.Gateways
	// Gates are those that are closed meanwhile: each is opened as soon as its gateway
	// knows. They may be nil.
	Gates    *Gateways
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

// Route implements handover.Router: the file first, then all gateways side by side.
func (f *FileRouter) Route(ctx context.Context, owner string, epoch int64) error {
	if err := f.note(ctx, owner, epoch); err != nil {
		return err
	}
	return f.Gates.Tell(ctx, f.Fleet, Word{Resource: f.Resource, Owner: owner, Epoch: epoch}, f.Logger)
}

// note writes the file, with a revision above that of every gateway that is ready. It is
// read again for that, with other tools locked out: an edit of theirs is kept.
func (f *FileRouter) note(ctx context.Context, owner string, epoch int64) error {
	text, err := f.Text(ctx)
	if err != nil {
		return err
	}
	is, err := f.newer(text, owner, epoch)
	if err != nil || is.Epoch == epoch || f.Path == "" {
		return err
	}
	next := f.Gates.Next(ctx, f.Fleet, is.Revision)
	return ramp.Update(f.Path, func(text []byte) ([]byte, error) {
		is, err := f.newer(text, owner, epoch)
		if err != nil || is.Epoch == epoch {
			return nil, err
		}
		return ramp.EditOwner(text, f.Resource, owner, epoch, max(next, is.Revision+1))
	})
}

// newer is what a text says, and an error if that is not to be replaced.
func (f *FileRouter) newer(text []byte, owner string, epoch int64) (ramp.Ownership, error) {
	is, err := ramp.LookupOwner(text, f.Resource)
	if err != nil {
		return is, err
	}
	return is, Newer(f.Resource, is, owner, epoch)
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
