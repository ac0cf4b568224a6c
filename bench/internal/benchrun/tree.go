package benchrun

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// A Tree is a directory that holds the sources of one side.
type Tree struct {
	Dir   string
	Label string // what a reader calls it: a revision, or "working tree"
}

// WorkingTree returns the tree of the repository around dir, as it is now.
func WorkingTree(ctx context.Context, dir string) (Tree, error) {
	top, err := git(ctx, dir, "rev-parse", "--show-toplevel")
	if err != nil {
		return Tree{}, err
	}
	head, err := git(ctx, top, "describe", "--always", "--dirty", "--exclude=*")
	if err != nil {
		return Tree{}, err
	}
	return Tree{Dir: top, Label: "working tree (" + head + ")"}, nil
}

// Checkout puts a revision of the repository into dir, which must not exist.
// The caller removes it with Remove.
func Checkout(ctx context.Context, repo, revision, dir string) (Tree, error) {
	hash, err := git(ctx, repo, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err != nil {
		return Tree{}, fmt.Errorf("benchrun: no revision %q: %w", revision, err)
	}
	// Hooks belong to the user's own checkouts.
	if _, err := git(ctx, repo, "-c", "core.hooksPath=/dev/null", "worktree", "add", "--quiet", "--detach", dir, hash); err != nil {
		return Tree{}, err
	}
	return Tree{Dir: dir, Label: revision + " (" + hash[:min(len(hash), 10)] + ")"}, nil
}

// Remove takes a tree made by Checkout off the disk and out of the
// repository's list of worktrees. It does not depend on a context, since it
// also runs after an interrupt.
func Remove(repo string, tree Tree) error {
	_, err := git(context.Background(), repo, "worktree", "remove", "--force", tree.Dir)
	return err
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("benchrun: git %s: %w %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
