package dashboard

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// Bounds of sessions.
const (
	// sessionIdle is how long a session lasts in which nothing is asked for, and sessionLife how long any.
	sessionIdle = time.Hour
	sessionLife = 12 * time.Hour
	// idLife is how long a session goes by one id, and idGrace how long requests by the one before are on their way.
	idLife  = 15 * time.Minute
	idGrace = 30 * time.Second
	// maxSessions there are, and maxOfOne of one person: whoever logs in again and again ends sessions of his own.
	maxSessions = 10_000
	maxOfOne    = 100
	// renewAhead is how long before its end a token is renewed, and renewPause how long nothing is tried after a failure.
	renewAhead = 30 * time.Second
	renewPause = 5 * time.Second
)

type fingerprint [sha256.Size]byte

func fingerprintOf(id string) fingerprint { return sha256.Sum256([]byte(id)) }

// session is somebody who has logged in. The browser knows its id and nothing else of it.
type session struct {
	person string // as the provider numbers people
	begun  time.Time
	// ended is done when nobody goes by the session any more.
	ended context.Context
	end   context.CancelFunc

	// Guarded by the sessions' mutex.
	seen time.Time
	// id is the one that was given last, at given, and used says that it came back; before is the one that it follows.
	id, before fingerprint
	given      time.Time
	used       bool

	mu      sync.Mutex
	token   *oauth2.Token
	idToken string
	// failure is why the token was not renewed at failed.
	failed  time.Time
	failure error
}

// sessions are all that this server has. They end with it.
type sessions struct {
	now func() time.Time

	mu   sync.Mutex
	byID map[fingerprint]*session
}

func newSessions() *sessions { return &sessions{now: time.Now, byID: map[fingerprint]*session{}} }

// begin makes a session and gives the id of it.
func (s *sessions) begin(person string, token *oauth2.Token, idToken string) string {
	id, now := rand.Text(), s.now()
	is := &session{person: person, begun: now, seen: now, id: fingerprintOf(id), given: now, token: token, idToken: idToken}
	is.ended, is.end = context.WithCancel(context.Background())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.makeRoom(person)
	s.byID[is.id] = is
	return id
}

// makeRoom ends what is over, and where there are too many, the one that was not seen for the longest time.
func (s *sessions) makeRoom(person string) {
	var oldest, oldestOwn *session
	all, own := 0, 0
	for id, is := range s.byID {
		switch {
		case s.over(is):
			s.drop(is)
			continue
		case id != is.id:
			continue
		}
		all++
		if oldest == nil || is.seen.Before(oldest.seen) {
			oldest = is
		}
		if is.person != person {
			continue
		}
		own++
		if oldestOwn == nil || is.seen.Before(oldestOwn.seen) {
			oldestOwn = is
		}
	}
	switch {
	case own >= maxOfOne:
		s.drop(oldestOwn)
	case all >= maxSessions:
		s.drop(oldest)
	}
}

func (s *sessions) over(is *session) bool {
	now := s.now()
	return now.Sub(is.seen) > sessionIdle || is.left(now) < 0
}

func (s *sessions) drop(is *session) {
	delete(s.byID, is.id)
	delete(s.byID, is.before)
	is.end()
}

// close ends a session.
func (s *sessions) close(is *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(is)
}

// find gives the session of an id; nil if there is none. The next id is what the browser is to send from now on, if it is
// not "": an id that somebody got hold of is soon worth nothing.
func (s *sessions) find(id string) (is *session, next string) {
	by := fingerprintOf(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	is = s.byID[by]
	if is == nil {
		return nil, ""
	}
	now := s.now()
	age := now.Sub(is.given)
	switch {
	case s.over(is):
		s.drop(is)
		return nil, ""
	case by == is.id:
		is.used = true
		if age > idGrace {
			delete(s.byID, is.before)
		}
	case is.used && age > idGrace:
		delete(s.byID, by)
		return nil, ""
	}
	is.seen = now
	switch {
	case by == is.id && age > idLife:
		is.before = by
	case by == is.before && age > idGrace: // the answer with the id that follows was lost
		delete(s.byID, is.id)
	default:
		return is, ""
	}
	next = rand.Text()
	is.id, is.given, is.used = fingerprintOf(next), now, false
	s.byID[is.id] = is
	return is, next
}

// left is how long the session may go on, whatever is asked for in it.
func (is *session) left(now time.Time) time.Duration { return is.begun.Add(sessionLife).Sub(now) }

// errOver is that nobody gives a token for the session any more.
var errOver = errors.New("the session is over")

// bearer gives the access token, renewed if it is about to expire. Whoever gives up does not take the new token from the
// others: the old one is worth nothing then.
func (is *session) bearer(ctx context.Context, now time.Time, renew func(context.Context, *oauth2.Token) (*oauth2.Token, error)) (string, error) {
	is.mu.Lock()
	defer is.mu.Unlock()
	ends := is.token.Expiry
	switch {
	case ends.IsZero() || now.Add(renewAhead).Before(ends):
		return is.token.AccessToken, nil
	case is.token.RefreshToken == "" && now.Before(ends):
		return is.token.AccessToken, nil
	case is.token.RefreshToken == "":
		return "", errOver
	}
	if is.failure == nil || now.Sub(is.failed) >= renewPause {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), providerTimeout)
		defer cancel()
		token, err := renew(ctx, is.token)
		is.failed, is.failure = now, err
		if err == nil {
			is.token = token
			if id, ok := token.Extra("id_token").(string); ok {
				is.idToken = id
			}
			return token.AccessToken, nil
		}
	}
	if refusedByProvider(is.failure) {
		return "", errOver
	}
	if !now.Before(ends) {
		return "", is.failure
	}
	return is.token.AccessToken, nil
}

// refusedByProvider reports whether the provider has judged, and will not judge otherwise when it is asked again.
func refusedByProvider(err error) bool {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return false
	}
	code := refused.Response.StatusCode
	return code == http.StatusBadRequest || code == http.StatusUnauthorized || code == http.StatusForbidden
}

// hint names the session to the provider.
func (is *session) hint() string {
	is.mu.Lock()
	defer is.mu.Unlock()
	return is.idToken
}
