package inbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	"banyan.dev/platform/broker"
)

// ordering is the version rule over the database, for one pass.
type ordering struct {
	*pass
	series map[string]*series
	moved  map[string]bool // the aggregates whose series went on
}

// order gives each event its turn: parked ones follow the one they waited for, and
// what has waited long enough goes on.
func (p *pass) order(fresh []item) error {
	o := ordering{pass: p, series: map[string]*series{}, moved: map[string]bool{}}
	var aggregates []string
	for _, it := range fresh {
		if it.bad == nil && it.event.Version > 0 {
			aggregates = append(aggregates, it.event.Aggregate)
		}
	}
	if err := o.load(aggregates); err != nil {
		return err
	}
	for _, it := range fresh {
		if err := o.arrive(it); err != nil {
			return err
		}
	}
	if err := o.release(); err != nil {
		return err
	}
	return o.save()
}

// load reads the series of aggregates that are not loaded yet.
func (o *ordering) load(aggregates []string) error {
	wanted := map[string]bool{}
	for _, a := range aggregates {
		if o.series[a] == nil {
			o.series[a], wanted[a] = &series{}, true
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	var versions []struct {
		AggregateID string
		Version     int64
	}
	// An array, and no subquery or join: of those the planner knows no number, and reads
	// the whole table.
	err := o.tx.Raw(`SELECT aggregate_id, version FROM inbox_versions WHERE consumer = ? AND topic = ? AND aggregate_id = ANY (?::text[])`,
		o.w.cfg.Consumer, o.w.topic, array(slices.Sorted(maps.Keys(wanted)))).Scan(&versions).Error
	if err != nil {
		return fmt.Errorf("select versions: %w", err)
	}
	for _, v := range versions {
		s := o.series[v.AggregateID]
		s.known, s.at = true, v.Version
	}
	return nil
}

func (o *ordering) arrive(it item) error {
	version := it.event.Version
	if it.bad != nil || version == 0 {
		o.admit(it)
		return nil
	}
	s := o.series[it.event.Aggregate]
	if s.known && version <= s.at {
		if err := o.loadGaps(it.event.Aggregate, version); err != nil {
			return err
		}
	}
	switch s.judge(version, o.w.cfg.Midway) {
	case now:
		return o.take(it)
	case early:
		return o.park(it)
	case missed:
		o.aside(it, condemned{kind: KindLate, attempts: 1, first: o.at,
			reason: fmt.Sprintf("version %d of %s came after it was given up: version %d is handled", version, it.event.Aggregate, s.at)})
	case older:
		o.outcome.older++
	}
	return nil
}

// take gives an item its turn, and then those that waited for it.
func (o *ordering) take(it item) error {
	aggregate := it.event.Aggregate
	s := o.series[aggregate]
	gap, given := s.take(it.event.Version, o.w.cfg.Midway)
	if given {
		if err := o.saveGap(aggregate, gap); err != nil {
			return err
		}
	}
	o.moved[aggregate] = true
	o.admit(it)
	if o.outcome.waiting == 0 {
		return nil
	}
	next, err := o.unpark(aggregate, s.at+1)
	if err != nil || next == nil {
		return err
	}
	return o.take(*next)
}

// release lets go on what has waited long enough, and the oldest when too many wait.
func (o *ordering) release() error {
	for o.outcome.waiting > 0 {
		var next struct {
			AggregateID string
			Until       time.Time
		}
		err := o.tx.Raw(`SELECT aggregate_id, until FROM inbox_waiting WHERE consumer = ? AND topic = ? AND partition = ? ORDER BY until, record_offset LIMIT 1`,
			o.w.cfg.Consumer, o.w.topic, o.w.id).Scan(&next).Error
		if err != nil {
			return fmt.Errorf("select what waits: %w", err)
		}
		if next.AggregateID == "" {
			o.outcome.waiting = 0 // somebody has deleted the rows
			return nil
		}
		if o.outcome.waiting <= o.w.cfg.MaxWaiting && next.Until.After(o.at) {
			o.outcome.wake = next.Until
			return nil
		}
		if err := o.load([]string{next.AggregateID}); err != nil {
			return err
		}
		it, err := o.unpark(next.AggregateID, 0)
		if err == nil && it != nil {
			o.outcome.gaps++
			err = o.take(*it)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *ordering) loadGaps(aggregate string, version int64) error {
	s := o.series[aggregate]
	var g struct{ FirstVersion, LastVersion int64 }
	err := o.tx.Raw(`SELECT first_version, last_version FROM inbox_gaps
		WHERE consumer = ? AND topic = ? AND aggregate_id = ? AND first_version <= ? AND last_version >= ? LIMIT 1`,
		o.w.cfg.Consumer, o.w.topic, aggregate, version, version).Scan(&g).Error
	if err != nil {
		return fmt.Errorf("select gaps: %w", err)
	}
	if g.LastVersion > 0 {
		s.gaps = append(s.gaps, span{g.FirstVersion, g.LastVersion})
	}
	return nil
}

func (o *ordering) saveGap(aggregate string, g span) error {
	err := o.tx.Exec(`INSERT INTO inbox_gaps (consumer, topic, aggregate_id, first_version, last_version) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		o.w.cfg.Consumer, o.w.topic, aggregate, g.first, g.last).Error
	if err != nil {
		return fmt.Errorf("insert gap: %w", err)
	}
	return nil
}

// park keeps an event that came before its turn. It has its inbox row, so it is not
// lost, and not handled twice, when it comes again.
func (o *ordering) park(it item) error {
	headers, err := encodeHeaders(it.message.Headers)
	if err != nil {
		return err
	}
	added := o.tx.Exec(`INSERT INTO inbox_waiting (consumer, topic, aggregate_id, version, partition, record_offset, event_id, key, headers, payload, until)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		o.w.cfg.Consumer, o.w.topic, it.event.Aggregate, it.event.Version, o.w.id, it.event.Offset, it.event.ID,
		it.message.Key, headers, it.message.Value, o.at.Add(o.w.cfg.GapWait))
	if added.Error != nil {
		return fmt.Errorf("insert what waits: %w", added.Error)
	}
	if added.RowsAffected == 0 {
		o.outcome.older++ // another event of the same version waits
		return nil
	}
	o.outcome.parked++
	o.outcome.waiting++
	return nil
}

// waitingRow is a row of inbox_waiting.
type waitingRow struct {
	RecordOffset int64
	Key          []byte
	Headers      []byte
	Payload      []byte
}

// unpark takes the event of a version out of what waits, or the first one when
// version is 0; nil when there is none.
func (o *ordering) unpark(aggregate string, version int64) (*item, error) {
	var rows []waitingRow
	err := o.tx.Raw(`DELETE FROM inbox_waiting w USING (
			SELECT version FROM inbox_waiting WHERE consumer = ? AND topic = ? AND aggregate_id = ? AND (version = ? OR ? = 0) ORDER BY version LIMIT 1
		) f WHERE w.consumer = ? AND w.topic = ? AND w.aggregate_id = ? AND w.version = f.version
		RETURNING w.record_offset, w.key, w.headers, w.payload`,
		o.w.cfg.Consumer, o.w.topic, aggregate, version, version, o.w.cfg.Consumer, o.w.topic, aggregate).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("take what waits: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	headers, err := decodeHeaders(rows[0].Headers)
	if err != nil {
		return nil, err
	}
	o.outcome.waiting--
	it := readItem(broker.Message{
		Topic: o.w.topic, Partition: o.w.id, Offset: rows[0].RecordOffset,
		Key: rows[0].Key, Value: rows[0].Payload, Headers: headers,
	})
	return &it, nil
}

// save writes the versions that moved, in one statement.
func (o *ordering) save() error {
	if len(o.moved) == 0 {
		return nil
	}
	type version struct {
		A string `json:"a"`
		V int64  `json:"v"`
	}
	rows := make([]version, 0, len(o.moved))
	for _, aggregate := range slices.Sorted(maps.Keys(o.moved)) {
		rows = append(rows, version{aggregate, o.series[aggregate].at})
	}
	encoded, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("list versions: %w", err)
	}
	err = o.tx.Exec(`INSERT INTO inbox_versions (consumer, topic, aggregate_id, version)
		SELECT ?, ?, r.a, r.v FROM jsonb_to_recordset(?::jsonb) AS r(a text, v bigint)
		ON CONFLICT (consumer, topic, aggregate_id) DO UPDATE SET version = EXCLUDED.version`,
		o.w.cfg.Consumer, o.w.topic, string(encoded)).Error
	if err != nil {
		return fmt.Errorf("write versions: %w", err)
	}
	return nil
}

// SetVersion tells a consumer of changes that an aggregate's versions up to this one
// are done: what a backfill calls, so that the next live event has its turn at once.
func SetVersion(tx *gorm.DB, consumer, topic, aggregate string, version int64) error {
	err := tx.Exec(`INSERT INTO inbox_versions (consumer, topic, aggregate_id, version) VALUES (?, ?, ?, ?)
		ON CONFLICT (consumer, topic, aggregate_id) DO UPDATE SET version = greatest(inbox_versions.version, EXCLUDED.version)`,
		consumer, topic, aggregate, version).Error
	if err != nil {
		return fmt.Errorf("set version of %s for %s: %w", aggregate, consumer, err)
	}
	return nil
}
