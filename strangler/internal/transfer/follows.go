package transfer

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// followsOwner is what a host reports of the seam with the resource's name when it asks
// whoever owns it, and not its own tables alone.
const followsOwner = "owner"

// MayMove refuses to take a resource from the host that owned it at first while a
// replica of that keeps to its own tables: its own database would refuse what its
// pages write. A host that reports no such seam is believed to follow, and one that is
// away is not waited for.
func (h Hosts) MayMove(ctx context.Context, to string) error {
	if to != h.Names[1] {
		return nil
	}
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, url := range h.URLs[0] {
		is := h.seam(ctx, client, url)
		if is != "" && is != followsOwner {
			return fmt.Errorf("%s at %s reports %s %q: it would write where it may not; tell every replica to follow the owner first (%s %q), as step 07 does",
				h.Names[0], url, h.Resource, is, h.Resource, followsOwner)
		}
	}
	return nil
}

// seam is what a replica reports of the resource; empty when it tells nothing.
func (h Hosts) seam(ctx context.Context, client *http.Client, url string) string {
	t, err := h.topology(ctx, client, url)
	if err != nil {
		return ""
	}
	is, _ := t.Seams[h.Resource].(string)
	return is
}
