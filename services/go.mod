module banyan.dev/services

go 1.26.0

require (
	banyan.dev/features v0.0.0
	banyan.dev/platform v0.0.0
)

require github.com/stretchr/testify v1.12.1 // indirect

replace banyan.dev/platform => ../platform

replace banyan.dev/features => ../features

exclude golang.org/x/exp v0.0.0-20261011100332-faecfb24eb49
