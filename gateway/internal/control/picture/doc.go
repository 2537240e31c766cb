// Package picture lays the topology picture out: clients, the gateway, the owners
// with their replicas, and what these use, with what flows between them. A status
// goes in; shapes with places come out, which package page writes as SVG.
//
// Nothing but size and text follows the traffic: a place depends on which owners,
// replicas and routes there are, so that the picture stands still while its numbers
// move. Who can't tell colours apart sees dashes and shapes instead.
package picture
