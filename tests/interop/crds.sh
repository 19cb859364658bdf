#!/bin/sh
# The definitions of objects that the chart makes for KEDA, Prometheus' operator, Gateway API and
# Strimzi, each from its own release, into a folder: crds.sh FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
dir() { cd / && GOFLAGS=-mod=mod go mod download -json "$1" | sed -n 's/.*"Dir": "\(.*\)",/\1/p'; }
cp "$(dir github.com/kedacore/keda/v2@v2.21.0)"/config/crd/bases/keda.sh_*.yaml "$folder"
operator=$(dir github.com/prometheus-operator/prometheus-operator@v0.85.0)/example/prometheus-operator-crd
cp "$operator"/monitoring.coreos.com_podmonitors.yaml "$operator"/monitoring.coreos.com_prometheusrules.yaml "$folder"
cp "$(dir sigs.k8s.io/gateway-api@v1.3.0)"/config/crd/standard/gateway.networking.k8s.io_httproutes.yaml "$folder"
mvn -q -B -f "$here/java/strimzi/pom.xml" dependency:copy-dependencies -DoutputDirectory="$folder/strimzi"
java -cp "$folder/strimzi/*" io.strimzi.crdgenerator.CrdGenerator --yaml --target-kube 1.25+ \
    io.strimzi.api.kafka.model.user.KafkaUser="$folder/kafkausers.yaml" \
    io.strimzi.api.kafka.model.topic.KafkaTopic="$folder/kafkatopics.yaml" 2>/dev/null
chmod -R u+w "$folder"
