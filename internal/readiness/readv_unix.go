//go:build unix && !linux

package readiness

// readv fills bufs in order by single reads: it stops at the first that
// stays short, and keeps what follows it for the next call.
func readv(fd uintptr, bufs [][]byte) (int, error) {
	var total int
	for _, b := range bufs {
		if len(b) == 0 {
			continue
		}
		n, err := read(fd, b)
		total += n
		if err != nil {
			if total > 0 {
				return total, nil
			}
			return 0, err
		}
		if n < len(b) {
			break
		}
	}
	return total, nil
}
