package pagestest

import (
	"context"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// elsewhere is comments as if another host had them: it can be silent.
type elsewhere struct {
	*comments.Service
	m *memory
}

// Silence lets comments be at a host that does not answer, from then on or until it is
// called with false. After doing so it does what it is asked, and the answer is lost.
func (b *Blog) Silence(silent, afterDoing bool) {
	b.memory.mu.Lock()
	defer b.memory.mu.Unlock()
	b.memory.silent, b.memory.afterDoing = silent, afterDoing
}

func (m *memory) answers() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.silence()
}

func (m *memory) does() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.silent || m.afterDoing
}

// silence is the error of a host that does not answer, if it does not. The lock is
// held.
func (m *memory) silence() error {
	if !m.silent {
		return nil
	}
	return problem.New(httpkit.Unavailable, "comments can't be reached at this moment: try again")
}

func (e elsewhere) Get(ctx context.Context, v contracts.Viewer, id string) (contracts.Comment, error) {
	if err := e.m.answers(); err != nil {
		return contracts.Comment{}, err
	}
	return e.Service.Get(ctx, v, id)
}

func (e elsewhere) List(ctx context.Context, v contracts.Viewer, postID string, page paging.Page) (paging.List[contracts.Comment], error) {
	if err := e.m.answers(); err != nil {
		return paging.List[contracts.Comment]{}, err
	}
	return e.Service.List(ctx, v, postID, page)
}

func (e elsewhere) Write(ctx context.Context, v contracts.Viewer, postID, body string, key contracts.Key) (c contracts.Comment, replayed bool, err error) {
	if e.m.does() {
		c, replayed, err = e.Service.Write(ctx, v, postID, body, key)
	}
	if lost := e.m.answers(); lost != nil {
		return contracts.Comment{}, false, lost
	}
	return c, replayed, err
}
