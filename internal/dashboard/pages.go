package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"littlehorse/web"
)

// pages are the files of the dashboard, as they were built.
type pages struct {
	files map[string]page // by name, without .gz
}

type page struct {
	kind       string
	text       []byte
	compressed bool
	tag        string // ETag
}

// kinds of files; what the machine says of them is not asked.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".json": "application/json",
}

func loadPages() *pages {
	p := &pages{files: map[string]page{}}
	files := web.Files()
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		plain, compressed := strings.CutSuffix(name, ".gz")
		sum := sha256.Sum256(text)
		p.files[plain] = page{
			kind: kinds[path.Ext(plain)], text: text, compressed: compressed,
			tag: strconv.Quote(hex.EncodeToString(sum[:12])),
		}
		return nil
	})
	if err != nil {
		panic("dashboard: the embedded files cannot be read: " + err.Error())
	}
	return p
}

// serve answers with a file, or with the page that finds out by itself what an address means.
func (p *pages) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		answer(w, http.StatusMethodNotAllowed, status.New(codes.InvalidArgument, "There are only pages to be read"))
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	file, found := p.files[name]
	asset := strings.HasPrefix(name, "assets/")
	if asset && !found {
		answer(w, http.StatusNotFound, status.Newf(codes.NotFound, "There is no file %s: the page is of another version, load it again", name))
		return
	}
	if !found {
		file = p.files["index.html"]
	}
	h := w.Header()
	h.Set("Content-Type", file.kind)
	h.Set("ETag", file.tag)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if asset { // its name has a hash of what is in it
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if r.Header.Get("If-None-Match") == file.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	text := file.text
	switch {
	case file.compressed && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip"):
		h.Set("Content-Encoding", "gzip")
	case file.compressed:
		text = inflated(text)
	}
	h.Set("Content-Length", strconv.Itoa(len(text)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(text) // who has gone needs no answer
	}
}

// inflated is for clients who cannot do it themselves.
func inflated(text []byte) []byte {
	from, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		panic("dashboard: an embedded file is broken: " + err.Error())
	}
	out, err := io.ReadAll(from)
	if err != nil {
		panic("dashboard: an embedded file is broken: " + err.Error())
	}
	return out
}
