package hysteria2

import (
	"crypto/sha256"
	"crypto/subtle"
	"math/rand/v2"
	"net/http"
	"strconv"
)

// What the request is to which a server answers as a Hysteria server, and its
// answer.
const (
	authHost = "hysteria"
	authPath = "/auth"
	statusHy = 233

	headerAuth    = "Hysteria-Auth"
	headerRate    = "Hysteria-CC-RX"
	headerUDP     = "Hysteria-UDP"
	headerPadding = "Hysteria-Padding"
)

// rateAuto has the client find its rate out by congestion control. As a number,
// 0, a client says that it knows none.
const rateAuto = "auto"

// admits reports whether r shows the password.
func admits(r *http.Request, password string) bool {
	if r.Method != http.MethodPost || r.Host != authHost || r.URL.Path != authPath {
		return false
	}
	// Of the same length whatever was sent.
	shown, want := sha256.Sum256([]byte(r.Header.Get(headerAuth))), sha256.Sum256([]byte(password))
	return subtle.ConstantTimeCompare(shown[:], want[:]) == 1
}

// admit answers a request that admits has let pass.
func admit(w http.ResponseWriter) {
	h := w.Header()
	h.Set(headerUDP, strconv.FormatBool(true))
	h.Set(headerRate, rateAuto)
	h.Set(headerPadding, padding())
	w.WriteHeader(statusHy)
}

// authRequest is the request that shows the password.
func authRequest(password string) (*http.Request, error) {
	r, err := http.NewRequest(http.MethodPost, "https://"+authHost+authPath, http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set(headerAuth, password)
	r.Header.Set(headerRate, "0")
	r.Header.Set(headerPadding, padding())
	return r, nil
}

func padding() string { return string(appendLetters(nil, 256+rand.IntN(2048-256))) }
