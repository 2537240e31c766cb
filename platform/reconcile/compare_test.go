package reconcile_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"banyan.dev/platform/reconcile"
)

func TestEqualSidesHaveNoDifferences(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	require.True(t, p.compare(t, reconcile.Options{}).Clean(), "both are empty")
	p.fill(t, 10_000)
	var progress []int64
	report := p.compare(t, reconcile.Options{Concurrency: 3, Progress: func(rows int64) { progress = append(progress, rows) }})
	require.True(t, report.Clean())
	require.Equal(t, []reconcile.KindReport{
		{Kind: "thing", OwnerRows: 10_000, FollowerRows: 10_000, Ranges: 3},
		{Kind: "mark", OwnerRows: 20_000, FollowerRows: 20_000, Ranges: 5},
	}, report.Kinds)
	require.EqualValues(t, 30_000, report.Rows())
	require.EqualValues(t, 30_000, progress[len(progress)-1])
	require.True(t, slices.IsSorted(progress))
	require.Positive(t, report.Bytes)
	require.Less(t, report.Bytes, int64(10_000), "the traffic grows with the differences")
}

// Every way to differ, at the ends and in the middle, and among the rows of one place.
func TestTwentyThousandRowsAndExactlyWhatDiffers(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.fill(t, 20_000)
	owner, follower := p.dbs[0], p.dbs[1]
	id := func(i int) (id string) {
		require.NoError(t, owner.Gorm(t.Context()).Raw("SELECT md5(?)::uuid", fmt.Sprint("thing", i)).Scan(&id).Error)
		return id
	}
	var ends []string
	require.NoError(t, owner.Gorm(t.Context()).Raw("(SELECT id FROM things ORDER BY id LIMIT 1) UNION ALL (SELECT id FROM things ORDER BY id DESC LIMIT 1)").Scan(&ends).Error)
	const first, last = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"
	run(t, follower, "DELETE FROM things WHERE id IN (?, ?)", ends[0], ends[1])
	run(t, follower, "INSERT INTO things VALUES (?, 1, 'first', now()), (?, 1, 'last', now())", first, last)
	run(t, owner, "DELETE FROM things WHERE id = ?", id(5))
	run(t, follower, "UPDATE things SET version = 0 WHERE id = ?", id(6))
	run(t, owner, "UPDATE things SET version = 0, body = NULL WHERE id = ?", id(7))
	run(t, follower, "UPDATE things SET body = '' WHERE id = ?", id(8))
	run(t, follower, "UPDATE things SET body = body || ' ' WHERE id = ?", id(9))
	run(t, owner, "UPDATE things SET at = at + interval '1 us' WHERE id = ?", id(10))
	run(t, follower, "DELETE FROM marks WHERE name = 'mark-2-11'")
	run(t, owner, "DELETE FROM marks WHERE name = 'mark-1-12'")
	run(t, follower, "UPDATE marks SET hash = sha256(hash) WHERE name = 'mark-2-13'")
	run(t, follower, "UPDATE marks SET thing = ? WHERE name = 'mark-1-14'", id(15))
	want := []string{
		line("thing", ends[0], "", reconcile.Missing), line("thing", ends[1], "", reconcile.Missing),
		line("thing", first, "", reconcile.Extra), line("thing", last, "", reconcile.Extra), line("thing", id(5), "", reconcile.Extra),
		line("thing", id(6), "", reconcile.Older), line("thing", id(7), "", reconcile.Newer),
		line("thing", id(8), "", reconcile.Content), line("thing", id(9), "", reconcile.Content), line("thing", id(10), "", reconcile.Content),
		line("mark", id(11), "mark-2-11", reconcile.Missing), line("mark", id(12), "mark-1-12", reconcile.Extra),
		line("mark", id(13), "mark-2-13", reconcile.Content),
		line("mark", id(14), "mark-1-14", reconcile.Missing), line("mark", id(15), "mark-1-14", reconcile.Extra),
	}
	report := p.compare(t, reconcile.Options{Resource: "things", Owner: "monolith", Follower: "service"})
	require.ElementsMatch(t, want, named(report))
	require.False(t, report.Clean())
	require.Less(t, report.Bytes, int64(1_000_000))
	only := p.compare(t, reconcile.Options{Kinds: []string{"mark"}, Concurrency: 2})
	require.Len(t, only.Differences, 5)
	checkTexts(t, report)
}

// checkTexts looks at both forms of a report.
func checkTexts(t *testing.T, report reconcile.Report) {
	t.Helper()
	var text bytes.Buffer
	require.NoError(t, report.WriteText(&text))
	require.Contains(t, text.String(), "things: monolith (owner) and service (follower)\n")
	require.Contains(t, text.String(), "only the follower has it (owner: none, follower: version 1 of epoch 1, hash ")
	require.Contains(t, text.String(), "15 differences: ")
	require.Equal(t, 15+1+3+1, strings.Count(text.String(), "\n"))
	encoded, err := json.Marshal(report)
	require.NoError(t, err)
	var back reconcile.Report
	require.NoError(t, json.Unmarshal(encoded, &back))
	back.Took = report.Took // in whole milliseconds
	require.Equal(t, report, back)
}

func TestOneSideMayBeEmpty(t *testing.T) {
	t.Parallel()
	for i, what := range []reconcile.What{reconcile.Extra, reconcile.Missing} {
		p := newPair(t)
		p.fill(t, 9_000)
		run(t, p.dbs[i], "DELETE FROM things")
		report := p.compare(t, reconcile.Options{Limit: 100_000, RangeRows: 1000})
		require.Len(t, report.Differences, 9_000)
		for _, d := range report.Differences {
			require.Equal(t, what, d.What)
		}
		limited := p.compare(t, reconcile.Options{Limit: 50})
		require.True(t, limited.Stopped)
		require.False(t, limited.Clean())
		require.Len(t, limited.Differences, 50)
	}
}

// Rows of one place can't be told apart by ranges, so they are looked at together.
func TestManyRowsAtOnePlace(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.both(t, "INSERT INTO marks SELECT 'm' || i, md5('a')::uuid, '' FROM generate_series(1, 3000) AS i")
	p.both(t, "INSERT INTO marks SELECT 'm' || i, md5('b')::uuid, '' FROM generate_series(1, 3000) AS i")
	run(t, p.dbs[1], "DELETE FROM marks WHERE name IN ('m7', 'm2999') AND thing = md5('b')::uuid")
	report := p.compare(t, reconcile.Options{RangeRows: 100})
	require.Len(t, report.Differences, 2)
}

func TestRowsAreHashedAlikeWhateverASessionIsSetTo(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	odd := open(t, "&timezone=Asia/Kathmandu&datestyle=German&bytea_output=escape&extra_float_digits=-3&client_encoding=LATIN1&intervalstyle=sql_standard&lc_messages=C")
	for _, db := range append(p.dbs[:1:1], odd) {
		run(t, db, `INSERT INTO things VALUES (md5('1')::uuid, 1, 'Br' || chr(252) || 'cke', '2026-03-29 01:30:00.000001+00'), (md5('2')::uuid, 1, NULL, '-infinity')`)
		run(t, db, `INSERT INTO marks VALUES ('\x', md5('1')::uuid, decode('00ff5c', 'hex'))`)
	}
	p.sides[1] = side(t, "odd", reconcile.NewTables(odd, things, marks))
	report := p.compare(t, reconcile.Options{})
	require.Empty(t, named(report))
	require.EqualValues(t, 3, report.Rows())
	run(t, odd, "UPDATE things SET body = 'Br' || chr(252) || 'cker' WHERE id = md5('1')::uuid")
	report = p.compare(t, reconcile.Options{})
	require.Len(t, report.Differences, 1)
	require.Equal(t, "Brücker", report.Differences[0].Follower.About)
}

// What a naive comparison of all rows finds is what the report says, whatever sets of
// rows the two sides have.
func TestTheReportIsTheSetDifference(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	rapid.Check(t, func(t *rapid.T) {
		p.both(t, "DELETE FROM things")
		p.both(t, "DELETE FROM marks")
		seed, n := rapid.IntRange(0, 1000).Draw(t, "seed"), rapid.IntRange(0, 1500).Draw(t, "rows")
		often := rapid.SampledFrom([]int{2, 5, 50, 500}).Draw(t, "one of so many differs")
		for _, db := range p.dbs {
			const share = "abs(hashint8(i * 1000 + ?))"
			run(t, db, `INSERT INTO things SELECT (lpad(to_hex(hashint4(i % 7) & 65535), 8, '0') || substr(md5(i::text), 9))::uuid, `+share+` % 3, 'body', 'epoch'
				FROM generate_series(1, ?) AS i`, seed, n)
			run(t, db, `INSERT INTO marks SELECT 'm' || i, md5((i % 50)::text)::uuid, '' FROM generate_series(1, ?) AS i`, n)
		}
		for i, db := range p.dbs {
			change := func(statement string, table string) {
				run(t, db, statement+" WHERE abs(hashtext("+table+"::text || ?)) % ? = 0", fmt.Sprint(seed, i, statement), often)
			}
			change("DELETE FROM things", "id")
			change("UPDATE things SET version = version + 1", "id")
			change("UPDATE things SET body = 'changed'", "id")
			change("DELETE FROM marks", "name")
			change("UPDATE marks SET hash = 'x'", "name")
		}
		report := p.compare(t, reconcile.Options{
			Limit: 1_000_000, RangeRows: rapid.SampledFrom([]int{1, 7, 150, 4096}).Draw(t, "range"), Concurrency: rapid.IntRange(1, 4).Draw(t, "concurrency"),
		})
		require.ElementsMatch(t, p.naive(t), named(report))
	})
}

// naive compares all rows of both sides.
func (p pair) naive(t require.TestingT) (lines []string) {
	type row struct {
		Kind, Place, Sub, Content string
		Version                   int
	}
	var all [2]map[[3]string]row
	for i, db := range p.dbs {
		var rows []row
		require.NoError(t, db.Gorm(bg).Raw(`SELECT 'thing' AS kind, id::text AS place, '' AS sub, version, body || at AS content FROM things
			UNION ALL SELECT 'mark', thing::text, name, 0, hash::text FROM marks`).Scan(&rows).Error)
		all[i] = map[[3]string]row{}
		for _, r := range rows {
			all[i][[3]string{r.Kind, r.Place, r.Sub}] = r
		}
	}
	for key, own := range all[0] {
		theirs, there := all[1][key]
		switch {
		case !there:
			lines = append(lines, line(own.Kind, own.Place, own.Sub, reconcile.Missing))
		case theirs.Version < own.Version:
			lines = append(lines, line(own.Kind, own.Place, own.Sub, reconcile.Older))
		case theirs.Version > own.Version:
			lines = append(lines, line(own.Kind, own.Place, own.Sub, reconcile.Newer))
		case theirs.Content != own.Content:
			lines = append(lines, line(own.Kind, own.Place, own.Sub, reconcile.Content))
		}
	}
	for key, theirs := range all[1] {
		if _, there := all[0][key]; !there {
			lines = append(lines, line(theirs.Kind, theirs.Place, theirs.Sub, reconcile.Extra))
		}
	}
	return lines
}
