package dataplane_test

import (
	"strings"
	"testing"
)

// Where a body ends must be said once and in one way.
func TestAttacksOnTheLength(t *testing.T) {
	length := func(lines, body string) string { return post + lines + "\r\n" + body }
	const ending = "0\r\n\r\n"
	run(t, []attack{
		refused("both lengths", length("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", ending+smuggled), 400),
		refused("both lengths, the other order", length("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", ending+smuggled), 400),
		refused("both lengths, with an end", length("Connection: close\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", ending), 400),
		refused("both lengths on a GET", get+"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"+ending+smuggled, 400),
		refused("two different lengths", length("Content-Length: 0\r\nContent-Length: 45\r\n", smuggled), 400),
		refused("the same length twice", length("Content-Length: 0\r\ncontent-length: 0\r\n", smuggled), 400),
		refused("a length and another named away", length("Connection: Content-Length\r\nContent-Length: 0\r\nContent-Length: 45\r\n", smuggled), 400),
		refused("a list of equal lengths", length("Content-Length: 5, 5\r\n", "hello"), 400),
		refused("a list of lengths", length("Content-Length: 0, 45\r\n", smuggled), 400),
		refused("a signed length", length("Content-Length: +5\r\n", "hello"), 400),
		refused("a negative length", length("Content-Length: -1\r\n", smuggled), 400),
		refused("minus nothing", length("Content-Length: -0\r\n", smuggled), 400),
		refused("a hexadecimal length", length("Content-Length: 0x5\r\n", "hello"), 400),
		refused("an exponent", length("Content-Length: 1e3\r\n", smuggled), 400),
		refused("a fraction", length("Content-Length: 5.0\r\n", "hello"), 400),
		refused("an underscore between digits", length("Content-Length: 1_0\r\n", "hellohello"), 400),
		refused("a blank between digits", length("Content-Length: 4 5\r\n", smuggled), 400),
		refused("other digits", length("Content-Length: \u0665\r\n", "hello"), 400),
		refused("a length beyond 64 bits", length("Content-Length: 18446744073709551621\r\n", "hello"), 400),
		refused("a length of nines", length("Content-Length: "+strings.Repeat("9", 400)+"\r\n", "hello"), 400),
		refused("an empty length", length("Content-Length:\r\n", smuggled), 400),
		refused("a length of letters", length("Content-Length: five\r\n", "hello"), 400),
		refused("a quoted length", length("Content-Length: \"5\"\r\n", "hello"), 400),
		refused("a blank before the length's colon", length("Content-Length : 5\r\n", "hello"), 400),
		refused("a length with a form feed", length("Content-Length: 5\f\r\n", "hello"), 400),
		refused("a length with NUL", length("Content-Length: 5\x00\r\n", "hello"), 400),
		passes("blanks around the length", length("Content-Length: \t 5\r\n", "hello"), "POST / hello"),
		passes("leading zeros", length("Content-Length: 0000000005\r\n", "hello"), "POST / hello"),
		passes("zero and a request", length("Content-Length: 0\r\n", smuggled), "POST / ", "GET /smuggled "), // two honest ones
		passes("no length", length("", smuggled), "POST / ", "GET /smuggled "),
		passes("an underscore in the name", length("Content_Length: 45\r\n", smuggled), "POST / ", "GET /smuggled "),
		passes("a GET with a body", get+"Content-Length: "+itoa(len(smuggled))+"\r\n\r\n"+smuggled, "GET / "+smuggled),
		passes("a HEAD with a body", "HEAD / HTTP/1.1\r\nHost: blog\r\nContent-Length: "+itoa(len(smuggled))+"\r\n\r\n"+smuggled, "HEAD / "+smuggled),
		passes("OPTIONS with a body", "OPTIONS / HTTP/1.1\r\nHost: blog\r\nContent-Length: "+itoa(len(smuggled))+"\r\n\r\n"+smuggled, "OPTIONS / "+smuggled),
		passes("two honest requests at once", "POST /1 HTTP/1.1\r\nHost: blog\r\nContent-Length: 2\r\n\r\nhiGET /2 HTTP/1.1\r\nHost: blog\r\n\r\n", "POST /1 hi", "GET /2 "),
		{name: "the body of an unknown path", send: "POST /internal HTTP/1.1\r\nHost: blog\r\nContent-Length: " + itoa(len(smuggled)) + "\r\n\r\n" + smuggled, status: []int{404}, open: true},
		refused("a long body of an unknown path", "POST /internal HTTP/1.1\r\nHost: blog\r\nContent-Length: 9000\r\n\r\n"+strings.Repeat(smuggled, 250), 404),
	})
}

// Only one coding is known, in one spelling.
func TestAttacksOnTheCoding(t *testing.T) {
	coding := func(lines string) string { return post + lines + "\r\n0\r\n\r\n" + smuggled }
	run(t, []attack{
		refused("chunked twice in a list", coding("Transfer-Encoding: chunked, chunked\r\n"), 400),
		refused("chunked twice", coding("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400),
		refused("chunked and another", coding("Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n"), 400),
		refused("another and chunked", coding("Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n"), 400),
		refused("chunked and nothing", coding("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n"), 400),
		refused("chunked and identity", coding("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), 400),
		refused("identity", post+"Transfer-Encoding: identity\r\n\r\n"+smuggled, 400),
		refused("identity with a length", post+"Transfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n"+smuggled, 400),
		refused("nothing", post+"Transfer-Encoding:\r\n\r\n"+smuggled, 400),
		refused("xchunked", coding("Transfer-Encoding: xchunked\r\n"), 400),
		refused("chunkedx", coding("Transfer-Encoding: chunkedx\r\n"), 400),
		refused("chunk", coding("Transfer-Encoding: chunk\r\n"), 400),
		refused("gzip", coding("Transfer-Encoding: gzip\r\n"), 400),
		refused("gzip, chunked", coding("Transfer-Encoding: gzip, chunked\r\n"), 400),
		refused("chunked, gzip", coding("Transfer-Encoding: chunked, gzip\r\n"), 400),
		refused("a parameter", coding("Transfer-Encoding: chunked;q=1\r\n"), 400),
		refused("a comma before", coding("Transfer-Encoding: , chunked\r\n"), 400),
		refused("a comma behind", coding("Transfer-Encoding: chunked,\r\n"), 400),
		refused("quotes", coding("Transfer-Encoding: \"chunked\"\r\n"), 400),
		refused("apostrophes", coding("Transfer-Encoding: 'chunked'\r\n"), 400),
		refused("a vertical tab before", coding("Transfer-Encoding: \vchunked\r\n"), 400),
		refused("a vertical tab behind", coding("Transfer-Encoding: chunked\v\r\n"), 400),
		refused("a form feed", coding("Transfer-Encoding: \fchunked\r\n"), 400),
		refused("NUL", coding("Transfer-Encoding: chunked\x00\r\n"), 400),
		refused("DEL", coding("Transfer-Encoding: \x7fchunked\r\n"), 400),
		refused("a hard blank", coding("Transfer-Encoding: \u00a0chunked\r\n"), 400),
		refused("a byte beyond ASCII", coding("Transfer-Encoding: \xffchunked\r\n"), 400),
		refused("a long s", coding("Tran\u017ffer-Encoding: chunked\r\n"), 400),
		refused("a long s with a length", post+"Content-Length: 0\r\nTran\u017ffer-Encoding: chunked\r\n\r\n"+smuggled, 400),
		refused("a carriage return", coding("Transfer-Encoding: chunked\r\r\n"), 400),
		refused("a carriage return before", coding("Transfer-Encoding: \rchunked\r\n"), 400),
		refused("a blank before the colon", coding("Transfer-Encoding : chunked\r\n"), 400),
		refused("a tab before the colon", coding("Transfer-Encoding\t: chunked\r\n"), 400),
		refused("a vertical tab before the colon", coding("Transfer-Encoding\v: chunked\r\n"), 400),
		refused("a blank before the name", coding(" Transfer-Encoding: chunked\r\n"), 400),
		refused("a line break before the colon", coding("Transfer-Encoding\r\n: chunked\r\n"), 400),
		refused("folded", coding("Transfer-Encoding:\r\n chunked\r\n"), 400),
		refused("folded into another", coding("X-A: b\r\n\tTransfer-Encoding: chunked\r\n"), 400),
		refused("behind a bare LF", coding("X-A: b\nTransfer-Encoding: chunked\r\n"), 400),
		refused("behind a bare CR", coding("X-A: b\rTransfer-Encoding: chunked\r\n"), 400),
		refused("in HTTP/1.0", "POST / HTTP/1.0\r\nHost: blog\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+smuggled, 400),
		refused("in HTTP/1.0, kept alive", "POST / HTTP/1.0\r\nHost: blog\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+smuggled, 400),
		passes("a tab and blanks around", coding("Transfer-Encoding:\t chunked\r\n"), "POST / ", "GET /smuggled "), // two honest ones
		passes("capitals", coding("TRANSFER-ENCODING: ChunkeD\r\n"), "POST / ", "GET /smuggled "),
		passes("an underscore in the name", post+"Transfer_Encoding: chunked\r\n\r\n"+smuggled, "POST / ", "GET /smuggled "),
		passes("named away", post+"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "POST / hi"),
		passes("on a GET", get+"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"+smuggled, "GET / hi", "GET /smuggled "),
	})
}

// Chunks are read strictly, and written anew to the owner.
func TestAttacksOnChunks(t *testing.T) {
	const chunked = post + "Transfer-Encoding: chunked\r\n\r\n"
	const end = "0\r\n\r\n"
	var rows []attack
	bad := func(name, body string) { rows = append(rows, refused(name, chunked+body, 400)) }
	good := func(name, body string, seen string) { rows = append(rows, passes(name, chunked+body, "POST / "+seen)) }

	bad("too much data", "2\r\nhiX\r\n"+end+smuggled)
	bad("too little data", "3\r\nhi\r\n"+end+smuggled)
	bad("no line break behind the data", "2\r\nhi"+end+smuggled)
	bad("LF behind the data", "2\r\nhi\n"+end+smuggled)
	bad("CR behind the data", "2\r\nhi\r"+end+smuggled)
	bad("two other bytes behind the data", "2\r\nhiXX"+end+smuggled)
	bad("LF behind the size", "2\nhi\r\n"+end+smuggled)
	bad("CR behind the size", "2\rhi\r\n"+end+smuggled)
	bad("LF CR behind the size", "2\n\rhi\r\n"+end+smuggled)
	bad("a plus", "+2\r\nhi\r\n"+end)
	bad("a minus", "-2\r\nhi\r\n"+end)
	bad("0x", "0x2\r\nhi\r\n"+end)
	bad("an underscore", "0_2\r\nhi\r\n"+end)
	bad("a dot", "2.0\r\nhi\r\n"+end)
	bad("a blank before the size", " 2\r\nhi\r\n"+end)
	bad("a tab before the size", "\t2\r\nhi\r\n"+end)
	bad("no size", "\r\nhi\r\n"+end)
	bad("no size but an extension", ";a=b\r\nhi\r\n"+end)
	bad("no hexadecimal size", "g\r\nhi\r\n"+end)
	bad("NUL behind the size", "2\x00\r\nhi\r\n"+end)
	bad("a comma behind the size", "2,3\r\nhi\r\n"+end)
	bad("two sizes", "2 3\r\nhi\r\n"+end)
	bad("an overflow of 64 bits", "10000000000000002\r\nhi\r\n"+end)
	bad("an overflow of 63 bits", "8000000000000002\r\nhi\r\n"+end)
	bad("more zeros than a size has", strings.Repeat("0", 40)+"2\r\nhi\r\n"+end)
	bad("LF within an extension", "2;\nhi\r\n"+end+smuggled)
	bad("LF behind an extension", "2;a=b\nhi\r\n"+end+smuggled)
	bad("CR within an extension", "2;a\rb\r\nhi\r\n"+end+smuggled)
	bad("NUL within an extension", "2;a=\x00\r\nhi\r\n"+end)
	bad("an endless extension", "2;"+strings.Repeat("a", 20000)+"\r\nhi\r\n"+end)
	bad("an extension for each byte", strings.Repeat("1;"+strings.Repeat("a", 1000)+"\r\nx\r\n", 200)+end)
	bad("LF at the end", "2\r\nhi\r\n0\n\n"+smuggled)
	bad("LF behind the last size", "2\r\nhi\r\n0\n\r\n"+smuggled)
	bad("LF as the last line", "2\r\nhi\r\n0\r\n\n"+smuggled)
	bad("CR as the last line", "2\r\nhi\r\n0\r\n\r"+smuggled)
	bad("LF behind a trailer", "2\r\nhi\r\n0\r\nX-A: b\n\r\n"+smuggled)
	bad("LF twice behind a trailer", "2\r\nhi\r\n0\r\nX-A: b\n\n"+smuggled)
	bad("CR within a trailer", "2\r\nhi\r\n0\r\nX-A: b\rX-B: c\r\n\r\n")
	bad("NUL within a trailer", "2\r\nhi\r\n0\r\nX-A: \x00\r\n\r\n")
	bad("a folded trailer", "2\r\nhi\r\n0\r\nX-A: b\r\n c\r\n\r\n")
	bad("a trailer without a colon", "2\r\nhi\r\n0\r\nhello\r\n\r\n")
	bad("a trailer with a blank before its colon", "2\r\nhi\r\n0\r\nX-A : b\r\n\r\n")
	bad("a request instead of a trailer", "2\r\nhi\r\n0\r\n"+smuggled)
	bad("a second size as a trailer", "0\r\n2\r\nhi\r\n"+end)
	bad("too long trailers", "2\r\nhi\r\n0\r\nX-A: "+strings.Repeat("b", 20000)+"\r\n\r\n")
	bad("too many trailers", "2\r\nhi\r\n0\r\n"+strings.Repeat("X-A: b\r\n", 5000)+"\r\n")
	bad("a trailer that sets a length", "2\r\nhi\r\n0\r\nContent-Length: 45\r\n\r\n")
	bad("a trailer that sets a coding", "2\r\nhi\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n")
	bad("a trailer that sets a host", "2\r\nhi\r\n0\r\nHost: evil\r\n\r\n")

	good("an extension", "2;a=b\r\nhi\r\n"+end, "hi")
	good("a quoted extension", "2;a=\"b;c\"\r\nhi\r\n0;last\r\n\r\n", "hi")
	good("an extension that looks like chunks", "2;0\"\r\nhi\r\n"+end, "hi")
	good("capitals and small letters", "A\r\n0123456789\r\na\r\n0123456789\r\n"+end, "01234567890123456789")
	good("leading zeros", "000002\r\nhi\r\n00\r\n\r\n", "hi")
	good("blanks behind the size", "2 \t\r\nhi\r\n0 \r\n\r\n", "hi")
	good("a request as data", "2b\r\n"+smuggled+"hello\r\n"+end, smuggled+"hello")
	good("an end as data", "5\r\n"+end+"\r\n"+end, end)
	good("trailers", "2\r\nhi\r\n0\r\nX-Sum: abc\r\n\r\n", "hi")
	good("a trailer that claims", "2\r\nhi\r\n0\r\nX-User-Id: evil\r\nX-Forwarded-For: 6.6.6.6\r\nAuthorization: evil\r\nCookie: a=b\r\n\r\n", "hi")
	rows = append(rows,
		passes("a request behind the end", chunked+"2\r\nhi\r\n"+end+smuggled, "POST / hi", "GET /smuggled "), // two honest ones
		refused("chunks of an unknown path", "POST /internal HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding: chunked\r\n\r\n"+smuggled, 404),
	)
	run(t, rows)
}

// A client that asks whether it may send its body must not get it in as a request.
func TestAttacksByExpectation(t *testing.T) {
	const asks = post + "Expect: 100-continue\r\n"
	run(t, []attack{
		refused("another expectation", post+"Expect: 101-switch\r\nContent-Length: 0\r\n\r\n"+smuggled, 417),
		refused("a list of expectations", post+"Expect: 100-continue, x\r\nContent-Length: 0\r\n\r\n"+smuggled, 417),
		refused("both lengths", asks+"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+smuggled, 400),
		refused("an unknown path", "POST /internal HTTP/1.1\r\nHost: blog\r\nExpect: 100-continue\r\nContent-Length: "+itoa(len(smuggled))+"\r\n\r\n"+smuggled, 404),
		{name: "without a body", send: asks + "\r\n" + smuggled, status: []int{100, 200, 200}, owner: []string{"POST / ", "GET /smuggled "}},
	})
}
