package database

import (
	"database/sql/driver"
	"strings"
)

// UUIDs are ids as one parameter, for id = ANY(?): one statement, prepared once,
// however many they are. A slice would become as many parameters as it has items,
// and each number of them another statement. What is no UUID in it is the
// database's error.
type UUIDs []string

// Value is the list as PostgreSQL writes arrays.
func (u UUIDs) Value() (driver.Value, error) { return "{" + strings.Join(u, ",") + "}", nil }
