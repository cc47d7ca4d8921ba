import AssayClient
import AssayDomain
import NIOHTTP1
import Synchronization
import Testing

/// What a push learns of a run from an MLflow tracking server.
@Suite struct MLflowTests {
    /// A server below a path that knows one run; its answer has what MLflow 3.17 writes.
    private struct Tracking: StubBehaviour {
        let authorizations = Log()

        final class Log: Sendable {
            let seen = Mutex<[String?]>([])
        }

        func bodyLimit(of head: HTTPRequestHead) -> Int? { nil }

        func answer(_ request: StubRequest) -> StubAnswer {
            authorizations.seen.withLock { $0.append(request.headers.first(name: "Authorization")) }
            guard request.uri == "/team/api/2.0/mlflow/runs/get?run_id=\(MLflowTests.runID)" else {
                return StubAnswer(
                    status: .notFound,
                    body: Array(#"{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Run not found"}"#.utf8))
            }
            return StubAnswer(body: Array(MLflowTests.answer.utf8))
        }
    }

    private static let runID = "0123456789abcdef0123456789abcdef"
    private static let answer = """
        {"run": {"info": {"run_id": "\(runID)", "run_uuid": "\(runID)", "status": "FINISHED", "user_id": "alice",
                          "start_time": 1764000000000, "end_time": 1764000060000, "lifecycle_stage": "active"},
                 "data": {"metrics": [{"key": "accuracy", "value": 0.97, "timestamp": 1, "step": 3},
                                      {"key": "loss", "value": "NaN", "timestamp": 1, "step": 3}],
                          "params": [{"key": "hidden_units", "value": "24"}],
                          "tags": [{"key": "mlflow.source.git.commit", "value": "4b825dc"}]},
                 "inputs": {"dataset_inputs": [
                     {"dataset": {"name": "digits", "digest": "a1b2c3d4", "source_type": "http",
                                  "source": "{\\"url\\": \\"https://example.org/digits.csv\\"}"},
                      "tags": [{"key": "mlflow.data.context", "value": "training"}]}]}}}
        """

    @Test func `a run is read from below the path of the server`() async throws {
        let tracking = Tracking()
        try await StubServer.run(tracking) { url in
            let run = try await MLflowTracking(uri: url + "/team/", variables: ["MLFLOW_TRACKING_TOKEN": "secret"])
                .run(Self.runID)
            #expect(run.info.run_id == Self.runID)
            #expect(run.info.start_time == 1_764_000_000_000)
            #expect(run.data?.metrics?.map(\.value) == [0.97, nil])
            #expect(run.inputs?.dataset_inputs?.first?.dataset.digest == "a1b2c3d4")
        }
        #expect(tracking.authorizations.seen.withLock { $0 } == ["Bearer secret"])
    }

    @Test func `an unknown run is told as such`() async throws {
        try await StubServer.run(Tracking()) { url in
            let tracking = try MLflowTracking(
                uri: url, variables: ["MLFLOW_TRACKING_USERNAME": "a", "MLFLOW_TRACKING_PASSWORD": "b"])
            let error = await #expect(throws: AssayError.self) { try await tracking.run("0") }
            #expect(error?.code == .runNotFound)
        }
    }

    @Test(arguments: ["sqlite:///mlflow.db", "./mlruns", "databricks", "http://host/a b", "http://user@host"])
    func `what is no address is refused`(_ uri: String) {
        let error = #expect(throws: AssayError.self) { try MLflowTracking(uri: uri, variables: [:]) }
        #expect(error?.code == .configurationInvalid)
    }
}
