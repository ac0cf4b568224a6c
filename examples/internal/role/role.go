// Package role reads the command lines of the example programs that are both
// sides of a proxy: the first argument is the role, and flags come after it.
package role

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"strings"
	"time"

	"github.com/headrace-go/headrace/examples/internal/serve"
)

// A Role is what a program can be, and runs with the arguments behind its name.
type Role struct {
	Name string
	Run  func(args []string)
}

// Main runs the one of roles that the program's first argument names. If there is
// none, it says how the program is used and exits with status 2.
func Main(program string, roles ...Role) {
	log.SetPrefix(program + ": ")
	var names []string
	for _, r := range roles {
		if len(os.Args) > 1 && os.Args[1] == r.Name {
			r.Run(os.Args[2:])
			return
		}
		names = append(names, r.Name)
	}
	fmt.Fprintf(os.Stderr, "usage: %s %s [flags]; -h after either lists its flags\n", program, strings.Join(names, "|"))
	os.Exit(2)
}

// Options are the flags of a role that serves.
type Options struct {
	// Set takes the role's own flags.
	Set *flag.FlagSet
	// Config is complete after Parse, but for the role's own part.
	Config serve.Config

	checks []func() error
}

// New returns the Options of a program's role with the flags of every role:
// -listen, which is listen by default, -debug and -idle.
func New(program, role, listen string) *Options {
	o := &Options{Set: flag.NewFlagSet(program+" "+role, flag.ExitOnError)}
	o.Set.StringVar(&o.Config.Listen, "listen", listen, "listen on `address`; port 0 takes a free one")
	o.Set.StringVar(&o.Config.Debug, "debug", "", "show counters and profiles on `address`")
	idle := o.Set.Duration("idle", 5*time.Minute, "close connections that are idle for this `time`")
	o.Check(func() error {
		if o.Config.Relay.IdleTimeout = *idle; *idle <= 0 {
			return fmt.Errorf("-idle %v is not a time to wait", *idle)
		}
		return nil
	})
	return o
}

// Pool adds the flag -pool.
func (o *Options) Pool() { o.Set.Func("pool", serve.PoolUsage, o.Config.UsePool) }

// Password adds the flag -password, which may not be left out.
func (o *Options) Password() *string {
	password := o.Set.String("password", "", "the `password` that both sides share")
	o.Check(func() error {
		if *password == "" {
			return errors.New("-password is missing")
		}
		return nil
	})
	return password
}

// Server adds the flag -server of a client, which may not be left out.
func (o *Options) Server() *string {
	server := o.Set.String("server", "", "the `address` of the server")
	o.Check(func() error {
		if _, _, err := net.SplitHostPort(*server); err != nil {
			return fmt.Errorf("-server: %w", err)
		}
		return nil
	})
	return server
}

// Count adds a flag for a number of connections, of which least make sense.
func (o *Options) Count(name string, value, least int, usage string) *int {
	n := o.Set.Int(name, value, usage)
	o.Check(func() error {
		if *n < least {
			return fmt.Errorf("-%s %d is no number of connections", name, *n)
		}
		return nil
	})
	return n
}

// Wait adds the flag -wait of a client whose request goes along with what the
// application says first. Whoever speaks first does so at once. For the others,
// whose server speaks first, this is what every connection loses.
func (o *Options) Wait() *time.Duration {
	wait := o.Set.Duration("wait", 5*time.Millisecond,
		"wait for an application's first bytes for this `time`, to send them along with the request")
	o.Check(func() error {
		if *wait <= 0 {
			return fmt.Errorf("-wait %v is not a time to wait", *wait)
		}
		return nil
	})
	return wait
}

// Check has Parse call f once all flags are known.
func (o *Options) Check(f func() error) { o.checks = append(o.checks, f) }

// Parse ends the program if args make no sense: with status 2 if they are not
// flags, or else with status 1 and a line that says what is wrong.
func (o *Options) Parse(args []string) {
	_ = o.Set.Parse(args) // exits by itself on an error
	if o.Set.NArg() > 0 {
		log.Fatalf("unexpected argument %q", o.Set.Arg(0))
	}
	for _, check := range o.checks {
		if err := check(); err != nil {
			log.Fatal(err)
		}
	}
}
