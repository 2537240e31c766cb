package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// pod is what an object makes pods of.
type pod struct {
	object string
	meta   metav1.ObjectMeta
	spec   corev1.PodSpec
}

// restricted judges every pod by the evaluator that the API server's own admission uses, against the newest restricted standard.
func restricted(text []byte) (int, []finding, error) {
	pods, err := podsOf(text)
	if err != nil {
		return 0, nil, err
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	if err != nil {
		return 0, nil, fmt.Errorf("make the evaluator: %w", err)
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	var found []finding
	for _, p := range pods {
		for _, result := range evaluator.EvaluatePod(level, &p.meta, &p.spec) {
			if !result.Allowed {
				found = append(found, finding{p.object, "restricted", result.ForbiddenReason + ": " + result.ForbiddenDetail})
			}
		}
	}
	return len(pods), found, nil
}

// podsOf finds what makes pods.
func podsOf(text []byte) ([]pod, error) {
	var pods []pod
	return pods, eachObject(text, func(document []byte, kind, name string) error {
		var template corev1.PodTemplateSpec
		var err error
		switch kind {
		case "Deployment":
			template, err = templateOf(document, func(d *appsv1.Deployment) corev1.PodTemplateSpec { return d.Spec.Template })
		case "StatefulSet":
			template, err = templateOf(document, func(s *appsv1.StatefulSet) corev1.PodTemplateSpec { return s.Spec.Template })
		case "DaemonSet":
			template, err = templateOf(document, func(d *appsv1.DaemonSet) corev1.PodTemplateSpec { return d.Spec.Template })
		case "Job":
			template, err = templateOf(document, func(j *batchv1.Job) corev1.PodTemplateSpec { return j.Spec.Template })
		case "CronJob":
			template, err = templateOf(document, func(c *batchv1.CronJob) corev1.PodTemplateSpec { return c.Spec.JobTemplate.Spec.Template })
		case "Pod":
			template, err = templateOf(document, func(p *corev1.Pod) corev1.PodTemplateSpec {
				return corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec}
			})
		default:
			return nil
		}
		pods = append(pods, pod{kind + "/" + name, template.ObjectMeta, template.Spec})
		return err
	})
}

func templateOf[T any](document []byte, template func(*T) corev1.PodTemplateSpec) (corev1.PodTemplateSpec, error) {
	object := new(T)
	if err := yaml.Unmarshal(document, object); err != nil {
		return corev1.PodTemplateSpec{}, fmt.Errorf("read %T: %w", *object, err)
	}
	return template(object), nil
}

// eachObject calls f with every document of a YAML stream.
func eachObject(text []byte, f func(document []byte, kind, name string) error) error {
	documents := yamlutil.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read what was rendered: %w", err)
		}
		var head struct {
			runtime.TypeMeta
			Metadata metav1.ObjectMeta `json:"metadata"`
		}
		if err := yaml.Unmarshal(document, &head); err != nil {
			return fmt.Errorf("read an object: %w", err)
		}
		if err := f(document, head.Kind, head.Metadata.Name); err != nil {
			return fmt.Errorf("%s/%s: %w", head.Kind, head.Metadata.Name, err)
		}
	}
}
