package tidy_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"littlehorse/internal/server"
	"littlehorse/test/pki"
)

// settles gives the settings to the server's own reader: whatever it refuses or ignores, a server would.
func settles(t *testing.T, settings map[string]string) server.Config {
	t.Helper()
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&text, "%s=%s\n", name, settings[name])
	}
	file := filepath.Join(t.TempDir(), "settings")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c, notices, err := server.LoadConfig(file)
	if err != nil || len(notices) > 0 {
		t.Errorf("%v, %v of\n%s", err, notices, text.String())
	}
	return c
}

func TestComposeFile(t *testing.T) {
	text, err := os.ReadFile("deploy/compose/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Image       string
			Environment map[string]string
			Ports       []string
			Volumes     []string
			HealthCheck struct{ Test []string }
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	once := func(what, who string) {
		if seen[what] != "" {
			t.Errorf("%s: %s has it, too: %s", who, seen[what], what)
		}
		seen[what] = who
	}
	count := 0
	for _, name := range slices.Sorted(maps.Keys(file.Services)) {
		s := file.Services[name]
		if len(s.HealthCheck.Test) < 2 {
			t.Errorf("%s has no health check", name)
		}
		for _, port := range s.Ports {
			once("port "+strings.Split(port, ":")[0], name)
		}
		for _, volume := range s.Volumes {
			once("volume "+strings.Split(volume, ":")[0], name)
			if _, ok := file.Volumes[strings.Split(volume, ":")[0]]; !ok {
				t.Errorf("%s: %s is not among the volumes", name, volume)
			}
		}
		if name == "kafka" {
			continue
		}
		count++
		c := settles(t, s.Environment)
		once(fmt.Sprintf("instance %d", c.InstanceID), name)
		once("internal host "+c.InternalHost, name)
		if _, ok := file.Services[c.InternalHost]; !ok || !slices.Equal(c.Kafka.Brokers, []string{"kafka:9092"}) {
			t.Errorf("%s: %s, %v", name, c.InternalHost, c.Kafka.Brokers)
		}
		if at := c.Listeners[0]; !slices.Contains(s.Ports, fmt.Sprintf("%d:%d", at.AdvertisedPort, at.Port)) {
			t.Errorf("%s: the advertised port is not published: %v", name, s.Ports)
		}
	}
	if count != 3 {
		t.Errorf("%d servers", count)
	}
}

// manifest is what the test looks at of an object of Kubernetes. Fields that it does not know are errors: a misspelt one would
// be ignored in silence.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   objectMeta
	Data       map[string]string
	Spec       yaml.Node
}

type objectMeta struct {
	Name        string
	Labels      map[string]string
	Annotations map[string]string
}

type selector struct {
	MatchLabels map[string]string `yaml:"matchLabels"`
}

type probe struct {
	HTTPGet          struct{ Path, Port string } `yaml:"httpGet"`
	PeriodSeconds    int                         `yaml:"periodSeconds"`
	FailureThreshold int                         `yaml:"failureThreshold"`
}

type statefulSet struct {
	Replicas            int
	ServiceName         string `yaml:"serviceName"`
	PodManagementPolicy string `yaml:"podManagementPolicy"`
	Selector            selector
	Template            struct {
		Metadata objectMeta
		Spec     struct {
			AutomountServiceAccountToken  bool              `yaml:"automountServiceAccountToken"`
			TerminationGracePeriodSeconds int               `yaml:"terminationGracePeriodSeconds"`
			SecurityContext               podSecurity       `yaml:"securityContext"`
			TopologySpreadConstraints     []spread          `yaml:"topologySpreadConstraints"`
			Containers                    []serverContainer `yaml:"containers"`
			Volumes                       []struct {
				Name     string
				EmptyDir map[string]any `yaml:"emptyDir"`
				Secret   struct {
					SecretName string `yaml:"secretName"`
				}
			}
		}
	}
	VolumeClaimTemplates []struct {
		Metadata objectMeta
		Spec     struct {
			AccessModes []string `yaml:"accessModes"`
			Resources   struct{ Requests map[string]string }
		}
	} `yaml:"volumeClaimTemplates"`
}

type podSecurity struct {
	RunAsNonRoot   bool                  `yaml:"runAsNonRoot"`
	RunAsUser      int                   `yaml:"runAsUser"`
	RunAsGroup     int                   `yaml:"runAsGroup"`
	FSGroup        int                   `yaml:"fsGroup"`
	SeccompProfile struct{ Type string } `yaml:"seccompProfile"`
}

type spread struct {
	MaxSkew           int      `yaml:"maxSkew"`
	TopologyKey       string   `yaml:"topologyKey"`
	WhenUnsatisfiable string   `yaml:"whenUnsatisfiable"`
	LabelSelector     selector `yaml:"labelSelector"`
}

type serverContainer struct {
	Name, Image string
	Args        []string
	Ports       []struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
	}
	EnvFrom []struct {
		ConfigMapRef struct{ Name string } `yaml:"configMapRef"`
	} `yaml:"envFrom"`
	Env []struct {
		Name, Value string
		ValueFrom   struct {
			FieldRef struct {
				FieldPath string `yaml:"fieldPath"`
			} `yaml:"fieldRef"`
		} `yaml:"valueFrom"`
	}
	StartupProbe    probe `yaml:"startupProbe"`
	LivenessProbe   probe `yaml:"livenessProbe"`
	ReadinessProbe  probe `yaml:"readinessProbe"`
	Resources       struct{ Requests, Limits map[string]string }
	SecurityContext struct {
		AllowPrivilegeEscalation bool `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct{ Drop []string }
	} `yaml:"securityContext"`
	VolumeMounts []struct {
		Name      string
		MountPath string `yaml:"mountPath"`
		ReadOnly  bool   `yaml:"readOnly"`
	} `yaml:"volumeMounts"`
}

type service struct {
	ClusterIP                string `yaml:"clusterIP"`
	PublishNotReadyAddresses bool   `yaml:"publishNotReadyAddresses"`
	Selector                 map[string]string
	Ports                    []struct {
		Name       string
		Port       int
		TargetPort string `yaml:"targetPort"`
	}
}

type disruptionBudget struct {
	MaxUnavailable int `yaml:"maxUnavailable"`
	Selector       selector
}

type networkPolicy struct {
	PodSelector selector `yaml:"podSelector"`
	PolicyTypes []string `yaml:"policyTypes"`
	Ingress     []struct {
		From []struct {
			PodSelector       *selector `yaml:"podSelector"`
			NamespaceSelector *selector `yaml:"namespaceSelector"`
		}
		Ports []struct{ Port string }
	}
}

// strictly reads YAML with nothing in it that the type has not.
func strictly(t *testing.T, text []byte, into any) {
	t.Helper()
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// specOf is the spec of the one object of the kind and name.
func specOf[T any](t *testing.T, all []manifest, kind, name string) (spec T) {
	t.Helper()
	i := slices.IndexFunc(all, func(m manifest) bool { return m.Kind == kind && m.Metadata.Name == name })
	if i < 0 {
		t.Fatalf("there is no %s %s", kind, name)
	}
	text, err := yaml.Marshal(&all[i].Spec)
	if err != nil {
		t.Fatal(err)
	}
	strictly(t, text, &spec)
	return spec
}

func TestKubernetesManifests(t *testing.T) {
	text, err := os.ReadFile("deploy/kubernetes/littlehorse.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all []manifest
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	for {
		var m manifest
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	set := specOf[statefulSet](t, all, "StatefulSet", "littlehorse")
	pod := set.Template
	labels := func(what string, got map[string]string) {
		if len(got) == 0 || !maps.Equal(got, pod.Metadata.Labels) {
			t.Errorf("%s selects %v, pods have %v", what, got, pod.Metadata.Labels)
		}
	}
	server := pod.Spec.Containers[0]
	ports := map[string]int{}
	for _, p := range server.Ports {
		ports[p.Name] = p.ContainerPort
	}
	open := func(what, port string) {
		if ports[port] == 0 {
			t.Errorf("%s: the server has no port %s", what, port)
		}
	}
	headless, public := specOf[service](t, all, "Service", set.ServiceName), specOf[service](t, all, "Service", "littlehorse")
	if headless.ClusterIP != "None" || !headless.PublishNotReadyAddresses || public.ClusterIP != "" {
		t.Errorf("%+v, %+v", headless, public)
	}
	for _, s := range []service{headless, public} {
		labels("a service", s.Selector)
		for _, p := range s.Ports {
			open("a service", p.TargetPort)
		}
	}
	budget := specOf[disruptionBudget](t, all, "PodDisruptionBudget", "littlehorse")
	if budget.MaxUnavailable != 1 {
		t.Errorf("%+v", budget)
	}
	policy := specOf[networkPolicy](t, all, "NetworkPolicy", "littlehorse")
	for _, in := range policy.Ingress {
		for _, p := range in.Ports {
			open("the network policy", p.Port)
		}
	}
	labels("the disruption budget", budget.Selector.MatchLabels)
	labels("the network policy", policy.PodSelector.MatchLabels)
	labels("the set", set.Selector.MatchLabels)
	for _, s := range pod.Spec.TopologySpreadConstraints {
		labels("the spread over "+s.TopologyKey, s.LabelSelector.MatchLabels)
	}
	for _, p := range []probe{server.StartupProbe, server.LivenessProbe, server.ReadinessProbe} {
		open("a probe", p.HTTPGet.Port)
	}
	if s := pod.Spec.SecurityContext; !s.RunAsNonRoot || !server.SecurityContext.ReadOnlyRootFilesystem || server.SecurityContext.AllowPrivilegeEscalation {
		t.Errorf("%+v, %+v", s, server.SecurityContext)
	}

	settings := map[string]string{}
	config := all[slices.IndexFunc(all, func(m manifest) bool { return m.Kind == "ConfigMap" })]
	if server.EnvFrom[0].ConfigMapRef.Name != config.Metadata.Name {
		t.Error("the server does not read the ConfigMap")
	}
	maps.Copy(settings, config.Data)
	for _, e := range server.Env {
		if strings.HasPrefix(e.Name, "LHS_") {
			settings[e.Name] = strings.ReplaceAll(e.Value, "$(POD_NAME)", "littlehorse-0")
		}
	}
	settings["LHS_INSTANCE_ID"] = "0"
	mounted(t, settings)
	c := settles(t, settings)
	if c.ShutdownTimeout.Seconds() >= float64(pod.Spec.TerminationGracePeriodSeconds) {
		t.Error("a server may take longer to stop than it is given")
	}
	for port, is := range map[string]int{"grpc": c.Listeners[0].Port, "internal": c.InternalBindPort, "health": c.Health.Port, "dashboard": c.Dashboard.Port} {
		if ports[port] != is {
			t.Errorf("port %s is %d, the server listens on %d", port, ports[port], is)
		}
	}
	for mount, path := range map[string]string{"data": c.StateDir, "kafka": "/etc/littlehorse/kafka"} {
		if !slices.ContainsFunc(server.VolumeMounts, func(m struct {
			Name      string
			MountPath string `yaml:"mountPath"`
			ReadOnly  bool   `yaml:"readOnly"`
		},
		) bool {
			return m.Name == mount && m.MountPath == path
		}) {
			t.Errorf("nothing is mounted at %s", path)
		}
	}
}

// mounted puts files in the place of those that the secret of the manifests has.
func mounted(t *testing.T, settings map[string]string) {
	t.Helper()
	login := filepath.Join(t.TempDir(), "login")
	line := `org.apache.kafka.common.security.scram.ScramLoginModule required username="lh" password="p";`
	if err := os.WriteFile(login, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	settings["LHS_KAFKA_SASL_JAAS_CONFIG_FILE"] = login
	settings["LHS_KAFKA_TRUSTSTORE"] = pki.NewAuthority(t, "brokers").File()
}

// The image has one static binary, runs as nobody and knows whether it lives.
func TestContainerfile(t *testing.T) {
	text, err := os.ReadFile("deploy/image/Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	_, last, _ := strings.Cut(string(text), "FROM scratch")
	for _, line := range []string{`USER [1-9][0-9]*:[1-9][0-9]*`, `HEALTHCHECK .* CMD \["lh", "health"\]`, `ENTRYPOINT \["lh"\]`, `CMD \["serve"\]`, `VOLUME /lh-data`} {
		if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(last) {
			t.Errorf("the image has no line %s", line)
		}
	}
	if !strings.Contains(string(text), "CGO_ENABLED=0") {
		t.Error("the binary is not static")
	}
	documented := documentedSettings(t, "docs/ops/settings.md")
	for _, name := range regexp.MustCompile(`LH[SD]_[A-Z_]+`).FindAllString(string(text), -1) {
		if !slices.Contains(documented, name) {
			t.Errorf("there is no setting %s", name)
		}
	}
}
