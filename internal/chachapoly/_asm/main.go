// Command asm writes the kernels of package chachapoly, and their Go
// declarations, into the folder that is its argument.
package main

import (
	"log"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: asm FOLDER")
	}
	c.ConstraintExpr("!purego")
	constants()
	record()
	middle()
	hash()
	short()
	poly()

	file, err := c.Result()
	if err == nil {
		err = pass.Compile.Execute(file)
	}
	if list, ok := err.(build.ErrorList); ok {
		build.LogError(log.Default(), list, 0)
	}
	if err != nil {
		log.Fatal(err)
	}
	cfg := printer.Config{Name: "go generate, from _asm", Pkg: "chachapoly"}
	for name, p := range map[string]printer.Printer{
		"kernel_amd64.s":        printer.NewGoAsm(cfg),
		"kernel_stubs_amd64.go": printer.NewStubs(cfg),
	} {
		text, err := p.Print(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(os.Args[1], name), text, 0o666)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}
