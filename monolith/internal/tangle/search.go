package tangle

import (
	"context"
	"fmt"
	"html"
	"strings"

	"banyan.dev/features/feed"
	"banyan.dev/platform/paging"
)

// What surrounds a match on its way out of the database: two characters for private
// use, which are taken out of the text first.
const (
	matchBegins = "\ue000"
	matchEnds   = "\ue001"
)

const headline = "StartSel=" + matchBegins + ", StopSel=" + matchEnds +
	", MaxFragments=2, MaxWords=24, MinWords=8, FragmentDelimiter=\" … \""

// hit is one post that was found.
type hit struct {
	Summary  summary `gorm:"embedded"`
	Rank     float64
	Headline string
}

func (h hit) place() paging.Place { return paging.Place{Rank: h.Rank, ID: h.Summary.ID} }

// Search ranks all that match and marks the words only in what the page shows:
// ts_headline reads the text again, which costs more than finding it.
//
// The rank is a float4; it is made a float8 so that the one in a cursor compares
// equal to the one it came from.
func (s feedStore) Search(ctx context.Context, query string, page paging.Page) (paging.List[feed.Hit], error) {
	place, ok, err := start(page)
	if err != nil {
		return paging.List[feed.Hit]{}, err
	}
	db := s.db.Gorm(ctx)
	found := db.Table("posts, websearch_to_tsquery('english', ?) query", query).
		Select("id, query, ts_rank_cd(search, query)::float8 AS rank").
		Where("status = 'published' AND search @@ query")
	best := db.Table("(?) AS f", found).Select("f.*")
	if ok {
		best = best.Where("(f.rank, f.id) < (?, ?)", place.Rank, place.ID)
	}
	best = best.Order("f.rank DESC, f.id DESC").Limit(oneMore(page.Limit))

	var rows []hit
	err = db.Table("(?) AS h", best).
		Joins("JOIN posts p ON p.id = h.id").Joins(withAuthor).
		Select(summaryColumns+", h.rank, ts_headline('english', translate(left(p.html, 50000), ?, ''), h.query, ?) AS headline",
			matchBegins+matchEnds, headline).
		Order("h.rank DESC, h.id DESC").Find(&rows).Error
	if err != nil {
		return paging.List[feed.Hit]{}, fmt.Errorf("search posts: %w", err)
	}
	cut := paging.Cut(rows, page.Limit, hit.place)
	hits := each(cut.Items, func(h hit) feed.Hit {
		return feed.Hit{PostSummary: h.Summary.toSummary(), Highlight: highlight(h.Headline)}
	})
	return paging.List[feed.Hit]{Items: hits, Next: cut.Next}, nil
}

// highlight makes HTML of a headline. All text in it is escaped here, whatever it
// was before; the only elements are the marks, and each that opens is closed.
func highlight(headline string) string {
	parts := strings.Split(headline, matchBegins)
	var b strings.Builder
	b.WriteString(escaped(parts[0]))
	for _, part := range parts[1:] {
		match, rest, _ := strings.Cut(part, matchEnds)
		b.WriteString("<mark>" + escaped(match) + "</mark>" + escaped(rest))
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// escaped is text out of rendered HTML, as HTML: references become the characters
// they stand for first, so that none is escaped twice.
func escaped(s string) string { return html.EscapeString(html.UnescapeString(s)) }
