package store

import (
	"fmt"

	"gorm.io/gorm"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
)

// settle asks other features for what follows from a comment that stands there with
// a new status; was is the one before, "" for a new comment. Its post is held. A
// feature that is not here (its port is nil) hears of it by the event.
func (s *Store) settle(tx *gorm.DB, c contracts.Comment, was contracts.CommentStatus, e comments.Effects) error {
	if err := s.count(tx, c.PostID, was, c.Status); err != nil {
		return err
	}
	if err := s.queue(tx, c, was, e.Reason); err != nil {
		return err
	}
	if e.Notice == nil || s.ports.Notices == nil {
		return nil
	}
	n := *e.Notice
	n.PostID, n.CommentID = c.PostID, c.ID
	if err := s.ports.Notices.Tell(tx, n, c.UpdatedAt); err != nil {
		return fmt.Errorf("tell the post's author: %w", err)
	}
	return nil
}

// count keeps the post's number of approved comments.
func (s *Store) count(tx *gorm.DB, postID string, was, is contracts.CommentStatus) error {
	delta := 0
	if was == contracts.Approved {
		delta--
	}
	if is == contracts.Approved {
		delta++
	}
	if delta == 0 || s.ports.Posts == nil {
		return nil
	}
	if err := s.ports.Posts.Count(tx, postID, delta); err != nil {
		return fmt.Errorf("count the comment at its post: %w", err)
	}
	return nil
}

// queue puts what is pending before the moderators, and takes away what is not any
// more.
func (s *Store) queue(tx *gorm.DB, c contracts.Comment, was contracts.CommentStatus, reason string) error {
	switch {
	case s.ports.Queue == nil:
	case c.Status == contracts.Pending:
		if err := s.ports.Queue.Wait(tx, c.ID, reason, c.UpdatedAt); err != nil {
			return fmt.Errorf("queue the comment: %w", err)
		}
	case was == contracts.Pending:
		if err := s.ports.Queue.Leave(tx, c.ID); err != nil {
			return fmt.Errorf("take the comment out of the queue: %w", err)
		}
	}
	return nil
}

// leave takes deleted comments out of the queue.
func (s *Store) leave(tx *gorm.DB, commentIDs ...string) error {
	if s.ports.Queue == nil {
		return nil
	}
	if err := s.ports.Queue.Leave(tx, commentIDs...); err != nil {
		return fmt.Errorf("take %d comments out of the queue: %w", len(commentIDs), err)
	}
	return nil
}

// hold sees to it that a post stays, where it is here.
func (s *Store) hold(tx *gorm.DB, postID string) error {
	if s.ports.Posts == nil {
		return nil
	}
	return s.ports.Posts.Hold(tx, postID)
}
