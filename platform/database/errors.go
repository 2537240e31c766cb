package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// The codes that are acted upon, from appendix A of PostgreSQL's manual.
const (
	uniqueViolation     = "23505"
	foreignKeyViolation = "23503"
	serializationFailed = "40001"
	deadlockDetected    = "40P01"
	tooManyConnections  = "53300"
	adminShutdown       = "57P01"
	crashShutdown       = "57P02"
	cannotConnectNow    = "57P03"
	idleInTxTimeout     = "25P03"
	classConnection     = "08"
)

// IsUnique tells whether err is a violation of the unique constraint or index of
// that name; an empty name means any.
func IsUnique(err error, constraint string) bool { return violates(err, uniqueViolation, constraint) }

// IsForeignKey is IsUnique for foreign keys.
func IsForeignKey(err error, constraint string) bool {
	return violates(err, foreignKeyViolation, constraint)
}

func violates(err error, code, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == code && (constraint == "" || pg.ConstraintName == constraint)
}

func isConflict(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == serializationFailed || pg.Code == deadlockDetected)
}

// IsUnavailable tells whether err means that the database could not be reached, or
// was lost in between: the same request may succeed in a moment. That the caller's
// own time was up is not it.
func IsUnavailable(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return unavailableCode(pg.Code)
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return !errors.Is(err, context.Canceled)
	}
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	for _, lost := range []error{driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} {
		if errors.Is(err, lost) {
			return true
		}
	}
	var network *net.OpError
	return errors.As(err, &network) || pgconn.SafeToRetry(err)
}

func unavailableCode(code string) bool {
	switch code {
	case adminShutdown, crashShutdown, cannotConnectNow, tooManyConnections, idleInTxTimeout:
		return true
	}
	return strings.HasPrefix(code, classConnection)
}
