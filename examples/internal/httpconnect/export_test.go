package httpconnect

import "io"

// ReadHead reads a head and drops it.
func ReadHead(r io.Reader) error {
	text := heads.Get()
	defer text.Release()
	_, err := readHead(text, r, nil)
	return err
}
