package peertest

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// inNamespace in the environment says that this is the inner run.
const inNamespace = "HEADRACE_TEST_IN_NAMESPACE"

// Namespace runs the test that calls it once more, alone in network and process
// namespaces of its own: with a loopback interface that nobody else uses and
// processes that end with it. It reports whether this is that inner run; the
// outer one has nothing more to do. Without root, or without one of iproute2's
// programs, it skips the test.
func Namespace(t *testing.T) (inside bool) {
	t.Helper()
	if os.Getenv(inNamespace) != "" {
		if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
			t.Fatalf("ip link set lo up: %v: %s", err, out)
		}
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root: nothing here may take fixed ports or drop packets")
	}
	for _, tool := range []string{"ip", "tc"} {
		Need(t, tool, "iproute2")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), inNamespace+"=1", "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL, // for tests that end by a panic or a time-out
	}
	runtime.LockOSThread() // whose end would be the child's
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		t.Log(strings.TrimSuffix(line, "\n"))
	}
	if err != nil {
		t.Errorf("in the namespace: %v", err)
	}
	return false
}
