package ownership_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/ownership"
)

func TestMetricsTellWhoOwns(t *testing.T) {
	t.Parallel()
	db := open(t, 4)
	s := owner(t, db, config())
	tells := func(owns, epoch int) {
		t.Helper()
		want := fmt.Sprintf(`# HELP banyan_ownership_epoch The newest epoch of the resource that this side knows of.
# TYPE banyan_ownership_epoch gauge
banyan_ownership_epoch{resource="comments",side=%[3]q} %[2]d
# HELP banyan_ownership_owner 1 while this side owns the resource, else 0.
# TYPE banyan_ownership_owner gauge
banyan_ownership_owner{resource="comments",side=%[3]q} %[1]d
`, owns, epoch, s.Name())
		require.NoError(t, testutil.CollectAndCompare(s.Metrics(), strings.NewReader(want)))
	}
	tells(1, 1)
	put(t, db, ownership.Fenced, 1)
	tells(0, 1)
	put(t, db, ownership.Owner, 3)
	tells(1, 3)
	require.NoError(t, db.Close())
	require.Zero(t, testutil.CollectAndCount(s.Metrics()), "what can't be known is not told")
}
