package load

import (
	"errors"
	"io"
	"net"
	"net/rpc"
	"os"
)

// service is what a Generator calls: its methods are the measurements.
// One call at a time.
type service struct {
	seeds uint64
	crowd []net.Conn // see Gather
}

// seed returns the seed of the next stream.
func (s *service) seed() uint64 {
	s.seeds++
	return s.seeds
}

const serviceName = "Load"

// Main is the load generator's process: it serves a Generator on its standard
// input and output until the input ends.
func Main() error {
	server := rpc.NewServer()
	if err := server.RegisterName(serviceName, &service{}); err != nil {
		return err
	}
	server.ServeConn(pipes{os.Stdin, os.Stdout})
	return nil
}

// pipes are the two directions of a conversation.
type pipes struct {
	io.ReadCloser
	out io.WriteCloser
}

func (p pipes) Write(b []byte) (int, error) { return p.out.Write(b) }

func (p pipes) Close() error { return errors.Join(p.out.Close(), p.ReadCloser.Close()) }
