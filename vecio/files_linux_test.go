package vecio_test

import "testing"

func settledFiles(t testing.TB) int { return openFiles(t) }
