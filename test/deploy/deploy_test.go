package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"littlehorse/internal/server"
	"littlehorse/test/pki"
)

// read gives the settings to the server's own reader.
func read(t *testing.T, settings map[string]string) (server.Config, []server.Notice, error) {
	t.Helper()
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&text, "%s=%s\n", name, settings[name])
	}
	return server.LoadConfig(write(t, filepath.Join(t.TempDir(), "settings"), text.String()))
}

// settles reads settings of which the server neither refuses nor ignores any.
func settles(t *testing.T, settings map[string]string) server.Config {
	t.Helper()
	c, notices, err := read(t, settings)
	if err != nil || len(notices) > 0 {
		t.Errorf("%v, %v of %v", err, notices, settings)
	}
	return c
}

// holds: ThreeServersByOneFile
// covers: operations §8
func TestComposeFile(t *testing.T) {
	text, err := os.ReadFile("../../deploy/compose/compose.yaml")
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

// manifest is what the tests look at of an object of Kubernetes. That there is nothing in it which Kubernetes does not know is for tools/chart
// to say.
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
			Volumes                       []volume
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

type volume struct {
	Name   string
	Secret struct {
		SecretName string `yaml:"secretName"`
	}
}

type mount struct {
	Name      string
	MountPath string `yaml:"mountPath"`
	ReadOnly  bool   `yaml:"readOnly"`
}

type env struct {
	Name, Value string
	ValueFrom   struct {
		FieldRef struct {
			FieldPath string `yaml:"fieldPath"`
		} `yaml:"fieldRef"`
	} `yaml:"valueFrom"`
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
	MinDomains        int      `yaml:"minDomains"`
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
	Env             []env
	StartupProbe    probe `yaml:"startupProbe"`
	LivenessProbe   probe `yaml:"livenessProbe"`
	ReadinessProbe  probe `yaml:"readinessProbe"`
	Resources       struct{ Requests, Limits map[string]string }
	SecurityContext struct {
		AllowPrivilegeEscalation bool `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct{ Drop []string }
	} `yaml:"securityContext"`
	VolumeMounts []mount `yaml:"volumeMounts"`
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

// specOf is the spec of the one object of the kind and name.
func specOf[T any](t *testing.T, all []manifest, kind, name string) (spec T) {
	t.Helper()
	i := slices.IndexFunc(all, func(m manifest) bool { return m.Kind == kind && m.Metadata.Name == name })
	if i < 0 {
		t.Fatalf("there is no %s %s", kind, name)
	}
	if err := all[i].Spec.Decode(&spec); err != nil {
		t.Fatal(err)
	}
	return spec
}

// objects are those of a file.
func objects(t *testing.T, text []byte) (all []manifest) {
	t.Helper()
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var m manifest
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if m.Kind != "" {
			all = append(all, m)
		}
	}
}

// chart runs tools/chart, which `make lint` builds.
func chart(t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	const tool = "../../.cache/bin/chart"
	if _, err := os.Stat(tool); err != nil {
		t.Fatalf("%v: make lint builds it", err)
	}
	var said bytes.Buffer
	cmd := exec.Command(tool, args...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, said.String())
	}
	return out, err
}

func TestKubernetesManifests(t *testing.T) {
	const file = "../../deploy/kubernetes/littlehorse.yaml"
	if _, err := chart(t, "-check", file); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fits(t, objects(t, text), "littlehorse")
}

const chartDir = "../../deploy/helm/littlehorse"

// The chart keeps the rules of Helm and of Kubernetes, and gives the server settings that it takes, as it comes and with each of the
// examples.
func TestHelmChart(t *testing.T) {
	examples, err := filepath.Glob("../../deploy/helm/examples/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("%v, %v", examples, err)
	}
	seen := map[string]bool{}
	for _, values := range append([]string{""}, examples...) {
		t.Run(filepath.Base(values), func(t *testing.T) {
			args := []string{chartDir}
			if values != "" {
				args = []string{"-values", values, chartDir}
			}
			made, err := chart(t, args...)
			if err != nil {
				t.Fatal(err)
			}
			all := objects(t, made)
			for _, m := range all {
				seen[m.Kind] = true
			}
			fits(t, all, "lh")
		})
	}
	for _, kind := range []string{"ConfigMap", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount", "StatefulSet"} {
		if !seen[kind] {
			t.Errorf("the chart makes no %s", kind)
		}
	}
}

// As it comes, the chart is what a cluster in three zones needs.
func TestHelmChartSpreadsOverZones(t *testing.T) {
	made, err := chart(t, chartDir)
	if err != nil {
		t.Fatal(err)
	}
	set := specOf[statefulSet](t, objects(t, made), "StatefulSet", "lh")
	i := slices.IndexFunc(set.Template.Spec.TopologySpreadConstraints, func(s spread) bool { return s.TopologyKey == "topology.kubernetes.io/zone" })
	if i < 0 {
		t.Fatal("nothing spreads the servers over zones")
	}
	if s := set.Template.Spec.TopologySpreadConstraints[i]; set.Replicas != 3 || s.MinDomains != 3 || s.WhenUnsatisfiable != "DoNotSchedule" || s.MaxSkew != 1 {
		t.Errorf("%d servers, %+v", set.Replicas, s)
	}
	racks := slices.ContainsFunc(set.Template.Spec.Containers[0].Env, func(e env) bool {
		return e.Name == "LHS_RACK_ID" && e.ValueFrom.FieldRef.FieldPath == "metadata.labels['topology.kubernetes.io/zone']"
	})
	if !racks {
		t.Error("a server is not told its zone")
	}
}

// What does not fit is refused when the chart is made, or by the server's own reader.
func TestHelmChartRefuses(t *testing.T) {
	for set, want := range map[string]string{
		"nosuch=1":                      "nosuch",
		"partitions=0":                  "partitions",
		"kafka.securityProtocol=TLS":    "securityProtocol",
		"kafka.secret=":                 "kafka.securityProtocol needs kafka.secret",
		"listener.authentication=MTLS":  "listener.authentication MTLS needs listener.tlsSecret",
		"settings.LHS_CLUSTER_ID=other": "settings.LHS_CLUSTER_ID: the chart sets it by another value",
	} {
		if _, err := chart(t, "-set", set, chartDir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", set, err)
		}
	}
	made, err := chart(t, "-set", "settings.LHS_CORE_STREAM_THREDS=two", chartDir)
	if err != nil {
		t.Fatal(err)
	}
	all := objects(t, made)
	_, notices, err := read(t, settingsOf(t, all, specOf[statefulSet](t, all, "StatefulSet", "lh")))
	if err != nil || len(notices) != 1 || notices[0].Name != "LHS_CORE_STREAM_THREDS" {
		t.Errorf("a setting that there is not: %v, %v", notices, err)
	}
}

// settingsOf are the settings that the first server is given.
func settingsOf(t *testing.T, all []manifest, set statefulSet) map[string]string {
	t.Helper()
	settings := map[string]string{}
	config := all[slices.IndexFunc(all, func(m manifest) bool { return m.Kind == "ConfigMap" })]
	container := set.Template.Spec.Containers[0]
	if container.EnvFrom[0].ConfigMapRef.Name != config.Metadata.Name {
		t.Error("the server does not read the ConfigMap")
	}
	maps.Copy(settings, config.Data)
	for _, e := range container.Env {
		if strings.HasPrefix(e.Name, "LHS_") {
			settings[e.Name] = strings.ReplaceAll(e.Value, "$(POD_NAME)", "pod-0")
		}
	}
	settings["LHS_INSTANCE_ID"] = "0"
	mounted(t, settings, container.VolumeMounts)
	return settings
}

// fits holds the objects of one cluster to one another and to the server.
func fits(t *testing.T, all []manifest, name string) {
	t.Helper()
	set := specOf[statefulSet](t, all, "StatefulSet", name)
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
	headless, public := specOf[service](t, all, "Service", set.ServiceName), specOf[service](t, all, "Service", name)
	if headless.ClusterIP != "None" || !headless.PublishNotReadyAddresses || public.ClusterIP != "" {
		t.Errorf("%+v, %+v", headless, public)
	}
	for _, s := range []service{headless, public} {
		labels("a service", s.Selector)
		for _, p := range s.Ports {
			open("a service", p.TargetPort)
		}
	}
	budget := specOf[disruptionBudget](t, all, "PodDisruptionBudget", name)
	if budget.MaxUnavailable != 1 {
		t.Errorf("%+v", budget)
	}
	if slices.ContainsFunc(all, func(m manifest) bool { return m.Kind == "NetworkPolicy" }) {
		closes(t, specOf[networkPolicy](t, all, "NetworkPolicy", name), labels, open)
	}
	labels("the disruption budget", budget.Selector.MatchLabels)
	labels("the set", set.Selector.MatchLabels)
	for _, s := range pod.Spec.TopologySpreadConstraints {
		labels("the spread over "+s.TopologyKey, s.LabelSelector.MatchLabels)
	}
	for _, p := range []probe{server.StartupProbe, server.LivenessProbe, server.ReadinessProbe} {
		open("a probe", p.HTTPGet.Port)
	}
	if s := pod.Spec.SecurityContext; !s.RunAsNonRoot || s.RunAsUser == 0 || !server.SecurityContext.ReadOnlyRootFilesystem ||
		server.SecurityContext.AllowPrivilegeEscalation || !slices.Equal(server.SecurityContext.Capabilities.Drop, []string{"ALL"}) ||
		pod.Spec.AutomountServiceAccountToken {
		t.Errorf("%+v, %+v", s, server.SecurityContext)
	}
	settings := settingsOf(t, all, set)
	c := settles(t, settings)
	if c.ShutdownTimeout.Seconds() >= float64(pod.Spec.TerminationGracePeriodSeconds) {
		t.Error("a server may take longer to stop than it is given")
	}
	listens := map[string]int{"grpc": c.Listeners[0].Port, "internal": c.InternalBindPort, "health": c.Health.Port}
	if c.Dashboard.Port > 0 {
		listens["dashboard"] = c.Dashboard.Port
	}
	if !maps.Equal(ports, listens) {
		t.Errorf("the ports are %v, the server listens on %v", ports, listens)
	}
	scraped := map[string]string{"scrape": "true", "port": fmt.Sprint(c.Health.Port), "path": c.Health.Metrics}
	for what, is := range scraped {
		if got := pod.Metadata.Annotations["prometheus.io/"+what]; got != is {
			t.Errorf("prometheus.io/%s is %q, not %q", what, got, is)
		}
	}
	if h := c.Health; server.LivenessProbe.HTTPGet.Path != h.Liveness || server.ReadinessProbe.HTTPGet.Path != h.Readiness {
		t.Errorf("probes ask %s and %s", server.LivenessProbe.HTTPGet.Path, server.ReadinessProbe.HTTPGet.Path)
	}
	if !slices.ContainsFunc(server.VolumeMounts, func(m mount) bool { return m.Name == "data" && m.MountPath == c.StateDir }) {
		t.Errorf("nothing is mounted at %s", c.StateDir)
	}
	for _, m := range server.VolumeMounts {
		secret := slices.ContainsFunc(pod.Spec.Volumes, func(v volume) bool { return v.Name == m.Name && v.Secret.SecretName != "" })
		if m.ReadOnly != secret || m.Name != "data" && !slices.ContainsFunc(pod.Spec.Volumes, func(v volume) bool { return v.Name == m.Name }) {
			t.Errorf("volume %s at %s: %+v", m.Name, m.MountPath, pod.Spec.Volumes)
		}
	}
}

// closes holds the policy to let nobody but the servers reach the internal port.
func closes(t *testing.T, policy networkPolicy, labels func(string, map[string]string), open func(what, port string)) {
	t.Helper()
	labels("the network policy", policy.PodSelector.MatchLabels)
	internal := 0
	for _, in := range policy.Ingress {
		for _, p := range in.Ports {
			open("the network policy", p.Port)
			if p.Port != "internal" {
				continue
			}
			internal++
			if len(in.Ports) != 1 || len(in.From) != 1 || in.From[0].PodSelector == nil {
				t.Errorf("the internal port is open to %+v", in)
				continue
			}
			labels("who may reach the internal port", in.From[0].PodSelector.MatchLabels)
		}
	}
	if internal != 1 || !slices.Equal(policy.PolicyTypes, []string{"Ingress"}) {
		t.Errorf("%+v", policy)
	}
}

// mounted puts files in the place of those that secrets have, which must be mounted where the settings say.
func mounted(t *testing.T, settings map[string]string, mounts []mount) {
	t.Helper()
	dir := t.TempDir()
	authority := pki.NewAuthority(t, "somebody")
	pair := authority.Server()
	login := `org.apache.kafka.common.security.scram.ScramLoginModule required username="lh" password="p";`
	if settings["LHS_KAFKA_SASL_MECHANISM"] == "PLAIN" {
		login = strings.ReplaceAll(login, "scram.ScramLoginModule", "plain.PlainLoginModule")
	}
	text := func(of string) string { return write(t, filepath.Join(dir, of), of) }
	files := map[string]func() string{
		"kafka/login":         func() string { return write(t, filepath.Join(dir, "login"), login) },
		"kafka/truststore":    authority.File,
		"kafka/keystore":      func() string { return joined(t, filepath.Join(dir, "keystore"), pair.Cert, pair.Key) },
		"internal/ca.crt":     authority.File,
		"internal/tls.crt":    func() string { return pair.Cert },
		"internal/tls.key":    func() string { return pair.Key },
		"listener/ca.crt":     authority.File,
		"listener/tls.crt":    func() string { return pair.Cert },
		"listener/tls.key":    func() string { return pair.Key },
		"oauth/client-id":     func() string { return text("client-id") },
		"oauth/client-secret": func() string { return text("client-secret") },
	}
	for name, path := range settings {
		rest, ok := strings.CutPrefix(path, "/etc/littlehorse/")
		if !ok {
			continue
		}
		if !slices.ContainsFunc(mounts, func(m mount) bool { return m.ReadOnly && m.MountPath == filepath.Dir(path) }) {
			t.Errorf("%s: nothing is mounted at %s", name, path)
		}
		make := files[rest]
		if make == nil {
			t.Fatalf("%s: the test has no file for %s", name, path)
		}
		settings[name] = make()
	}
}

func write(t *testing.T, file, text string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func joined(t *testing.T, file string, parts ...string) string {
	t.Helper()
	var all strings.Builder
	for _, p := range parts {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return write(t, file, all.String())
}

// The image has one static binary, runs as nobody and knows whether it lives.
//
// holds: OneServerNeedsNothingElse
// covers: operations §8
func TestContainerfile(t *testing.T) {
	text, err := os.ReadFile("../../deploy/image/Containerfile")
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
	env := regexp.MustCompile(`(?m)^ENV (.*)$`).FindStringSubmatch(last)
	if env == nil {
		t.Fatal("the image sets nothing")
	}
	settings := map[string]string{}
	for _, pair := range strings.Fields(env[1]) {
		if name, value, _ := strings.Cut(pair, "="); name != "PATH" {
			settings[name] = value
		}
	}
	if c := settles(t, settings); c.StateDir != "/lh-data" {
		t.Errorf("the state is in %s, the volume is /lh-data", c.StateDir)
	}
}
