package row

import (
	"os"
	"path/filepath"

	"github.com/headrace-go/headrace/internal/testcert"
)

// serverName is the name that the certificate is for.
const serverName = "scorecard.test"

// certificate returns the files of a certificate and its key, which it makes
// if they are not there yet. The certificate is its own authority.
func (e *Env) certificate() (certFile, keyFile string, err error) {
	certFile, keyFile = filepath.Join(e.Dir, "cert.pem"), filepath.Join(e.Dir, "key.pem")
	if _, err := os.Stat(keyFile); err == nil {
		return certFile, keyFile, nil
	}
	return testcert.New(serverName).Write(e.Dir)
}
