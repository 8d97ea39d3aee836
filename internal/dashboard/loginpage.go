package dashboard

import (
	"html/template"
	"net/http"
	"net/url"
)

// loginPage is seen by whoever could not log in. What it tells may be of the provider, or of whoever made the link.
var loginPage = template.Must(template.New("login").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Not logged in · LittleHorse</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 90vh; margin: 0 1rem }
main { max-width: 36rem }
a { color: LinkText }
</style>
</head>
<body>
<main>
<h1>You are not logged in</h1>
<p>{{.Text}}</p>
<p><a href="{{.Again}}">Log in</a></p>
</main>
</body>
</html>
`))

// fail tells why somebody is not logged in, and where to try again.
func (l *login) fail(w http.ResponseWriter, code int, text, to string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_ = loginPage.Execute(w, map[string]string{ // nobody is there to be told
		"Text": text, "Again": "/auth/login?" + url.Values{"to": {to}}.Encode(),
	})
}

// clip bounds a text of somebody else.
func clip(text string) string {
	const most = 500
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most]) + "…"
}
