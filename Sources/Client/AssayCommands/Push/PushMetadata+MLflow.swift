import AssayClient
import AssayDomain

extension PushMetadata {
    /// What an MLflow run says of the model that it made. What is longer than metadata may be is an error of `check`.
    init(run: MLflowRun) {
        self.init()
        let tags = Dictionary((run.data?.tags ?? []).map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
        let parameters = (run.data?.params ?? []).map { ($0.key, $0.value) }
        let metrics = (run.data?.metrics ?? []).compactMap { metric in metric.value.map { (metric.key, $0) } }
        metadata.runId = run.info.run_id
        metadata.description = tags["mlflow.note.content"]
        metadata.gitCommit = tags["mlflow.source.git.commit"]
        if !parameters.isEmpty { add(hyperparameters: Dictionary(parameters, uniquingKeysWith: { $1 })) }
        if !metrics.isEmpty { add(metrics: Dictionary(metrics, uniquingKeysWith: { $1 })) }
    }
}

extension TrainingRun {
    init(_ run: MLflowRun) {
        self.init(
            startedAt: run.info.start_time.map { Timestamp(milliseconds: $0) },
            finishedAt: run.info.end_time.map { Timestamp(milliseconds: $0) },
            inputs: (run.inputs?.dataset_inputs ?? []).map { input in
                let context = input.tags?.first { $0.key == "mlflow.data.context" }?.value
                let source = input.dataset.source.flatMap {
                    try? JSON.decodeVerbatim(DatasetSource.self, from: Array($0.utf8))  // Other kinds name no place.
                }
                return Input(
                    name: input.dataset.name, uri: source?.uri ?? source?.url,
                    notes: ["mlflow.digest": input.dataset.digest, "mlflow.data.context": context].compactMapValues {
                        $0
                    })
            })
    }

    private struct DatasetSource: Decodable {
        let uri: String?
        let url: String?
    }
}
