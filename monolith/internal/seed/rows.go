package seed

import (
	"time"

	"github.com/google/uuid"

	"banyan.dev/features/contracts"
	"banyan.dev/features/moderation"
)

// blog is all that is to be there.
type blog struct {
	people        []person
	posts         []post
	comments      []comment
	notifications []notification
	rules         []moderation.Rule
}

type person struct {
	id          uuid.UUID
	name, email string
	hash        string
	role        contracts.Role
	joined      time.Time
}

func (p person) writes() bool { return p.role != contracts.Reader }

type post struct {
	id                               uuid.UUID
	author                           *person
	topic                            topic
	slug, title, body, html, excerpt string
	tags                             []string
	status                           contracts.PostStatus
	version                          int
	created, updated                 time.Time
	published                        *time.Time
}

type comment struct {
	id         uuid.UUID
	post       *post
	author     *person
	body, html string
	status     contracts.CommentStatus
	reason     string
	at         time.Time
}

type notification struct {
	id      uuid.UUID
	comment *comment
	read    *time.Time
}
