package ctl

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// prompter asks on one stream and reads the answers, a line each, from another, so that a pipe can give them.
type prompter struct {
	in  *bufio.Reader
	out io.Writer
}

func newPrompter(cmd *cobra.Command) *prompter {
	return &prompter{in: bufio.NewReader(cmd.InOrStdin()), out: cmd.OutOrStdout()}
}

// line asks for one line. At the end of the input it gives what there is, together with io.EOF.
func (p *prompter) line(prompt string) (string, error) {
	if _, err := fmt.Fprintf(p.out, "%s: ", prompt); err != nil {
		return "", err
	}
	text, err := p.in.ReadString('\n')
	if text = strings.TrimSpace(text); text != "" && errors.Is(err, io.EOF) {
		err = nil
	}
	return text, err
}

// orEmpty asks for one line; the end of the input counts as an empty one.
func (p *prompter) orEmpty(prompt string) (string, error) {
	text, err := p.line(prompt)
	if errors.Is(err, io.EOF) {
		return "", nil
	}
	return text, err
}

// must asks for one line until accept takes it. The end of the input is an error.
func (p *prompter) must(prompt string, accept func(string) error) error {
	for {
		text, err := p.line(prompt)
		if err != nil {
			return fmt.Errorf("the input ends where %q is asked for: %w", prompt, err)
		}
		refused := accept(text)
		if refused == nil {
			return nil
		}
		if _, err := fmt.Fprintln(p.out, refused); err != nil {
			return err
		}
	}
}

// text asks until it is given something.
func (p *prompter) text(prompt string) (answer string, err error) {
	err = p.must(prompt, func(text string) error {
		if text == "" {
			return errors.New("it must not be empty")
		}
		answer = text
		return nil
	})
	return answer, err
}

// optional asks for something that may be left out.
func (p *prompter) optional(prompt string) (answer string, err error) {
	err = p.must(prompt, func(text string) error {
		answer = text
		return nil
	})
	return answer, err
}

// number asks until it is given a number.
func (p *prompter) number(prompt string) (answer int32, err error) {
	err = p.must(prompt, func(text string) (err error) {
		answer, err = parseInt32(prompt, text)
		return err
	})
	return answer, err
}
