package row

import (
	"net"
	"strconv"
)

// An expander gives the words of a step's templates their values.
type expander struct {
	words   map[string]string
	unknown []string
}

func (p *Processes) expander(env *Env, dir, host string, port int) *expander {
	e := &expander{words: map[string]string{
		"listen": net.JoinHostPort(host, strconv.Itoa(port)),
		"host":   host,
		"port":   strconv.Itoa(port),
		"dir":    dir,
	}}
	for _, r := range p.running {
		host, port, _ := net.SplitHostPort(r.address) // it listens there: the address is well-formed
		e.words[r.step], e.words[r.step+".host"], e.words[r.step+".port"] = r.address, host, port
	}
	return e
}

// value is for os.Expand. An unknown word is kept for the caller to refuse.
func (e *expander) value(word string) string {
	v, known := e.words[word]
	if !known {
		e.unknown = append(e.unknown, word)
	}
	return v
}
