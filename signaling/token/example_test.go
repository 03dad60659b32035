package token_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling/token"
)

// A studio's back end: it serves its public keys, which signaling and edges fetch (--verify-key https://studio.example/nearlight/keys),
// and signs a token for each player who may play. Who that is, the studio's own sessions say.
func Example() {
	private, err := token.NewKey() // kept in a file: token.ParseKey reads it
	if err != nil {
		panic(err)
	}
	issuer, err := token.NewIssuer(private, token.Scope{}, time.Now)
	if err != nil {
		panic(err)
	}
	studiosRoot, err := identity.ParseAddress("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /nearlight/keys", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_ = json.NewEncoder(w).Encode(issuer.Keys()) // who has gone reads it no more
	})
	mux.HandleFunc("POST /play", func(w http.ResponseWriter, r *http.Request) {
		player, paid := whoAsks(r)
		if !paid {
			http.Error(w, "buy the game first", http.StatusForbidden)
			return
		}
		raw, err := issuer.Issue(token.Claims{
			Role: token.Player, Rights: []token.Right{token.Play}, App: "supertux2", Expires: time.Now().Add(5 * time.Minute),
			Once: true, Seats: 1, Bitrate: 12_000_000, Regions: []string{"eu"}, Root: studiosRoot,
		})
		if err != nil {
			http.Error(w, "no token for "+player, http.StatusInternalServerError)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		_, _ = io.WriteString(w, raw) // as above
	})
	studio := httptest.NewServer(mux)
	defer studio.Close()

	response, err := http.Post(studio.URL+"/play", "", nil)
	if err != nil {
		panic(err)
	}
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	claims, err := token.NewVerifier(issuer.Keys(), token.Scope{}, time.Now).Verify(string(raw), token.Player)
	if err != nil {
		panic(err)
	}
	fmt.Println(claims.App, claims.Once, claims.Seats, claims.Bitrate, claims.Regions, claims.Bound())
	// Output: supertux2 true 1 12000000 [eu] true
}

// whoAsks is the studio's own.
func whoAsks(*http.Request) (player string, paid bool) { return "somebody", true }
