package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/policy"
)

// asked is a request that `gateway routes` decides about without sending it.
type asked struct {
	method, target string
	headers        []string // "Name: value"
	cookies        []string // name=value
	client         string   // an address
}

func routesCommand() *cobra.Command {
	var (
		request asked
		asJSON  bool
	)
	c := &cobra.Command{
		Use: "routes FILE [METHOD PATH]", Short: "Says who would answer a request, and why; or lists the routes",
		Long: "Says who would answer a request, and why: by the same code that decides when the gateway serves. The exit\n" +
			"status is 0 when an owner would answer, and 1 when the gateway would refuse.\n" +
			"Without METHOD and PATH it lists the routes in the order of precedence. - is the standard input.",
		Example: "  gateway routes gateway.yaml\n  gateway routes gateway.yaml GET /api/v1/posts/7/comments --cookie banyan_user=0123456789abcdef0123456789abcdef",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 3 {
				return fmt.Errorf("routes: %d arguments; write FILE, or FILE METHOD PATH", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := readConfig(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return listRoutes(cmd.OutOrStdout(), c, asJSON)
			}
			request.method, request.target = args[1], args[2]
			return explainRoute(cmd.OutOrStdout(), c, request, asJSON)
		},
	}
	c.Flags().StringArrayVar(&request.headers, "header", nil, "a header of the request, as in 'X-Api-Key: 7'; may be repeated")
	c.Flags().StringArrayVar(&request.cookies, "cookie", nil, "a cookie of the request, as in name=value; may be repeated")
	c.Flags().StringVar(&request.client, "client", "", "the client's address, as in 192.0.2.7")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return c
}

func explainRoute(out io.Writer, c *config.Config, request asked, asJSON bool) error {
	req, err := request.view(time.Now())
	if err != nil {
		return err
	}
	d := decide(c, request, req, []byte(os.Getenv("CANARY_KEY")))
	if asJSON {
		err = writeJSON(out, d)
	} else if _, err = io.WriteString(out, d.text()); err != nil {
		err = fmt.Errorf("routes: write the decision: %w", err)
	}
	if err == nil && d.Refused != nil {
		err = fmt.Errorf("routes: %s %s would be answered %d by the gateway itself", request.method, request.target, d.Refused.Status)
	}
	return err
}

// view is the request as the policies look at it. Its path is not canonical yet.
func (a asked) view(now time.Time) (*policy.Request, error) {
	headers := sentHeaders{}
	for _, line := range a.headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.TrimSpace(name) != name {
			return nil, fmt.Errorf("--header %q is no header; write it as in 'X-Api-Key: 7'", line)
		}
		http.Header(headers).Add(name, strings.TrimSpace(value))
	}
	req := &policy.Request{Method: []byte(a.method), Headers: headers, Tester: headers.Value(config.OverrideHeader), Now: now}
	for _, line := range http.Header(headers).Values("Cookie") {
		req.Cookies = append(req.Cookies, []byte(line))
	}
	for _, pair := range a.cookies {
		if name, _, ok := strings.Cut(pair, "="); !ok || name == "" || strings.ContainsAny(pair, ";\r\n") {
			return nil, fmt.Errorf("--cookie %q is no cookie; write it as in name=value", pair)
		}
		req.Cookies = append(req.Cookies, []byte(pair))
	}
	if a.client != "" {
		address, err := netip.ParseAddr(a.client)
		if err != nil {
			return nil, fmt.Errorf("--client %q is no address; write it as in 192.0.2.7", a.client)
		}
		req.Client = address
	}
	return req, nil
}

// sentHeaders are headers for the policies to look up.
type sentHeaders http.Header

// Value is the header's first value, or nothing.
func (h sentHeaders) Value(name string) []byte { return []byte(http.Header(h).Get(name)) }

// listed is a route in the list, as JSON says it.
type listed struct {
	Name     string   `json:"name"`
	Methods  []string `json:"methods"` // empty: any
	Path     string   `json:"path"`
	Owner    string   `json:"owner"`
	Timeout  string   `json:"timeout"`
	Policies []string `json:"policies"`
}

// listRoutes writes the routes so that of two that take a request the upper one
// answers.
func listRoutes(out io.Writer, c *config.Config, asJSON bool) error {
	list := []listed{}
	for _, r := range policy.New(c).InOrder() {
		list = append(list, listed{
			Name: r.Name, Methods: append([]string{}, r.Methods...), Path: r.Pattern, Owner: r.Owner.Name,
			Timeout: r.Timeout.String(), Policies: append([]string{}, routePolicies(c.Routes[r.Index])...),
		})
	}
	if asJSON {
		return writeJSON(out, list)
	}
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "NAME\tMETHODS\tPATH\tOWNER\tTIMEOUT\tPOLICIES")
	for _, r := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, methods(r.Methods), r.Path, r.Owner, r.Timeout, strings.Join(r.Policies, "; "))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("routes: write the list: %w", err)
	}
	return nil
}

func methods(of []string) string {
	if len(of) == 0 {
		return "any"
	}
	return strings.Join(of, ",")
}

func writeJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("routes: write JSON: %w", err)
	}
	return nil
}
