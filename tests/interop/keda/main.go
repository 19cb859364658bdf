// KEDA's own scalers, asked about one trigger: JSON on standard input, JSON on standard output.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
	v2 "k8s.io/api/autoscaling/v2"
	"plaudit.example/scaling/scalers"
)

// Trigger is one of a ScaledObject, as the chart renders it.
type Trigger struct {
	Type       string            `json:"type"`
	MetricType string            `json:"metricType"`
	Metadata   map[string]string `json:"metadata"`
}

// Answer is what KEDA makes of it: the target of one replica, and the current value.
type Answer struct {
	Active bool    `json:"active"`
	Value  float64 `json:"value"`
	Target float64 `json:"target"`
}

func open(ctx context.Context, trigger Trigger) (scalers.Scaler, error) {
	config := &scalersconfig.ScalerConfig{
		ScalableObjectName:      "plaudit",
		ScalableObjectNamespace: "plaudit",
		GlobalHTTPTimeout:       3 * time.Second,
		TriggerType:             trigger.Type,
		TriggerMetadata:         trigger.Metadata,
		MetricType:              v2.MetricTargetType(trigger.MetricType),
	}
	switch trigger.Type {
	case "kafka":
		return scalers.NewKafkaScaler(ctx, config)
	case "metrics-api":
		return scalers.NewMetricsAPIScaler(config, nil)
	}
	return nil, fmt.Errorf("no scaler of type %q", trigger.Type)
}

func ask(ctx context.Context, trigger Trigger) (Answer, error) {
	scaler, err := open(ctx, trigger)
	if err != nil {
		return Answer{}, err
	}
	defer scaler.Close(ctx)
	values, active, err := scaler.GetMetricsAndActivity(ctx, "plaudit")
	if err != nil {
		return Answer{}, err
	}
	target := scaler.GetMetricSpecForScaling(ctx)[0].External.Target.AverageValue
	return Answer{active, values[0].Value.AsApproximateFloat64(), target.AsApproximateFloat64()}, nil
}

func main() {
	var trigger Trigger
	err := json.NewDecoder(os.Stdin).Decode(&trigger)
	var answer Answer
	if err == nil {
		answer, err = ask(context.Background(), trigger)
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(answer)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
