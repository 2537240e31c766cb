package backfill

import (
	"gorm.io/gorm"

	"banyan.dev/platform/outbox"
)

// Source reads the rows of a resource. The store of the feature has one.
type Source interface {
	// Own is the first thing that a page's transaction does: it sees to it that this
	// database owns the rows until the transaction ends, and tells the epoch.
	// *ownership.Side's is one.
	Own(tx *gorm.DB) (epoch int64, err error)
	// Page returns the rows behind a place as events, through tx. It may be asked for
	// the same place again, when a transaction was not kept.
	Page(tx *gorm.DB, at Place) (Page, error)
}

// Place is where a run stands.
type Place struct {
	// Run is the run's id.
	Run string
	// Epoch is the ownership's, for what is minted.
	Epoch int64
	// After is what the page before said as Through; empty: from the start.
	After string
	// Limit is about how many rows to read.
	Limit int
	// Sent is how many chunks there were before, by partition; it may be shorter than
	// there are partitions, for those that had none.
	Sent []int
}

// Page is a part of the rows.
type Page struct {
	// Events are the page's chunks, numbered in their partition from 1 without gaps.
	Events []outbox.Event
	// Through is where the next page begins.
	Through string
	// Last is set when nothing lies behind: the page then has a chunk for each
	// partition that says so.
	Last bool
	// Rows is how many there are in the page.
	Rows int
	// Sent is how many chunks there are by partition, with this page's.
	Sent []int
}
