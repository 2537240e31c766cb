package kube

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Tunnels lead from ports on loopback to ports of pods, by `kubectl port-forward`, one
// child for each pod. One that breaks is made again, at the same local ports, until its
// pod is gone. It is safe for concurrent use; Close ends all of them.
type Tunnels struct {
	cluster Cluster

	mu      sync.Mutex
	open    map[string]*tunnel // by pod
	closed  bool
	running sync.WaitGroup
}

// NewTunnels to pods of the cluster's namespace.
func NewTunnels(c Cluster) *Tunnels { return &Tunnels{cluster: c, open: map[string]*tunnel{}} }

// tunnel is one child, or several after another.
type tunnel struct {
	target string // pod/NAME
	stop   context.CancelFunc
	first  chan struct{} // closed when the first child listens, or has failed
	gone   chan struct{} // closed when no child will come any more
	local  map[int]int   // by the pod's port; fixed once first is closed
	err    error         // why there is none; set before gone is closed
}

// To returns the local address of each of a pod's ports, such as 127.0.0.1:43211. The
// first asking opens the tunnel; ports are the same at each asking.
func (t *Tunnels) To(ctx context.Context, pod string, ports ...int) (map[int]string, error) {
	one, err := t.tunnel("pod/"+pod, ports)
	if err != nil {
		return nil, err
	}
	select {
	case <-one.first:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	addresses := map[int]string{}
	for _, port := range ports {
		local, is := one.local[port]
		if !is {
			return nil, fmt.Errorf("reach port %d of pod %s: %w", port, pod, one.why())
		}
		addresses[port] = "127.0.0.1:" + strconv.Itoa(local)
	}
	return addresses, nil
}

func (o *tunnel) why() error {
	select {
	case <-o.gone:
		return o.err
	default:
		return errors.New("its tunnel was opened for other ports")
	}
}

// tunnel finds one that is open, or opens one.
func (t *Tunnels) tunnel(target string, ports []int) (*tunnel, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, errors.New("the tunnels are closed")
	}
	if one := t.open[target]; one != nil {
		select {
		case <-one.gone: // a pod of that name may be there again, as those of a StatefulSet are
		default:
			return one, nil
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	one := &tunnel{target: target, stop: cancel, first: make(chan struct{}), gone: make(chan struct{})}
	t.open[target] = one
	t.running.Go(func() { one.keep(ctx, t.cluster, ports) })
	return one, nil
}

// Only ends the tunnels to all pods but these. A child does not notice that its pod is
// gone until somebody comes by it.
func (t *Tunnels) Only(pods ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for target, one := range t.open {
		if !slices.Contains(pods, strings.TrimPrefix(target, "pod/")) {
			one.stop()
			delete(t.open, target)
		}
	}
}

// Close ends every tunnel and returns when their children are gone.
func (t *Tunnels) Close() {
	t.mu.Lock()
	t.closed = true
	for _, one := range t.open {
		one.stop()
	}
	t.mu.Unlock()
	t.running.Wait()
}

// againAfter is the pause before a broken tunnel is made again.
const againAfter = 100 * time.Millisecond

// keep runs one child after another. The first chooses the local ports, the others
// listen at the same.
func (o *tunnel) keep(ctx context.Context, c Cluster, ports []int) {
	defer close(o.gone)
	defer o.stop()
	want := make([]string, len(ports))
	for i, port := range ports {
		want[i] = ":" + strconv.Itoa(port)
	}
	opened := false
	for {
		err := c.forward(ctx, o.target, want, func(local map[int]int) {
			if !opened {
				opened = true
				o.local = local
				for i, port := range ports {
					want[i] = fmt.Sprintf("%d:%d", local[port], port)
				}
				close(o.first)
			}
		})
		if ctx.Err() != nil || !opened || NotFound(err) || over(err) {
			o.err = err
			if !opened {
				close(o.first)
			}
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(againAfter):
		}
	}
}

// over tells whether the pod is there no more but for its name.
func over(err error) bool {
	var e *Error
	return errors.As(err, &e) && strings.Contains(e.Said, "pod is not running")
}

// forward runs one child until it ends, and calls listening once with the local port of
// each of the ports.
func (c Cluster) forward(ctx context.Context, target string, ports []string, listening func(map[int]int)) error {
	args := append([]string{"port-forward", "--address", "127.0.0.1", target}, ports...)
	cmd := c.command(ctx, args)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("read what kubectl port-forward writes: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return &Error{Args: args, Err: err}
	}
	readForwards(out, len(ports), listening)
	if err := cmd.Wait(); err != nil {
		return &Error{Args: args, Said: lastWords(said.String()), Err: err}
	}
	return nil
}

// readForwards reads `Forwarding from 127.0.0.1:43211 -> 8080` for each port, and then
// to the end, so that the child never waits for a reader.
func readForwards(out io.Reader, ports int, listening func(map[int]int)) {
	local := map[int]int{}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		from, to, ok := parseForward(lines.Text())
		if !ok {
			continue
		}
		local[to] = from
		if len(local) == ports {
			listening(local)
		}
	}
}

func parseForward(line string) (local, remote int, ok bool) {
	rest, is := strings.CutPrefix(line, "Forwarding from 127.0.0.1:")
	if !is {
		return 0, 0, false
	}
	from, to, _ := strings.Cut(rest, " -> ")
	local, err := strconv.Atoi(from)
	if err != nil {
		return 0, 0, false
	}
	remote, err = strconv.Atoi(strings.TrimSpace(to))
	return local, remote, err == nil
}
