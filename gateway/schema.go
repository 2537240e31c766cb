package main

import (
	_ "embed"
	"io"

	"github.com/spf13/cobra"
)

// schema is the JSON Schema of gateway.yaml, for editors. It is of draft-07: what
// yaml-language-server and the editors built on it understand whole; of later
// drafts they know parts. The parser remains the judge: tests keep the two in step.
//
//go:embed gateway.schema.json
var schema []byte

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Prints the JSON Schema of the configuration, for editors", Args: cobra.NoArgs,
		Long: "Prints the JSON Schema (draft-07) of the configuration. Editors complete and explain a file that begins with\n" +
			"# yaml-language-server: $schema=gateway.schema.json",
		RunE: func(cmd *cobra.Command, _ []string) error { return printSchema(cmd.OutOrStdout()) },
	}
}

func printSchema(out io.Writer) error {
	_, err := out.Write(schema)
	return err
}
