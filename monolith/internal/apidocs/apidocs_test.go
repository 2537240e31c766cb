package apidocs_test

import (
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts/openapi"
	"banyan.dev/monolith/internal/apidocs"
)

func TestThePageShowsEveryOperation(t *testing.T) {
	e := echo.New()
	require.NoError(t, apidocs.Register(e, openapi.Document))
	answer := httptest.NewRecorder()
	e.ServeHTTP(answer, httptest.NewRequest("GET", "/api/docs", nil))
	require.Equal(t, 200, answer.Code)
	for _, want := range []string{"/api/v1/posts/{id}/comments", "Sign in", "DELETE", "openapi.yaml"} {
		require.Contains(t, answer.Body.String(), want)
	}
	require.NotContains(t, answer.Body.String(), "<script")
}

func TestADocumentThatCanNotBeReadStopsTheStart(t *testing.T) {
	require.Error(t, apidocs.Register(echo.New(), []byte("paths: [")))
}
