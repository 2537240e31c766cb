package current

import (
	"fmt"
	"reflect"

	"banyan.dev/gateway/internal/config"
)

// keepsEpochs tells whether a configuration leaves every resource at least where it
// is. Who has moved one has fenced the owner before: requests sent there would be
// refused at best. A configuration that doesn't name the resource any more is another
// thing: its routes have owners of their own.
func keepsEpochs(running, next *config.Config) error {
	for _, is := range running.Resources {
		to := next.Resource(is.Name)
		switch {
		case to == nil:
		case to.Epoch < is.Epoch:
			return fmt.Errorf("%w: %s belongs to %s since epoch %d, and epoch %d is over; read what is in force and change that", ErrOutrun, is.Name, is.Owner, is.Epoch, to.Epoch)
		case to.Epoch == is.Epoch && to.Owner != is.Owner:
			return fmt.Errorf("%w: %s belongs to %s in epoch %d; giving it to %s takes a later one", ErrOutrun, is.Name, is.Owner, is.Epoch, to.Owner)
		}
	}
	return nil
}

// saysTheSame tells whether a file of the revision in force says what is in force, in
// other words: who moves something writes the file and tells the admin API, and
// either may be here first.
func saysTheSame(file, running *config.Config) bool {
	if file.Revision == 0 || file.Revision != running.Revision {
		return false
	}
	a, b := *file, *running
	a.Source, b.Source = nil, nil
	return reflect.DeepEqual(a, b)
}
