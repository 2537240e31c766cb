package following

import (
	"context"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

// Lists is what lists of other features need, at whoever owns comments. It is safe for
// concurrent use.
type Lists struct {
	owner       *Owner
	here, there Reads
}

var _ Reads = (*Lists)(nil)

// Lists returns the reads over this host's own and the other side's.
func (o *Owner) Lists(here, there Reads) *Lists { return &Lists{o, here, there} }

// ByIDs is Reads'.
func (r *Lists) ByIDs(ctx context.Context, ids []string) (map[string]contracts.Comment, error) {
	host, err := reader(ctx, r.owner, r.here, r.there)
	if err != nil {
		return nil, err
	}
	return host.ByIDs(ctx, ids)
}

// Latest is Reads'. Where they can't be had at this moment there are none: the posts
// that they are shown under are what the reader came for.
func (r *Lists) Latest(ctx context.Context, postIDs []string, n int) (map[string][]contracts.Comment, error) {
	host, err := reader(ctx, r.owner, r.here, r.there)
	if err != nil {
		return nil, err
	}
	latest, err := host.Latest(ctx, postIDs, n)
	if problem.Is(err, httpkit.Unavailable) {
		r.owner.cfg.Logger.WarnContext(ctx, "posts shown without their latest comments", "error", err)
		return nil, nil
	}
	return latest, err
}
