// Package filling measures what users notice of a backfill: people read and write at a
// rate that nothing slows down, through the gateway, first by themselves and then beside
// a backfill, by turns. It says how many rows a second were sent, and by how much the
// live requests' latency grew, for each pace that the backfill was told to keep.
//
// The command `strangler bench backfill` calls it and brings the blog and the way to
// fill; the users are those of package traffic. Here is who has a turn when, and the
// arithmetic.
package filling
