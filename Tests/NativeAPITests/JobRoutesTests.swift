import APIProtocol
import AssayDomain
import AssayRegistry
import HTTPTypes
import HummingbirdTesting
import NIOCore
import NativeAPI
import TestSupport
import Testing

/// Jobs and workers as they stand on the wire.
struct JobRoutesTests {
    private static let ask = #"{"worker":"edge","labels":["site=edge"],"evaluator":"scripted 1"}"#

    private let test: TestRegistry
    private let server: TestServer

    init() async throws {
        var settings = EvaluatorSettings()
        settings.places = []
        test = try await TestRegistry(evaluators: settings)
        let api = NativeAPI(registry: test.registry, allowsDeletes: true)
        server = TestServer([api], fallback: api)
        _ = try await test.publish(["test.npz": "data"], to: "test", kind: .dataset)
        _ = try await test.publish(["model.onnx": "accuracy=1"], to: "digits")
    }

    private func code(_ answer: TestResponse) throws -> String {
        try JSON.decode(Problem.self, from: Array(answer.body.readableBytesView)).code
    }

    private func message<Value: Decodable>(_ type: Value.Type, _ answer: TestResponse) throws -> Value {
        try JSON.decode(type, from: Array(answer.body.readableBytesView))
    }

    private func queue(_ more: String = "") async throws -> Verification {
        let answer = try await server.send(
            .post, "/api/v1/verifications", json: #"{"reference":"digits:1","dataset":"test:1"\#(more)}"#)
        #expect(answer.status == .accepted)
        return try message(Verification.self, answer)
    }

    private func claim() async throws -> ClaimResponse {
        try message(ClaimResponse.self, try await server.send(.post, "/api/v1/worker/claims", json: Self.ask))
    }

    @Test func `a worker without work gets no content, and then the job with its files`() async throws {
        #expect(try await server.send(.post, "/api/v1/worker/claims", json: Self.ask).status == .noContent)
        let queued = try await queue(#","labels":["site=edge"]"#)
        let job = try await claim()
        #expect(job.verification.id == queued.id)
        #expect(job.files.map(\.role) == [.model, .dataset])
        #expect(job.files.map(\.path) == ["model.onnx", "test.npz"])
        #expect(job.leaseMilliseconds == 60_000)
        let path = "/api/v1/worker/claims/\(job.claim)"
        let beat = try await server.send(.put, path, json: #"{"progress":{"stage":"latency","done":1,"total":2}}"#)
        #expect(try message(Verification.self, beat).state == .running)
        let ended = try await server.send(
            .post, path + "/result", json: #"{"failure":{"kind":"time-limit","message":"too slow"}}"#)
        #expect(try message(Verification.self, ended).state == .failed)
        #expect(try await server.send(.delete, path).status == .conflict)
    }

    @Test func `a job is given back and cancelled`() async throws {
        let queued = try await queue()
        let first = try await claim()
        #expect(try await server.send(.delete, "/api/v1/worker/claims/\(first.claim)").status == .noContent)
        #expect(try code(try await server.send(.delete, "/api/v1/worker/claims/\(first.claim)")) == "claim-lost")
        let second = try await claim()
        let cancel = "/api/v1/verifications/\(queued.id)/cancel"
        for _ in 0..<2 {
            let cancelled = try await server.send(.post, cancel)
            #expect(try message(Verification.self, cancelled).state == .cancelled)
        }
        let late = try await server.send(.put, "/api/v1/worker/claims/\(second.claim)", json: "{}")
        #expect(late.status == .conflict)
        #expect(try code(late) == "claim-lost")
        let report = try await server.send(.get, "/api/v1/verifications/\(queued.id)/report")
        #expect(try (report.status, code(report)) == (.unprocessableContent, "verification-cancelled"))
    }

    @Test func `jobs are listed by state and repository`() async throws {
        let queued = try await queue()
        for query in ["", "?state=queued", "?repository=digits&limit=1", "?reference=digits:1"] {
            let answer = try await server.send(.get, "/api/v1/verifications\(query)")
            #expect(try message(ListResponse<Verification>.self, answer).items.map(\.id) == [queued.id])
        }
        for query in ["?state=running", "?repository=test"] {
            let answer = try await server.send(.get, "/api/v1/verifications\(query)")
            #expect(try message(ListResponse<Verification>.self, answer).items.isEmpty)
        }
        let wrong = try await server.send(.get, "/api/v1/verifications?state=done")
        #expect(try (wrong.status, code(wrong)) == (.badRequest, "request-invalid"))
    }

    @Test(arguments: [
        (#"{}"#, 400, "json-invalid"), (#"[]"#, 400, "json-invalid"), (#"{"worker":"a"}"#, 400, "json-invalid"),
        (#"{"worker":"a b","evaluator":"scripted 1"}"#, 400, "name-invalid"),
        (#"{"worker":"local","evaluator":"scripted 1"}"#, 400, "request-invalid"),
        (#"{"worker":"a","evaluator":"scripted 2"}"#, 422, "evaluator-mismatch"),
        (#"{"worker":"a","evaluator":"scripted 1","threads_max":0}"#, 400, "request-invalid"),
        (#"{"worker":"a","evaluator":"scripted 1","threads_max":-9223372036854775808}"#, 400, "request-invalid"),
        (#"{"worker":"a","evaluator":"scripted 1","labels":["site"]}"#, 400, "label-invalid"),
        (#"{"worker":"a","evaluator":"scripted 1","labels":["site=a\u0007"]}"#, 400, "label-invalid"),
        (#"{"worker":"a","evaluator":"scripted 1","labels":[1]}"#, 400, "json-invalid"),
        (
            #"{"worker":"a","evaluator":"scripted 1","labels":["#
                + (0...32).map { "\"k=\($0)\"" }.joined(separator: ",")
                + "]}", 413, "too-many-entries"
        ),
    ])
    func `a question for work that is none is refused`(body: String, status: Int, name: String) async throws {
        let answer = try await server.send(.post, "/api/v1/worker/claims", json: body)
        #expect(try (answer.status.code, code(answer)) == (status, name))
    }

    @Test(arguments: ["x", "0123456789abcde", "0123456789ABCDEF", "0000000000000000", "..", "%00"])
    func `a claim that never was is not found`(id: String) async throws {
        for (method, path, body) in [
            (HTTPRequest.Method.put, "", "{}"), (.post, "/result", "{}"), (.delete, "", nil as String?),
        ] {
            let path = "/api/v1/worker/claims/\(id)\(path)"
            let answer =
                if let body { try await server.send(method, path, json: body) } else {
                    try await server.send(method, path)
                }
            #expect(answer.status == .notFound)
        }
        #expect(try await server.send(.post, "/api/v1/verifications/\(id)/cancel").status == .notFound)
    }

    @Test(arguments: [
        "{}", #"{"failure":{"kind":"time-limit","message":""},"measurements":{}}"#,
        #"{"failure":{"kind":"A","message":""}}"#,
        #"{"failure":{"kind":"time-limit"}}"#, #"{"measurements":{"metrics":{"accuracy":1e999}}}"#,
    ])
    func `what is no result leaves the job to its worker`(body: String) async throws {
        _ = try await queue()
        let job = try await claim()
        let path = "/api/v1/worker/claims/\(job.claim)"
        #expect(try await server.send(.post, path + "/result", json: body).status == .badRequest)
        #expect(try await server.send(.put, path, json: "{}").status == .ok)
        #expect(try await server.send(.put, path, json: #"{"progress":{"stage":"a"}}"#).status == .badRequest)
    }

    @Test(arguments: [
        (#""labels":["a"]"#, 400, "label-invalid"), (#""labels":"site=edge""#, 400, "json-invalid"),
        (#""labels":["# + (0...32).map { "\"k=\($0)\"" }.joined(separator: ",") + "]", 413, "too-many-entries"),
    ])
    func `labels that are none are refused`(member: String, status: Int, name: String) async throws {
        let answer = try await server.send(
            .post, "/api/v1/verifications", json: #"{"reference":"digits:1","dataset":"test:1",\#(member)}"#)
        #expect(try (answer.status.code, code(answer)) == (status, name))
    }
}
