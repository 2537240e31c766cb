package handover_test

import (
	"context"

	"gorm.io/gorm"
)

func appendEvent(tx *gorm.DB, e event) error {
	return tx.Exec("INSERT INTO outbox (partition, aggregate, version, key, epoch) VALUES (?, ?, ?, ?, ?)",
		e.Partition, e.Aggregate, e.Version, e.Key, e.Epoch).Error
}

func partitionOf(aggregate string) int { return int(aggregate[len(aggregate)-1]) % partitions }

// write is the business transaction behind the guard: once for each key. It locks
// the aggregate before it appends.
func write(tx *gorm.DB, aggregate, key string) error {
	if err := tx.Exec("INSERT INTO aggregates VALUES (?, 0) ON CONFLICT DO NOTHING", aggregate).Error; err != nil {
		return err
	}
	var version int
	if err := tx.Raw("SELECT version FROM aggregates WHERE id = ? FOR UPDATE", aggregate).Scan(&version).Error; err != nil {
		return err
	}
	claimed := tx.Exec("INSERT INTO keys VALUES (?) ON CONFLICT DO NOTHING", key)
	if claimed.Error != nil || claimed.RowsAffected == 0 {
		return claimed.Error // the same answer as the first time
	}
	if err := keep(tx, event{Aggregate: aggregate, Version: version + 1, Key: key}); err != nil {
		return err
	}
	return appendEvent(tx, event{Partition: partitionOf(aggregate), Aggregate: aggregate, Version: version + 1, Key: key})
}

func keep(tx *gorm.DB, e event) error {
	if err := tx.Exec("INSERT INTO entries VALUES (?, ?, ?) ON CONFLICT DO NOTHING", e.Aggregate, e.Version, e.Key).Error; err != nil {
		return err
	}
	return tx.Exec("INSERT INTO aggregates VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET version = greatest(aggregates.version, excluded.version)",
		e.Aggregate, e.Version).Error
}

// relay publishes what waits in a partition, by id. When it dies before it has noted
// that, all of it is published once more.
func (s *site) relay(ctx context.Context, p int, dies bool) error {
	var waiting []event
	if err := s.db.Gorm(ctx).Raw("SELECT * FROM outbox WHERE partition = ? AND NOT published ORDER BY id", p).Scan(&waiting).Error; err != nil {
		return err
	}
	s.log[p] = append(s.log[p], waiting...)
	if dies || len(waiting) == 0 {
		return nil
	}
	ids := make([]int64, len(waiting))
	for i, e := range waiting {
		ids[i] = e.ID
	}
	return s.db.Gorm(ctx).Exec("UPDATE outbox SET published = true WHERE id IN ?", ids).Error
}

// next is the other side's event that comes next in a partition.
func (s *site) next(p int) (event, bool) {
	if s.read[p] >= len(s.other.log[p]) {
		return event{}, false
	}
	return s.other.log[p][s.read[p]], true
}

// handle applies an event as an inbox does, with its row in the same transaction. It
// never asks who owns, and mints nothing.
func (s *site) handle(ctx context.Context, e event) error {
	return s.db.InTx(ctx, func(tx *gorm.DB) error {
		fresh := tx.Exec("INSERT INTO inbox VALUES (?) ON CONFLICT DO NOTHING", e.ID)
		if fresh.Error != nil || fresh.RowsAffected == 0 {
			return fresh.Error
		}
		if e.Aggregate == "" {
			return tx.Exec("INSERT INTO markers VALUES (?, ?) ON CONFLICT DO NOTHING", e.Epoch, e.Partition).Error
		}
		return s.apply(tx, e)
	})
}

func (s *site) apply(tx *gorm.DB, e event) error {
	if s.rules.keysTravel {
		if err := tx.Exec("INSERT INTO keys VALUES (?) ON CONFLICT DO NOTHING", e.Key).Error; err != nil {
			return err
		}
	}
	return keep(tx, e)
}

// passOver notes an event as a dead letter instead.
func (s *site) passOver(ctx context.Context, e event) error {
	return s.db.InTx(ctx, func(tx *gorm.DB) error {
		fresh := tx.Exec("INSERT INTO inbox VALUES (?) ON CONFLICT DO NOTHING", e.ID)
		if fresh.Error != nil || fresh.RowsAffected == 0 {
			return fresh.Error
		}
		return tx.Exec("INSERT INTO letters VALUES (?, ?, ?, ?)", e.ID, e.Aggregate, e.Version, e.Key).Error
	})
}

// redrive applies all dead letters after all.
func (s *site) redrive(ctx context.Context) error {
	return s.db.InTx(ctx, func(tx *gorm.DB) error {
		var all []event
		if err := tx.Raw("DELETE FROM letters RETURNING aggregate, version, key").Scan(&all).Error; err != nil {
			return err
		}
		for _, e := range all {
			if err := s.apply(tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// pump moves everything that is on its way to s.
func (s *site) pump(ctx context.Context) error {
	for p := range partitions {
		if err := s.other.relay(ctx, p, false); err != nil {
			return err
		}
		for e, more := s.next(p); more; e, more = s.next(p) {
			if err := s.handle(ctx, e); err != nil {
				return err
			}
			s.read[p]++
		}
	}
	return nil
}
