package row

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// An expander gives the words of a step's templates their values.
type expander struct {
	words   map[string]string
	unknown []string
}

// expander returns one for the step that comes next, which is to listen on
// port of host.
func (p *Processes) expander(env *Env, dir, host string, port int) (*expander, error) {
	cert, key, err := env.certificate()
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	e := &expander{words: map[string]string{
		"listen":     net.JoinHostPort(host, strconv.Itoa(port)),
		"host":       host,
		"port":       strconv.Itoa(port),
		"dir":        dir,
		"cert":       cert,
		"key":        key,
		"servername": serverName,
	}}
	for _, r := range p.running {
		host, port, err := net.SplitHostPort(r.address)
		if err != nil {
			return nil, fmt.Errorf("%s listens on %q: %w", r.step, r.address, err)
		}
		e.words[r.step], e.words[r.step+".host"], e.words[r.step+".port"] = r.address, host, port
	}
	return e, nil
}

func (e *expander) expand(template string) string {
	return os.Expand(template, func(word string) string {
		value, known := e.words[word]
		if !known {
			e.unknown = append(e.unknown, word)
		}
		return value
	})
}

// err refuses templates with words that nobody knows.
func (e *expander) err() error {
	if len(e.unknown) == 0 {
		return nil
	}
	return fmt.Errorf("unknown words in its templates: %s", strings.Join(e.unknown, ", "))
}
