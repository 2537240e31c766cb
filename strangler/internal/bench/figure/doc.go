// Package figure is the arithmetic of benchmarks whose contenders take turns:
// medians, ratios between what two of them reached in the same rounds, and goals. It
// knows nothing of what was measured.
package figure
