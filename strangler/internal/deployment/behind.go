package deployment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"banyan.dev/platform/lag"
)

// tellsWithin bounds one replica's answer, and allTellWithin that of all hosts: who asks
// wants to know how it is now.
const (
	tellsWithin   = 2 * time.Second
	allTellWithin = 5 * time.Second
)

// Behind asks every host how far its events are and returns a line for each relay and each
// consumer group that is behind, and for each host that can't say; none is good news.
// Under traffic something always is a little behind.
func (r *Run) Behind(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, allTellWithin)
	defer cancel()
	var hosts []string
	for _, name := range sortedKeys(r.path.Processes) {
		if r.path.Processes[name].Host() {
			hosts = append(hosts, name)
		}
	}
	said := make([][]string, len(hosts))
	var all sync.WaitGroup
	for i, host := range hosts {
		urls := r.adminURLs(host)
		if len(urls) == 0 {
			continue
		}
		client := lag.NewClient(lag.ClientConfig{Name: host, URLs: urls, Token: r.state.Token, Within: tellsWithin})
		all.Go(func() {
			defer client.Close()
			report, err := client.Report(ctx)
			said[i] = lagging(host, report, err)
		})
	}
	all.Wait()
	return slices.Concat(said...)
}

// lagging is one host's answer in words. One that has no events has nothing to say.
func lagging(host string, report lag.Report, err error) []string {
	switch {
	case errors.Is(err, lag.ErrSilent):
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return []string{fmt.Sprintf("%s does not say within %s how far its events are: its database or the broker keeps it waiting", host, tellsWithin)}
	case err != nil:
		return []string{fmt.Sprintf("%s does not say how far its events are: %s", host, strings.ReplaceAll(err.Error(), "\n", "; "))}
	}
	var lines []string
	if n := report.Outbox.Waiting; n > 0 {
		lines = append(lines, fmt.Sprintf("%s: its relay has %d events to send, from id %d to %d", host, n, report.Outbox.First, report.Outbox.Last))
	}
	var groups []string
	missing, where := map[string]int64{}, map[string][]string{}
	for _, p := range report.Groups {
		n := p.End - p.Next
		if n <= 0 {
			continue
		}
		if missing[p.Group] == 0 {
			groups = append(groups, p.Group)
		}
		missing[p.Group] += n
		where[p.Group] = append(where[p.Group], fmt.Sprintf("%d in partition %d of %s", n, p.Partition, p.Topic))
	}
	for _, g := range groups {
		places := where[g]
		if more := len(places) - placesShown; more > 0 {
			places = append(slices.Clone(places[:placesShown]), fmt.Sprintf("the rest in %d more", more))
		}
		lines = append(lines, fmt.Sprintf("%s: group %s has %d messages to apply: %s", host, g, missing[g], strings.Join(places, ", ")))
	}
	return lines
}

// placesShown keeps a line a line.
const placesShown = 6
