package database

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm/logger"
)

// gormLogger passes on what gorm has to say: slow statements as warnings, all of
// them at level debug. Errors are returned to callers, who log them once. Values
// never appear: they are people's.
type gormLogger struct {
	to   *slog.Logger
	slow time.Duration
}

func newLogger(to *slog.Logger, slow time.Duration) logger.Interface { return gormLogger{to, slow} }

// LogMode is gorm's way to a level; ours is slog's.
func (l gormLogger) LogMode(logger.LogLevel) logger.Interface { return l }

func (l gormLogger) Info(ctx context.Context, format string, args ...any) {
	l.to.InfoContext(ctx, "gorm", "said", fmt.Sprintf(format, args...))
}

func (l gormLogger) Warn(ctx context.Context, format string, args ...any) {
	l.to.WarnContext(ctx, "gorm", "said", fmt.Sprintf(format, args...))
}

func (l gormLogger) Error(ctx context.Context, format string, args ...any) {
	l.to.ErrorContext(ctx, "gorm", "said", fmt.Sprintf(format, args...))
}

// Trace is called after each statement.
func (l gormLogger) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), err error) {
	took := time.Since(begin)
	level, message := slog.LevelDebug, "statement"
	if took >= l.slow {
		level, message = slog.LevelWarn, "slow statement"
	}
	if !l.to.Enabled(ctx, level) {
		return
	}
	sql, rows := statement()
	l.to.Log(ctx, level, message, "sql", sql, "rows", rows, "took", took, "error", err)
}

// ParamsFilter keeps the values out of the statements that Trace is given.
func (l gormLogger) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}
