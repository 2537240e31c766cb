// Command write brings the schemas in step with the events' types, or says what
// somebody could not read any more. It runs in the folder of the schemas.
package main

import (
	"fmt"
	"os"

	"banyan.dev/features/contracts"
	"banyan.dev/features/contracts/schemas"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}

func run() error {
	docs, err := schemas.ReadDocs("..")
	if err != nil {
		return err
	}
	for _, eventType := range contracts.EventTypes() {
		e, _ := contracts.Zero(eventType)
		name, content, err := schemas.Next(os.DirFS("."), e, docs)
		if err != nil {
			return err
		}
		if name == "" {
			continue
		}
		if err := os.WriteFile(name, content, 0o644); err != nil {
			return fmt.Errorf("write schema: %w", err)
		}
		fmt.Println("written:", name)
	}
	return nil
}
