module banyan.dev/services

go 1.26.0

replace banyan.dev/platform => ../platform

replace banyan.dev/features => ../features

exclude golang.org/x/exp v0.0.0-20261011100332-faecfb24eb49
