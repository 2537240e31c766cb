package tangle_test

import (
	"testing"

	"go.uber.org/goleak"

	"banyan.dev/monolith/internal/storetest"
	"banyan.dev/monolith/internal/tangle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTangleIsEveryFeaturesStore(t *testing.T) {
	database := storetest.Databases(t, nil)
	storetest.Run(t, func(t *testing.T) storetest.Stores { return storetest.Of(tangle.New(database(t))) })
}
