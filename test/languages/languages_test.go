// Package languages_test executes the pages that get users of Python, Java and JavaScript started, as they stand: a project is made, its
// dependencies are fetched by the package manager of the language, its test passes, its worker does a task.
package languages_test

import (
	"testing"

	"littlehorse/test/page"
)

func TestGettingStarted(t *testing.T) {
	server := page.Server(t)
	for _, language := range page.OtherLanguages {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			page.Execute(t, page.Read(t, "docs/start/"+language+".md"), server)
		})
	}
}
