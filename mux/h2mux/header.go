package h2mux

import (
	"bytes"
	"strconv"
	"strings"

	"golang.org/x/net/http2/hpack"

	"github.com/headrace-go/headrace/mux"
)

// A header is a header block on its way in. It may come in several frames, and
// has to be decoded whatever becomes of its stream, since later ones build on
// it.
type header struct {
	id     uint32
	end    bool   // END_STREAM
	block  []byte // what has come so far, if it came in pieces; from the pool
	pieces int

	limit  int
	size   int // as RFC 9113, section 6.5.2, counts it
	pseudo pseudo
	fields []Field
	bad    bool // malformed
	late   bool // a regular field has come
}

// pseudo are the pseudo-header fields.
type pseudo struct {
	method, scheme, authority, path, protocol, status string
	seen                                              uint8
}

const (
	seenMethod = 1 << iota
	seenScheme
	seenAuthority
	seenPath
	seenProtocol
	seenStatus
)

func (h *header) reset() {
	h.size, h.pseudo, h.fields, h.bad, h.late = 0, pseudo{}, nil, false, false
}

func (h *header) close(pool Pool) {
	if h.block != nil {
		pool.Put(h.block)
		h.block = nil
	}
}

// add takes one decoded field in.
func (h *header) add(f hpack.HeaderField) {
	h.size += int(f.Size())
	if h.size > h.limit {
		return
	}
	if f.IsPseudo() {
		h.addPseudo(f)
		return
	}
	h.late = true
	if !validName(f.Name) || hopByHop(f.Name, f.Value) || !validValue(f.Value) {
		h.bad = true
		return
	}
	h.fields = append(h.fields, Field{f.Name, f.Value})
}

func (h *header) addPseudo(f hpack.HeaderField) {
	p := &h.pseudo
	var to *string
	var bit uint8
	switch f.Name {
	case ":method":
		to, bit = &p.method, seenMethod
	case ":scheme":
		to, bit = &p.scheme, seenScheme
	case ":authority":
		to, bit = &p.authority, seenAuthority
	case ":path":
		to, bit = &p.path, seenPath
	case ":protocol":
		to, bit = &p.protocol, seenProtocol
	case ":status":
		to, bit = &p.status, seenStatus
	}
	if to == nil || h.late || p.seen&bit != 0 || !validValue(f.Value) {
		h.bad = true
		return
	}
	*to = f.Value
	p.seen |= bit
}

func (s *Session) onHeaders(e event) error {
	h := &s.header
	h.id, h.end, h.pieces = e.id, e.has(flagEndStream), 0
	if e.has(flagEndHeaders) {
		return s.decode(e.payload)
	}
	return s.gatherHeader(e.payload)
}

func (s *Session) onContinuation(e event) error {
	h := &s.header
	if h.pieces++; h.pieces > maxContinuations {
		return connError(mux.Calm, "too many CONTINUATION frames")
	}
	if len(e.payload) == 0 {
		if err := s.limits.empties.fill(); err != nil {
			return err
		}
	}
	if err := s.gatherHeader(e.payload); err != nil || !e.has(flagEndHeaders) {
		return err
	}
	err := s.decode(h.block)
	h.close(s.pool)
	return err
}

// gatherHeader keeps a piece of a header block.
func (s *Session) gatherHeader(p []byte) error {
	h := &s.header
	n := len(h.block) + len(p)
	if n > s.cfg.MaxHeaderBytes+defaultMaxFrame {
		return connError(mux.Calm, "header block too long")
	}
	if n > cap(h.block) || h.block == nil {
		bigger := s.pool.Get(max(n, 2*cap(h.block)))
		bigger = bigger[:copy(bigger, h.block)]
		h.close(s.pool)
		h.block = bigger
	}
	h.block = append(h.block, p...)
	return nil
}

// decode understands a whole header block.
func (s *Session) decode(p []byte) error {
	h := &s.header
	h.reset()
	if s.client && len(p) == 1 && p[0] == status200 {
		h.pseudo.status, h.pseudo.seen = "200", seenStatus
	} else {
		_, err := s.decoder.Write(p)
		if err == nil {
			err = s.decoder.Close()
		}
		if err != nil {
			return connError(mux.Compression, "header block cannot be decoded")
		}
		s.unpin()
	}
	if s.client {
		return s.onResponse(h)
	}
	return s.onRequest(h)
}

// unpin has the decoder, behind a block, point elsewhere: it keeps an empty rest
// of the last that it was given, and so the buffer that this was in from the
// collector. An indexed field of the static table, as a block of its own,
// changes nothing, and does not fail.
func (s *Session) unpin() {
	s.decoder.SetEmitEnabled(false)
	_, _ = s.decoder.Write(nothing)
	_ = s.decoder.Close()
	s.decoder.SetEmitEnabled(true)
}

var nothing = []byte{status200}

// status200 is the indexed field ":status: 200".
const status200 = 0x88

// onRequest is what a header block means to a server.
func (s *Session) onRequest(h *header) error {
	if st := s.streams[h.id]; st != nil {
		return s.onTrailer(st, h)
	}
	switch {
	case h.id%2 == 0:
		return connError(mux.ProtocolError, "stream of a client with an even number")
	case h.id <= s.peerLast:
		switch {
		case s.recent.reset(h.id):
			return nil // it was on its way
		case s.recent.ended(h.id):
			return connError(mux.StreamClosed, "HEADERS on a closed stream")
		}
		return connError(mux.ProtocolError, "stream numbers must rise")
	case s.drain.final:
		return nil // the peer knows that we do not look at it
	}
	s.peerLast = h.id
	switch {
	case h.size > h.limit:
		return s.refuse(h.id, mux.Calm)
	case s.open >= s.cfg.MaxStreams:
		s.stats.Refused++
		return s.refuse(h.id, mux.Refused)
	}
	r, declared, ok := s.understand(h)
	if !ok {
		return s.refuse(h.id, mux.ProtocolError)
	}
	if h.end && declared > 0 {
		return s.refuse(h.id, mux.ProtocolError)
	}
	st := s.newStream()
	st.id, st.request, st.declared, st.visible = h.id, r, declared, true
	if p := Value(r.Header, "priority"); p != "" {
		st.turn.urgency = parseUrgency(p)
	}
	s.enter(st)
	if h.end {
		st.remoteEnd = true
	}
	s.stats.Accepted++
	switch {
	case r.connect():
		s.backlog = append(s.backlog, st)
		s.arrived.Signal()
	case s.cfg.Handler != nil:
		go s.handle(st)
	default:
		st.answer(405, nil, true)
		st.closeLocked()
	}
	return nil
}

// handle runs the Handler.
func (s *Session) handle(st *Stream) {
	defer st.Close()
	s.cfg.Handler(st)
}

// understand makes a Request of a header block, if it is well-formed: RFC 9113,
// sections 8.3.1 and 8.5, RFC 8441, section 4.
func (s *Session) understand(h *header) (r Request, declared int64, ok bool) {
	p := h.pseudo
	if h.bad || p.seen&seenMethod == 0 || p.seen&seenStatus != 0 || !validToken(p.method) {
		return r, 0, false
	}
	const target = seenScheme | seenPath
	extended := p.seen&seenProtocol != 0
	switch {
	case p.method != methodConnect:
		ok = !extended && p.seen&target == target && p.path != "" && p.scheme != ""
	case extended:
		ok = s.cfg.ExtendedConnect && p.seen&target == target && p.authority != "" && p.protocol != ""
	default:
		ok = p.seen&target == 0 && p.authority != ""
	}
	if !ok {
		return r, 0, false
	}
	declared, ok = contentLength(h.fields)
	return Request{
		Method: p.method, Protocol: p.protocol, Authority: p.authority,
		Scheme: p.scheme, Path: p.path, Header: h.fields,
	}, declared, ok
}

// contentLength returns what a message says of its length, -1 if nothing.
func contentLength(fields []Field) (int64, bool) {
	length := int64(-1)
	for _, f := range fields {
		if f.Name != "content-length" {
			continue
		}
		n, err := strconv.ParseUint(f.Value, 10, 62)
		if err != nil || length >= 0 && length != int64(n) {
			return 0, false
		}
		length = int64(n)
	}
	return length, true
}

// onTrailer is a header block behind the DATA of a stream.
func (s *Session) onTrailer(st *Stream, h *header) error {
	code := mux.ProtocolError
	switch {
	case st.remoteEnd:
		code = mux.StreamClosed
	case h.end && h.pseudo.seen == 0 && !h.bad && st.declared <= 0:
		s.remoteEnded(st)
		return nil
	}
	s.resetStream(st, code, true)
	return s.limits.resets.fill()
}

// onResponse is what a header block means to a client.
func (s *Session) onResponse(h *header) error {
	st := s.streams[h.id]
	switch {
	case s.idle(h.id):
		return connError(mux.ProtocolError, "HEADERS on an idle stream")
	case st == nil:
		return s.afterEnd(h.id)
	case st.answered || st.remoteEnd:
		return s.onTrailer(st, h)
	}
	status, err := strconv.Atoi(h.pseudo.status)
	declared, ok := contentLength(h.fields)
	if err != nil || h.bad || !ok || len(h.pseudo.status) != 3 || h.pseudo.seen != seenStatus || status == 101 ||
		h.end && status < 200 {
		s.resetStream(st, mux.ProtocolError, true)
		return s.limits.resets.fill()
	}
	if h.size > h.limit {
		s.resetStream(st, mux.Calm, true)
		return s.limits.resets.fill()
	}
	if status < 200 {
		return s.limits.empties.fill()
	}
	st.answered = true
	st.response = Response{Status: status, Header: h.fields}
	refused := st.request.connect() && status/100 != 2
	if !refused {
		st.declared = declared
		if h.end || st.request.connect() || st.request.Method == "HEAD" {
			st.declared = -1
		}
	}
	st.readable.Broadcast()
	if refused {
		st.resetBy(&StatusError{Status: status, Header: h.fields})
		if !h.end {
			s.sendReset(st.id, mux.Cancel)
			s.recent.add(st.id, true)
		}
		st.remoteEnd = h.end
		s.remove(st)
		return nil
	}
	if h.end {
		s.remoteEnded(st)
	}
	return nil
}

// writeHeader queues what was encoded as HEADERS and CONTINUATION.
func (s *Session) writeHeader(id uint32, end bool) {
	typ, flags := byte(frameHeaders), byte(0)
	if end {
		flags = flagEndStream
	}
	for p := s.encoded.Bytes(); ; typ, flags = frameContinuation, 0 {
		n := min(len(p), s.peerMax)
		if n == len(p) {
			flags |= flagEndHeaders
		}
		s.reserve(headerLen + n)
		s.control = appendFrame(s.control, frame{length: n, typ: typ, flags: flags, id: id})
		s.control = append(s.control, p[:n]...)
		if p = p[n:]; len(p) == 0 {
			break
		}
	}
	if s.encoded.Cap() > 4<<10 {
		s.encoded = bytes.Buffer{} // nobody else needs as much
	} else {
		s.encoded.Reset()
	}
}

// encode adds one field to the header block that writeHeader will send. What
// could be a secret is kept out of the compression's memory.
func (s *Session) encode(name, value string) {
	secret := name == "proxy-authorization" || name == "authorization" || name == "cookie"
	// It writes to memory, which does not fail.
	_ = s.encoder.WriteField(hpack.HeaderField{Name: name, Value: value, Sensitive: secret})
}

// sendRequest queues the HEADERS that open st.
func (s *Session) sendRequest(st *Stream) {
	r := &st.request
	s.encode(":method", r.method())
	if r.Protocol != "" {
		s.encode(":protocol", r.Protocol)
	}
	if !r.connect() || r.Protocol != "" {
		s.encode(":scheme", or(r.Scheme, "https"))
		s.encode(":path", or(r.Path, "/"))
	}
	s.encode(":authority", or(r.Authority, s.cfg.Authority))
	if st.turn.urgency != defaultUrgency {
		s.encode("priority", "u="+strconv.Itoa(int(st.turn.urgency)))
	}
	for _, f := range r.Header {
		s.encode(f.Name, f.Value)
	}
	s.writeHeader(st.id, st.finSent)
}

// sendResponse queues the HEADERS that answer st.
func (s *Session) sendResponse(st *Stream, end bool) {
	s.encode(":status", strconv.Itoa(st.response.Status))
	for _, f := range st.response.Header {
		s.encode(f.Name, f.Value)
	}
	s.writeHeader(st.id, end)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// parseUrgency finds the urgency in a priority field: RFC 9218, section 4.1.
func parseUrgency(s string) uint8 {
	for part := range strings.SplitSeq(s, ",") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(part), "u="); ok && len(v) == 1 && v[0] >= '0' && v[0] <= '7' {
			return v[0] - '0'
		}
	}
	return defaultUrgency
}
