// Command chart shows what a Helm chart makes of its values: it holds the chart to the rules of Helm and what it makes to the API of
// Kubernetes, and prints it. With -check it holds a file of manifests to the API instead.
//
//	chart [-values FILE]... [-set name=value]... DIR
//	chart -check FILE
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"helm.sh/helm/v4/pkg/strvals"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

func main() {
	values := map[string]any{}
	check := flag.String("check", "", "`file` of manifests to hold to the API")
	flag.Func("values", "`file` of values", func(name string) error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		more, err := loader.LoadValues(f)
		values = loader.MergeMaps(values, more)
		return err
	})
	flag.Func("set", "`name=value`", func(s string) error { return strvals.ParseInto(s, values) })
	flag.Parse()
	if err := run(*check, flag.Args(), values); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file string, dirs []string, values map[string]any) error {
	switch {
	case file != "":
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return fits(file, string(text))
	case len(dirs) == 1:
		return errors.Join(keepsRules(dirs[0], values), render(dirs[0], values))
	default:
		return errors.New("one chart is wanted")
	}
}

const (
	release   = "lh"
	namespace = "littlehorse"
)

// keepsRules holds the chart to the rules of Helm, but for those that only advise.
func keepsRules(dir string, values map[string]any) error {
	var errs []error
	for _, m := range lint.RunAll(dir, values, namespace).Messages {
		if m.Severity >= support.WarningSev {
			errs = append(errs, errors.New(m.Error()))
		}
	}
	return errors.Join(errs...)
}

func render(dir string, values map[string]any) error {
	chart, err := loader.LoadDir(dir)
	if err != nil {
		return err
	}
	all, err := util.ToRenderValues(chart, values, common.ReleaseOptions{Name: release, Namespace: namespace, IsInstall: true}, nil)
	if err != nil {
		return err
	}
	made, err := engine.Render(chart, all)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(made)) {
		if text := strings.TrimSpace(made[name]); text != "" && path.Ext(name) == ".yaml" {
			if err := fits(name, text); err != nil {
				return err
			}
			fmt.Printf("---\n# %s\n%s\n", name, text)
		}
	}
	return nil
}

// fits holds each object to the API: kinds and fields that it does not know are errors.
func fits(name, text string) error {
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, json.SerializerOptions{Yaml: true, Strict: true})
	documents := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, _, err := strict.Decode(document, nil, nil); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}
