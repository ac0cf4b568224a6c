package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Inside asks programs what they publish of themselves as expvars at the
// addresses.
type Inside struct {
	Limit     time.Duration
	Addresses []string
}

// Vars are the expvars that say what a program needs inside.
type Vars struct {
	Goroutines int     `json:"goroutines"`
	GCSeconds  float64 `json:"gcseconds"` // processor time of garbage collection, since the start
}

// Inside answers in the order of the addresses.
func (s *service) Inside(a Inside, all *[]Vars) error {
	ctx, cancel := context.WithTimeout(context.Background(), a.Limit)
	defer cancel()
	for _, address := range a.Addresses {
		v, err := vars(ctx, address)
		if err != nil {
			return fmt.Errorf("load: expvars of %s: %w", address, err)
		}
		*all = append(*all, v)
	}
	return nil
}

func vars(ctx context.Context, address string) (v Vars, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/debug/vars", nil)
	if err != nil {
		return v, err
	}
	req.Close = true // a connection that stayed open would be a goroutine there
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return v, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		return v, fmt.Errorf("%s: %w", resp.Status, err)
	}
	if v.Goroutines < 1 {
		return v, errors.New("no number of goroutines among them")
	}
	return v, nil
}
