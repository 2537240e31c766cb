package kube

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// ErrNoEntry: nothing leads users in that the tool could find out.
var ErrNoEntry = errors.New("no way in was found")

// service is what of a Service matters here.
type service struct {
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Type  string `json:"type"`
		Ports []struct {
			Name     string `json:"name"`
			Port     int    `json:"port"`
			NodePort int    `json:"nodePort"`
		} `json:"ports"`
	} `json:"spec"`
	Status struct {
		LoadBalancer struct {
			Ingress []struct {
				IP       string `json:"ip"`
				Hostname string `json:"hostname"`
			} `json:"ingress"`
		} `json:"loadBalancer"`
	} `json:"status"`
}

// Entry is the address by which users come to a process: of its Service with the entry
// label, by its load balancer, or by its node port on loopback (where the cluster is this
// machine) or on a node's address. What it returns was reached just now. If there is
// none, the error wraps ErrNoEntry and says what was tried.
func (c Cluster) Entry(ctx context.Context, process string) (url string, err error) {
	var list struct {
		Items []service `json:"items"`
	}
	if err := c.get(ctx, &list, "get", "services", "--selector", EntryLabel+"=true,"+ProcessLabel+"="+process); err != nil {
		return "", err
	}
	if len(list.Items) == 0 {
		return "", fmt.Errorf("%w: %s has no Service labelled %s=true: give the address with --url", ErrNoEntry, process, EntryLabel)
	}
	var tried []string
	for _, s := range list.Items {
		addresses, why := c.addresses(ctx, s)
		if why != "" {
			tried = append(tried, "service "+s.Metadata.Name+": "+why)
		}
		for _, a := range addresses {
			if err := dial(ctx, a); err != nil {
				tried = append(tried, err.Error())
				continue
			}
			return "http://" + a, nil
		}
	}
	return "", fmt.Errorf("%w: %s; give the address with --url", ErrNoEntry, strings.Join(tried, "; "))
}

// addresses at which a Service may answer, the likeliest first; why there are none.
func (c Cluster) addresses(ctx context.Context, s service) (all []string, why string) {
	if len(s.Spec.Ports) == 0 {
		return nil, "it has no port"
	}
	port := s.Spec.Ports[0]
	for _, p := range s.Spec.Ports {
		if p.Name == "http" {
			port = p
		}
	}
	for _, in := range s.Status.LoadBalancer.Ingress {
		if host := in.Hostname + in.IP; host != "" {
			all = append(all, net.JoinHostPort(host, strconv.Itoa(port.Port)))
		}
	}
	switch {
	case len(all) > 0:
		return all, ""
	case port.NodePort != 0:
		at := strconv.Itoa(port.NodePort)
		all = append(all, net.JoinHostPort("127.0.0.1", at))
		for _, host := range c.nodeAddresses(ctx) {
			all = append(all, net.JoinHostPort(host, at))
		}
		return all, ""
	case s.Spec.Type == "LoadBalancer":
		return nil, "its load balancer has no address yet"
	default:
		return nil, "its type is " + s.Spec.Type + ", which leads nobody in from outside"
	}
}

// nodeAddresses, those from outside first. Who may not list nodes has none.
func (c Cluster) nodeAddresses(ctx context.Context) []string {
	var list struct {
		Items []struct {
			Status struct {
				Addresses []struct {
					Type    string `json:"type"`
					Address string `json:"address"`
				} `json:"addresses"`
			} `json:"status"`
		} `json:"items"`
	}
	if c.get(ctx, &list, "get", "nodes") != nil {
		return nil
	}
	var outside, inside []string
	for _, n := range list.Items {
		for _, a := range n.Status.Addresses {
			switch a.Type {
			case "ExternalIP":
				outside = append(outside, a.Address)
			case "InternalIP":
				inside = append(inside, a.Address)
			}
		}
	}
	return append(outside, inside...)
}

func dial(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("nobody answers at %s (%w)", address, err)
	}
	return conn.Close()
}
