// Program yaml-oracle says what kubectl and kustomize make of YAML texts: the same packages in the same versions, in one
// process. Each line of standard input is a case {"dialect":"kubectl"|"kustomize","text":"…"}; each line of standard output
// is its answer {"documents":[…]} with "refused":"…" when the tool stops there.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"k8s.io/apimachinery/pkg/runtime"
	k8syaml "k8s.io/apimachinery/pkg/util/yaml"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

type question struct {
	Dialect string `json:"dialect"`
	Text    string `json:"text"`
}

type answer struct {
	Documents []any  `json:"documents"`
	Refused   string `json:"refused,omitempty"`
}

// plain reads JSON as the API machinery does: integers stay integers, the last of equal keys counts.
func plain(raw []byte) (any, error) {
	var value any
	err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &value)
	return value, err
}

// kubectl reads as `kubectl -f FILE`: FileVisitor's byte order mark, then StreamVisitor's decoder.
func kubectl(text string) (answer, error) {
	said := answer{Documents: []any{}}
	reader := transform.NewReader(bytes.NewBufferString(text), unicode.BOMOverride(unicode.UTF8.NewDecoder()))
	decoder := k8syaml.NewYAMLOrJSONDecoder(reader, 4096)
	for {
		extension := runtime.RawExtension{}
		if err := decoder.Decode(&extension); err != nil {
			if err == io.EOF {
				return said, nil
			}
			return said, err
		}
		raw := bytes.TrimSpace(extension.Raw)
		if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
			continue
		}
		value, err := plain(raw)
		if err != nil {
			return said, err
		}
		said.Documents = append(said.Documents, value)
	}
}

// kustomize builds a kustomization whose only resource is the text, and reads what it prints.
func kustomize(text string) (answer, error) {
	said := answer{Documents: []any{}}
	files := filesys.MakeFsInMemory()
	if err := files.WriteFile("kustomization.yaml", []byte("resources: [r.yaml]\n")); err != nil {
		return said, err
	}
	if err := files.WriteFile("r.yaml", []byte(text)); err != nil {
		return said, err
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, ".")
	if err != nil {
		return said, err
	}
	for _, resource := range built.Resources() {
		printed, err := resource.AsYAML()
		if err != nil {
			return said, err
		}
		raw, err := yaml.YAMLToJSON(printed)
		if err != nil {
			return said, err
		}
		value, err := plain(raw)
		if err != nil {
			return said, err
		}
		said.Documents = append(said.Documents, value)
	}
	return said, nil
}

func ask(one question) (said answer) {
	defer func() {
		if panicked := recover(); panicked != nil {
			said = answer{Documents: []any{}, Refused: fmt.Sprintf("panic: %v", panicked)}
		}
	}()
	tool := kubectl
	if one.Dialect == "kustomize" {
		tool = kustomize
	}
	said, err := tool(one.Text)
	if err != nil {
		said.Refused = err.Error()
	}
	return said
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	decoder := json.NewDecoder(lines)
	for {
		var one question
		if err := decoder.Decode(&one); err == io.EOF {
			return
		} else if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if err := encoder.Encode(ask(one)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
}
