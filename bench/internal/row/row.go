// Package row describes the rows of the scorecard, and starts their
// processes. A row is data: which programs to start with which arguments,
// and which of them the load dials.
package row

// A Row is one line of the scorecard.
type Row struct {
	Name string
	// Peer marks a program of somebody else: it is shown beside ours, and no
	// verdict depends on it.
	Peer bool
	// Apart leaves the row out of runs that do not ask for it by name.
	Apart bool
	// Steps are the processes in the order in which they are started. The
	// load dials the last one, a SOCKS5 proxy. Without steps it dials the
	// target itself: that is the baseline.
	Steps []Step
	// Warm says what a connection is that is not the first of its client:
	// "fresh" (nothing is shared with earlier ones), "resumed" (a TLS session
	// is resumed) or "pooled" (it is a stream of a session that is there, or
	// takes a connection that is).
	Warm string
}

// Processes returns the names of the row's processes.
func (r Row) Processes() []string {
	names := make([]string, len(r.Steps))
	for i, s := range r.Steps {
		names[i] = s.Name
	}
	return names
}

// A Side is an end of the link between client and server.
type Side int

const (
	ServerSide Side = iota // where the target is
	ClientSide             // where the load generator is
)

// A Step is one process of a row. Args and Files are templates in the manner
// of os.Expand: ${listen}, ${host} and ${port} are where this process is to
// listen, ${NAME}, ${NAME.host} and ${NAME.port} where the step of that name
// listens, ${dir} is a scratch directory that has the step's files, and
// ${cert} and ${key} are a certificate for the name ${servername}.
type Step struct {
	Name    string // "server", "client": unique in the row
	Side    Side
	Program string // looked up by Env.Find
	Args    []string
	// Files are written to the scratch directory before the start, by name.
	Files map[string]string
	// Announces says that the process takes port 0 and prints
	// "listening on HOST:PORT". Others get a port that is free, and are ready
	// when a socket is bound to it.
	Announces bool
	// Debug are more arguments, with which the process publishes its expvars,
	// "goroutines" and "gcseconds" among them, and prints "debug on HOST:PORT" as its second
	// line.
	Debug []string
	// Network is what a process that does not announce listens on: "tcp",
	// which is the default, or "udp".
	Network string
}
