package shadow

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
)

// decode undoes a content coding: gzip, deflate or br. The copy carries the client's
// Accept-Encoding, so that both owners choose among the same codings; they may still
// choose differently. A coding that isn't known, or data that is none, can't be
// compared. The result is bounded like the body: a bomb is skipped.
func decode(body []byte, coding string, limit int) ([]byte, error) {
	coding = strings.ToLower(strings.TrimSpace(coding))
	if coding == "" || coding == "identity" || len(body) == 0 {
		return body, nil
	}
	from, err := reader(coding, body)
	if err != nil {
		return nil, &skipped{fmt.Sprintf("the body's coding %q can't be undone: %v", coding, err)}
	}
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(from, int64(limit)+1))
	if err != nil {
		return nil, &skipped{fmt.Sprintf("the body's coding %q can't be undone: %v", coding, err)}
	}
	if n > int64(limit) {
		return nil, errTooLong
	}
	return out.Bytes(), nil
}

var errCoding = errors.New("unknown")

func reader(coding string, body []byte) (io.Reader, error) {
	switch coding {
	case "gzip", "x-gzip":
		return gzip.NewReader(bytes.NewReader(body))
	case "deflate": // zlib, as RFC 9110 says
		return zlib.NewReader(bytes.NewReader(body))
	case "br":
		return brotli.NewReader(bytes.NewReader(body)), nil
	}
	return nil, errCoding
}
