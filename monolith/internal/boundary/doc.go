// Package boundary watches where one feature ends and the next begins: it sees every
// statement that runs through platform/database, says whose tables it touches, and
// names those that touch two features'. Only tests import it.
//
// Nothing here reads SQL. PostgreSQL does: a statement is prepared in a transaction of
// its own, which parses it, finds the tables, through views too, and locks them; the
// locks then name them (pg_locks, PostgreSQL's manual, 54.12). Whose a table is, the
// table's own comment says: "posts: what authors write".
//
// What it would not see, the tests that use it rule out in other ways: a trigger, a
// function or a foreign key that goes on to another table, and a store that goes round
// gorm.
package boundary
