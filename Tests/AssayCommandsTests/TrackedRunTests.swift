import AssayClient
import AssayDomain
import Testing

@testable import AssayCommands

/// What becomes of an MLflow run that a push names.
@Suite struct TrackedRunTests {
    private func run(_ text: String) throws -> MLflowRun {
        try JSON.decodeVerbatim(MLflowRun.self, from: Array(text.utf8))
    }

    @Test func `parameters, finite metrics, commit and note become metadata`() throws {
        let run = try run(
            """
            {"info": {"run_id": "r1"},
             "data": {"metrics": [{"key": "auc", "value": 1}, {"key": "loss", "value": "NaN"}],
                      "params": [{"key": "layers", "value": "2"}],
                      "tags": [{"key": "mlflow.note.content", "value": "Digits"}, {"key": "other", "value": "x"},
                               {"key": "mlflow.source.git.commit", "value": "4b825dc"}]}}
            """)
        #expect(
            PushMetadata(run: run).metadata
                == VersionMetadata(
                    description: "Digits", metrics: ["auc": 1], hyperparameters: ["layers": "2"], runId: "r1",
                    gitCommit: "4b825dc"))
        #expect(TrainingRun(run) == TrainingRun())
    }

    @Test func `times and datasets are told in provenance`() throws {
        let run = try run(
            """
            {"info": {"run_id": "r1", "start_time": 0, "end_time": 1000},
             "inputs": {"dataset_inputs": [
                 {"dataset": {"name": "a", "digest": "1", "source": "{\\"uri\\": \\"s3://b/a\\"}"},
                  "tags": [{"key": "mlflow.data.context", "value": "training"}]},
                 {"dataset": {"name": "b", "digest": "2", "source": "{}"}}]}}
            """)
        #expect(PushMetadata(run: run).metadata == VersionMetadata(runId: "r1"))
        #expect(
            TrainingRun(run)
                == TrainingRun(
                    startedAt: Timestamp(milliseconds: 0), finishedAt: Timestamp(milliseconds: 1000),
                    inputs: [
                        .init(
                            name: "a", uri: "s3://b/a",
                            notes: ["mlflow.digest": "1", "mlflow.data.context": "training"]),
                        .init(name: "b", uri: nil, notes: ["mlflow.digest": "2"]),
                    ]))
    }
}
