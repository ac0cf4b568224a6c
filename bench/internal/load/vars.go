package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Goroutines asks how many goroutines there are in programs that publish that
// number as the expvar "goroutines" at the addresses.
type Goroutines struct {
	Limit     time.Duration
	Addresses []string
}

// Goroutines counts, in the order of the addresses.
func (s *service) Goroutines(a Goroutines, counts *[]int) error {
	ctx, cancel := context.WithTimeout(context.Background(), a.Limit)
	defer cancel()
	for _, address := range a.Addresses {
		n, err := goroutines(ctx, address)
		if err != nil {
			return fmt.Errorf("load: goroutines of %s: %w", address, err)
		}
		*counts = append(*counts, n)
	}
	return nil
}

func goroutines(ctx context.Context, address string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/debug/vars", nil)
	if err != nil {
		return 0, err
	}
	req.Close = true // a connection that stayed open would be a goroutine there
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var vars struct{ Goroutines int }
	if err := json.NewDecoder(resp.Body).Decode(&vars); err != nil {
		return 0, fmt.Errorf("%s: %w", resp.Status, err)
	}
	if vars.Goroutines < 1 {
		return 0, errors.New("not among the published variables")
	}
	return vars.Goroutines, nil
}
