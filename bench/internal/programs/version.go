package programs

import (
	"context"
	"debug/buildinfo"
	"os/exec"
	"regexp"
	"time"
)

// versionArgs make programs that are not written in Go say their version.
// microsocks does not.
var versionArgs = map[string]string{
	"ss-server": "-h",
	"trojan":    "-v",
}

var versionNumber = regexp.MustCompile(`\d+\.\d+(\.\d+)?[-+.\w]*`)

// Version returns the version of the program at path, whose name is given, or
// "" if it does not tell.
func Version(ctx context.Context, name, path string) string {
	if info, err := buildinfo.ReadFile(path); err == nil {
		return info.Main.Version + " (" + info.GoVersion + ")"
	}
	arg, known := versionArgs[name]
	if !known {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	// The exit code says nothing: some call this help, and fail.
	out, _ := exec.CommandContext(ctx, path, arg).CombinedOutput()
	return versionNumber.FindString(string(out))
}
